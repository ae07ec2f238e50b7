// Package resp reads commands and writes replies of the Redis protocol, versions 2 and 3.
package resp

import (
	"bytes"
	"errors"
	"io"
)

// Limits on what a client may send. A length on the wire allocates nothing: buffers grow as bytes
// arrive.
const (
	// A line that holds an inline command, or a length, in bytes.
	LineBytesMax = 64 * 1024
	// The arguments of one command.
	ArgumentsMax = 1024 * 1024
	// One argument, and all arguments of a command together, in bytes.
	BulkBytesMax    = 16 * 1024 * 1024
	RequestBytesMax = 64 * 1024 * 1024
	// Before a client has authenticated itself.
	argumentsMaxUnknown = 10
	bulkBytesMaxUnknown = 16 * 1024

	bufferBytesMin = 4 * 1024
	// What a full read grows the buffer to, and what an emptied buffer may keep.
	bufferBytesKept = 64 * 1024
	// Argument slots that are kept between commands.
	argumentsKept = 1024
)

// ErrNoMemory says that the buffers of all clients together may not grow further.
var ErrNoMemory = errors.New("the buffers of all clients together are at their limit")

// ProtocolError is a request that is not RESP. The connection has to be closed after it is told.
type ProtocolError string

func (e ProtocolError) Error() string { return "Protocol error: " + string(e) }

// span is where an argument lies, counted from the start of its command.
type span struct{ from, to int }

// Reader takes commands out of a byte stream. It remembers how far it has come in an incomplete
// command, so that bytes are looked at once however they are split.
type Reader struct {
	src io.Reader
	buf []byte
	// The current command starts at start and has been read up to pos; bytes end at end.
	start, pos, end int
	// Arguments still to come, 0 between commands; the length of the one being read, or -1; and
	// the bytes of all arguments of this command so far.
	missing, bulk, total int
	spans                []span
	args                 [][]byte
	// Grow is asked before the buffer grows by that many bytes, and told when it shrinks. It may
	// be nil.
	Grow func(bytes int) bool
	// Unknown holds a client that has not authenticated itself to far smaller limits.
	Unknown bool
}

// NewReader reads from src.
func NewReader(src io.Reader) *Reader {
	return &Reader{src: src, buf: make([]byte, bufferBytesMin), bulk: -1}
}

// Buffered is the count of bytes received but not yet taken as part of a command.
func (r *Reader) Buffered() int { return r.end - r.start }

// Size is the capacity of the buffer in bytes.
func (r *Reader) Size() int { return len(r.buf) }

// Next takes the next command that has wholly arrived. It returns no arguments when there is none:
// Fill has to be called. The arguments are valid until the next call of Next or Fill.
func (r *Reader) Next() ([][]byte, error) {
	for {
		if r.missing == 0 {
			r.start = r.pos
			if r.pos == r.end {
				return nil, nil
			}
			if r.buf[r.pos] != '*' {
				args, more, err := r.inline()
				if err != nil || len(args) > 0 || !more {
					return args, err
				}
				continue
			}
			count, ok, err := r.length('*', "too big mbulk count string")
			if err != nil || !ok {
				return nil, err
			}
			if count > ArgumentsMax || count == lengthInvalid {
				return nil, ProtocolError("invalid multibulk length")
			}
			if r.Unknown && count > argumentsMaxUnknown {
				return nil, ProtocolError("unauthenticated multibulk length")
			}
			if count <= 0 {
				continue
			}
			r.missing, r.bulk, r.total = count, -1, 0
			r.spans = r.spans[:0]
		}
		done, err := r.bulks()
		if err != nil || !done {
			return nil, err
		}
		return r.collect(), nil
	}
}

// Ahead appends the first argument of each command that has wholly arrived and is plain, behind the
// names, to keys, up to its capacity. It only looks: what it passes over Next will judge.
func (r *Reader) Ahead(keys [][]byte) [][]byte {
	if r.missing > 0 {
		return keys
	}
	for rest := r.buf[r.pos:r.end]; len(keys) < cap(keys); {
		count, at := short(rest, 0, '*')
		var key []byte
		for i := 0; i < count; i++ {
			length, from := short(rest, at, '$')
			if length < 0 || from+length+2 > len(rest) {
				return keys
			}
			if i == 1 {
				key = rest[from : from+length : from+length]
			}
			at = from + length + 2
		}
		if count < 1 {
			return keys
		}
		keys = append(keys, key)
		rest = rest[at:]
	}
	return keys
}

// short reads a line of a mark and one to four digits, as nearly all that say a number are; -1 for
// any other. It returns where the next line begins.
func short(text []byte, at int, mark byte) (n, next int) {
	if at >= len(text) || text[at] != mark {
		return -1, 0
	}
	digits := text[at+1 : min(len(text), at+7)]
	for i, c := range digits {
		switch {
		case c >= '0' && c <= '9' && i < 4 && (i == 0 || n > 0):
			n = n*10 + int(c-'0')
		case c == '\r' && i > 0 && i+1 < len(digits) && digits[i+1] == '\n':
			return n, at + i + 3
		default:
			return -1, 0
		}
	}
	return -1, 0
}

