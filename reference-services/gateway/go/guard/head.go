package guard

import (
	"bytes"
	"strconv"
)

const (
	lengthDigitsMax    = 18
	chunkDigitsMax     = 15
	extensionsBytesMax = 256
)

// head is what a request's head says about its framing.
type head struct {
	oldVersion bool // HTTP/1.0
	hosts      int
	hasLength  bool
	length     int64
	chunked    bool
}

func (h *head) requestLine(text []byte) error {
	method, rest, found := bytes.Cut(text, []byte(" "))
	target, version, foundToo := bytes.Cut(rest, []byte(" "))
	if !found || !foundToo || !isToken(method) || !isVisible(target) {
		return ErrMalformed
	}
	switch string(version) {
	case "HTTP/1.1":
	case "HTTP/1.0":
		h.oldVersion = true
	default:
		return ErrMalformed
	}
	return nil
}

func (h *head) field(text []byte) error {
	name, value, err := splitField(text)
	if err != nil {
		return err
	}
	switch len(name) {
	case len("host"):
		if bytes.EqualFold(name, []byte("host")) {
			h.hosts++
		}
	case len("content-length"):
		if bytes.EqualFold(name, []byte("content-length")) {
			return h.contentLength(value)
		}
	case len("transfer-encoding"):
		if bytes.EqualFold(name, []byte("transfer-encoding")) {
			return h.transferEncoding(value)
		}
	}
	return nil
}

func (h *head) contentLength(value []byte) error {
	if h.hasLength || len(value) < 1 || len(value) > lengthDigitsMax {
		return ErrMalformed
	}
	// ParseUint takes no sign, and no underscores in a given base.
	length, err := strconv.ParseUint(string(value), 10, 63)
	if err != nil {
		return ErrMalformed
	}
	h.hasLength, h.length = true, int64(length)
	return nil
}

func (h *head) transferEncoding(value []byte) error {
	if h.chunked || !bytes.EqualFold(value, []byte("chunked")) {
		return ErrMalformed
	}
	h.chunked = true
	return nil
}

// check looks at the head as a whole.
func (h *head) check() error {
	if h.chunked && (h.hasLength || h.oldVersion) {
		return ErrMalformed
	}
	if h.hosts > 1 || h.hosts == 0 && !h.oldVersion {
		return ErrMalformed
	}
	return nil
}

// splitField returns a field's name and its value without the white space around it.
func splitField(text []byte) (name, value []byte, err error) {
	name, value, found := bytes.Cut(text, []byte(":"))
	if !found || !isToken(name) {
		return nil, nil, ErrMalformed
	}
	return name, bytes.Trim(value, " \t"), nil
}

func parseChunkSize(text []byte) (int64, error) {
	digits, extensions, _ := bytes.Cut(text, []byte(";"))
	digits = bytes.TrimRight(digits, " \t")
	if len(digits) < 1 || len(digits) > chunkDigitsMax || len(extensions) > extensionsBytesMax {
		return 0, ErrMalformed
	}
	size, err := strconv.ParseUint(string(digits), 16, 63)
	if err != nil {
		return 0, ErrMalformed
	}
	return int64(size), nil
}

// isText reports whether a line holds no control characters, a tab aside.
func isText(line []byte) bool {
	for _, b := range line {
		if b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}

func isVisible(text []byte) bool {
	for _, b := range text {
		if b <= ' ' || b >= 0x7f {
			return false
		}
	}
	return len(text) > 0
}

func isToken(text []byte) bool {
	for _, b := range text {
		if !tokenBytes[b] {
			return false
		}
	}
	return len(text) > 0
}

// tokenBytes are those of a token (RFC 9110 §5.6.2).
var tokenBytes = func() (is [256]bool) {
	const others = "!#$%&'*+-.^_`|~"
	for b := range 256 {
		is[b] = b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' ||
			bytes.IndexByte([]byte(others), byte(b)) >= 0
	}
	return is
}()
