package resp

import (
	"strconv"
	"strings"
)

// ReplyBytesMax is the largest reply to one command in bytes.
const ReplyBytesMax = 64 * 1024 * 1024

// Writer gathers replies until they are sent. Proto is the protocol's version, 2 or 3. Once a reply
// is larger than ReplyBytesMax, Over is set and values are left out: the client is to be closed.
type Writer struct {
	Buf   []byte
	Proto int
	Over  bool
	start int
}

// Begin says that the next reply begins.
func (w *Writer) Begin() { w.start = len(w.Buf) }

// fits says whether the reply may take n more bytes.
func (w *Writer) fits(n int) bool {
	if len(w.Buf)-w.start+n > ReplyBytesMax {
		w.Over = true
	}
	return !w.Over
}

// number writes a mark, a number and a line's end.
func (w *Writer) number(mark byte, n int64) {
	w.Buf = append(w.Buf, mark)
	if n >= 0 && n < 10 {
		w.Buf = append(w.Buf, byte('0'+n), '\r', '\n')
		return
	}
	w.Buf = strconv.AppendInt(w.Buf, n, 10)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Simple writes a status such as OK; it must hold no line's end.
func (w *Writer) Simple(text string) {
	w.Buf = append(w.Buf, '+')
	w.Buf = append(w.Buf, text...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// OK writes the status OK.
func (w *Writer) OK() { w.Buf = append(w.Buf, "+OK\r\n"...) }

// Error writes an error, which starts with its code. Line ends at its end are dropped, others become
// spaces.
func (w *Writer) Error(text string) {
	text = strings.TrimRight(text, "\r\n")
	w.Buf = append(w.Buf, '-')
	for i := range len(text) {
		c := text[i]
		if c == '\r' || c == '\n' {
			c = ' '
		}
		w.Buf = append(w.Buf, c)
	}
	w.Buf = append(w.Buf, '\r', '\n')
}

// Int writes a number.
func (w *Writer) Int(n int64) { w.number(':', n) }

// Bool writes 0 or 1 as a number.
func (w *Writer) Bool(yes bool) {
	if yes {
		w.Buf = append(w.Buf, ":1\r\n"...)
	} else {
		w.Buf = append(w.Buf, ":0\r\n"...)
	}
}

// bulkExtraMax is the most that a bulk string takes beside its bytes.
const bulkExtraMax = 16

// Bulk writes a string of any bytes.
func (w *Writer) Bulk(value []byte) {
	if !w.fits(len(value) + bulkExtraMax) {
		return
	}
	w.number('$', int64(len(value)))
	w.Buf = append(w.Buf, value...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Text is Bulk of a string.
func (w *Writer) Text(value string) {
	if !w.fits(len(value) + bulkExtraMax) {
		return
	}
	w.number('$', int64(len(value)))
	w.Buf = append(w.Buf, value...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Verbatim writes text for people: a verbatim string in version 3.
func (w *Writer) Verbatim(text string) {
	if w.Proto < 3 {
		w.Text(text)
		return
	}
	w.number('=', int64(len(text)+4))
	w.Buf = append(w.Buf, "txt:"...)
	w.Buf = append(w.Buf, text...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Null writes the absence of a string.
func (w *Writer) Null() {
	if w.Proto < 3 {
		w.Buf = append(w.Buf, "$-1\r\n"...)
	} else {
		w.Buf = append(w.Buf, "_\r\n"...)
	}
}

// NullArray writes the absence of an array.
func (w *Writer) NullArray() {
	if w.Proto < 3 {
		w.Buf = append(w.Buf, "*-1\r\n"...)
	} else {
		w.Buf = append(w.Buf, "_\r\n"...)
	}
}

// Array starts an array of n replies.
func (w *Writer) Array(n int) { w.number('*', int64(n)) }

// Map starts a map of n pairs: an array of 2n replies in version 2.
func (w *Writer) Map(n int) {
	if w.Proto < 3 {
		w.number('*', int64(2*n))
	} else {
		w.number('%', int64(n))
	}
}

// Set starts a set of n replies.
func (w *Writer) Set(n int) {
	if w.Proto < 3 {
		w.number('*', int64(n))
	} else {
		w.number('~', int64(n))
	}
}