// bulks reads the arguments that have arrived; false when some are missing.
func (r *Reader) bulks() (bool, error) {
	for r.missing > 0 {
		if r.bulk < 0 {
			if r.pos == r.end {
				return false, nil
			}
			if c := r.buf[r.pos]; c != '$' {
				return false, ProtocolError("expected '$', got '" + string([]byte{c}) + "'")
			}
			length, ok, err := r.length('$', "too big bulk count string")
			if err != nil || !ok {
				return false, err
			}
			if length < 0 || length > BulkBytesMax {
				return false, ProtocolError("invalid bulk length")
			}
			if r.Unknown && length > bulkBytesMaxUnknown {
				return false, ProtocolError("unauthenticated bulk length")
			}
			if r.total += length; r.total > RequestBytesMax {
				return false, ProtocolError("too big request")
			}
			r.bulk = length
		}
		if r.end-r.pos < r.bulk+2 {
			return false, nil
		}
		from := r.pos - r.start
		r.spans = append(r.spans, span{from, from + r.bulk})
		r.pos += r.bulk + 2
		r.bulk = -1
		r.missing--
	}
	return true, nil
}

// lengthInvalid is what stands for a length that is not a number.
const lengthInvalid = -1 << 62

// length reads a line that holds a mark and a number. ok is false when the line is incomplete.
func (r *Reader) length(mark byte, tooLong string) (n int, ok bool, err error) {
	if n, next := short(r.buf[:r.end], r.pos, mark); n >= 0 {
		r.pos = next
		return n, true, nil
	}
	line := r.buf[r.pos:r.end]
	at := bytes.IndexByte(line[:min(len(line), LineBytesMax+1)], '\r')
	if at < 0 {
		if len(line) > LineBytesMax {
			return 0, false, ProtocolError(tooLong)
		}
		return 0, false, nil
	}
	if at+1 >= len(line) {
		return 0, false, nil
	}
	r.pos += at + 2
	return number(line[1:at]), true, nil
}

// number is a decimal number of at most 18 digits, without leading zeros or a plus sign.
func number(text []byte) int {
	digits := text
	negative := len(digits) > 0 && digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 18 || digits[0] == '0' && len(text) > 1 {
		return lengthInvalid
	}
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return lengthInvalid
		}
		n = n*10 + int(c-'0')
	}
	if negative {
		return -n
	}
	return n
}

func (r *Reader) collect() [][]byte {
	if cap(r.args) > argumentsKept && len(r.spans) <= argumentsKept {
		r.args = nil
	}
	r.args = r.args[:0]
	command := r.buf[r.start:r.pos]
	for _, s := range r.spans {
		r.args = append(r.args, command[s.from:s.to:s.to])
	}
	if cap(r.spans) > argumentsKept {
		r.spans = nil
	}
	return r.args
}

// inline reads a command typed as a line. more is false when the line is incomplete.
func (r *Reader) inline() (args [][]byte, more bool, err error) {
	line := r.buf[r.pos:r.end]
	at := bytes.IndexByte(line[:min(len(line), LineBytesMax+1)], '\n')
	if at < 0 {
		if len(line) > LineBytesMax {
			return nil, false, ProtocolError("too big inline request")
		}
		return nil, false, nil
	}
	r.pos += at + 1
	line = bytes.TrimSuffix(line[:at], []byte{'\r'})
	r.args, err = splitLine(r.args[:0], line)
	return r.args, true, err
}

// Fill reads once from the source into the buffer.
func (r *Reader) Fill() error {
	if !r.makeRoom() {
		return ErrNoMemory
	}
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// makeRoom moves what is left to the front, and grows a buffer that is full: at most twofold, so
// that memory follows the bytes received and not the lengths announced.
func (r *Reader) makeRoom() bool {
	left := r.end - r.start
	full := r.end == len(r.buf)
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.pos -= r.start
		r.start, r.end = 0, left
	}
	if left == 0 && len(r.buf) > bufferBytesKept {
		return r.resize(bufferBytesKept)
	}
	if !full || left < len(r.buf)/2 && len(r.buf) >= bufferBytesKept {
		return true
	}
	size := 2 * len(r.buf)
	if r.bulk > 0 && size > bufferBytesKept {
		// No more than the argument needs, when that is in sight.
		size = min(size, max(len(r.buf), r.pos+r.bulk+2)+bufferBytesMin)
	}
	return r.resize(size)
}

// Shrink gives back a buffer that has grown and is empty.
func (r *Reader) Shrink() {
	if r.end == r.start && len(r.buf) > bufferBytesMin {
		r.start, r.pos, r.end = 0, 0, 0
		r.resize(bufferBytesMin)
		r.spans, r.args = nil, nil
	}
}

func (r *Reader) resize(size int) bool {
	if r.Grow != nil && !r.Grow(size-len(r.buf)) {
		return false
	}
	resized := make([]byte, size)
	copy(resized, r.buf[:r.end])
	r.buf = resized
	return true
}
