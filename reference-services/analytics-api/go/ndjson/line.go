package ndjson

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Codes of what can be wrong with a line.
const (
	LineTooLong    = "line-too-long"
	BadJSON        = "bad-json"
	UnknownField   = "unknown-field"
	RepeatedField  = "repeated-field"
	BadTime        = "bad-ts"
	BadKey         = "bad-key"
	BadValue       = "bad-value"
	BadTags        = "bad-tags"
	TooManyTags    = "too-many-tags"
	MissingField   = "missing-field"
	OutOfRetention = "out-of-retention"
)

// Codes lists them all.
var Codes = [...]string{
	LineTooLong, BadJSON, UnknownField, RepeatedField, BadTime, BadKey, BadValue, BadTags,
	TooManyTags, MissingField, OutOfRetention,
}

type pair struct{ name, text []byte }

// parser reads one line after another; what it found stays until the next line.
type parser struct {
	line    []byte
	at      int
	scratch []byte // texts that had escapes
	time    int64
	value   float64
	key     []byte
	tags    [TagsMax]pair
	tagged  int
	// What is wrong with the line, if it is JSON.
	code, detail string
}

const (
	sawTime = 1 << iota
	sawKey
	sawValue
	sawTags
)

func (p *parser) fail(code, format string, args ...any) bool {
	p.code, p.detail = code, fmt.Sprintf(format, args...)
	return false
}

func (p *parser) space() {
	for p.at < len(p.line) {
		switch p.line[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) peek() byte {
	if p.at < len(p.line) {
		return p.line[p.at]
	}
	return 0
}

// token takes white space, one byte and white space.
func (p *parser) token(want byte) bool {
	if p.peek() != want {
		p.space()
		if p.peek() != want {
			return false
		}
	}
	p.at++
	if p.peek() <= ' ' {
		p.space()
	}
	return true
}

// event reads a line. When it fails, code and detail say why, provided that the line is JSON at all:
// it stops at the first fault, and looks no further.
func (p *parser) event(line []byte) bool {
	p.line, p.at, p.scratch, p.tagged = line, 0, p.scratch[:0], 0
	if !p.token('{') {
		return p.fail(BadJSON, "a line must be a JSON object")
	}
	seen := 0
	for more := p.peek() != '}'; more; more = p.token(',') {
		name, ok := p.text()
		field := 0
		if ok {
			field = fieldOf(name)
		}
		if field == 0 {
			return p.fail(UnknownField, "allowed are ts, key, value and tags, not %.40q", name)
		}
		if seen&field != 0 {
			return p.fail(RepeatedField, "%s is there twice", name)
		}
		seen |= field
		if !p.token(':') {
			return p.fail(BadJSON, "a colon is missing at byte %d", p.at)
		}
		switch field {
		case sawTime:
			ok = p.timestamp()
		case sawKey:
			ok = p.keyText()
		case sawValue:
			ok = p.number()
		case sawTags:
			ok = p.object()
		}
		if !ok {
			return false
		}
	}
	if !p.token('}') || p.at < len(p.line) {
		return p.fail(BadJSON, "not a JSON object at byte %d", p.at)
	}
	if required := sawTime | sawKey | sawValue; seen&required != required {
		return p.fail(MissingField, "ts, key and value are required")
	}
	return true
}

func fieldOf(name []byte) int {
	switch string(name) {
	case "ts":
		return sawTime
	case "key":
		return sawKey
	case "value":
		return sawValue
	case "tags":
		return sawTags
	}
	return 0
}

const aText = "a string of 1 to 255 bytes of UTF-8 without control characters"

func (p *parser) keyText() bool {
	text, ok := p.text()
	if !ok || len(text) == 0 || len(text) > TextBytesMax {
		return p.fail(BadKey, "key must be "+aText)
	}
	p.key = text
	return true
}

func (p *parser) timestamp() bool {
	if c := p.peek(); c-'0' > 9 {
		text, ok := p.text()
		if ok {
			p.time, ok = ParseTime(text)
		}
		if !ok {
			return p.fail(BadTime, "ts must be whole milliseconds since 1970 or a time as in RFC 3339")
		}
		return true
	}
	start, at := p.at, p.at
	var n int64
	for at < len(p.line) && p.line[at]-'0' <= 9 && at-start < 16 {
		n = n*10 + int64(p.line[at]-'0')
		at++
	}
	p.at = at
	if c := p.peek(); c == '.' || c|0x20 == 'e' || c-'0' <= 9 || n > TimeMax {
		return p.fail(BadTime, "ts must be whole milliseconds from 0 to %d", int64(TimeMax))
	}
	if at-start > 1 && p.line[start] == '0' {
		return p.fail(BadJSON, "a number begins with 0 at byte %d", start)
	}
	p.time = n
	return true
}

func (p *parser) number() bool {
	value, end, ok := number(p.line, p.at)
	if !ok || value > ValueMax || value < -ValueMax {
		return p.fail(BadValue, "value must be a number of at most %g in size", ValueMax)
	}
	if value == 0 {
		value = 0 // −0 too
	}
	p.value, p.at = value, end
	return true
}

func (p *parser) object() bool {
	if !p.token('{') {
		return p.fail(BadTags, "tags must be an object")
	}
	for more := p.peek() != '}'; more; more = p.token(',') {
		if p.tagged == TagsMax {
			return p.fail(TooManyTags, "more than %d tags", TagsMax)
		}
		name, ok := p.text()
		if !ok || !IsTagName(name) {
			return p.fail(BadTags, "a tag's name is 1 to %d of A-Z a-z 0-9 _ . -", TagNameBytesMax)
		}
		for _, tag := range p.tags[:p.tagged] {
			if string(tag.name) == string(name) {
				return p.fail(BadTags, "tag %s is there twice", name)
			}
		}
		if !p.token(':') {
			return p.fail(BadJSON, "a colon is missing at byte %d", p.at)
		}
		text, ok := p.text()
		if !ok || len(text) == 0 || len(text) > TextBytesMax {
			return p.fail(BadTags, "tag %s must be "+aText, name)
		}
		p.tags[p.tagged] = pair{name, text}
		p.tagged++
	}
	if !p.token('}') {
		return p.fail(BadJSON, "tags do not end at byte %d", p.at)
	}
	return true
}

// IsTagName says whether a tag may have this name.
func IsTagName(name []byte) bool {
	if len(name) == 0 || len(name) > TagNameBytesMax {
		return false
	}
	for _, c := range name {
		if c|0x20-'a' > 25 && c-'0' > 9 && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// text reads a string without control characters; the bytes are the line's own unless it has
// escapes.
func (p *parser) text() ([]byte, bool) {
	if p.peek() != '"' {
		p.space()
		if p.peek() != '"' {
			return nil, false
		}
	}
	start := p.at + 1
	end, wide := stringEnd(p.line, start)
	if end < len(p.line) && p.line[end] == '"' {
		p.at = end + 1
		text := p.line[start:end]
		return text, !wide || utf8.Valid(text)
	}
	return p.escaped(start)
}

// escaped reads a string with escapes.
func (p *parser) escaped(start int) ([]byte, bool) {
	begin := len(p.scratch)
	for {
		end, _ := stringEnd(p.line, start)
		p.scratch = append(p.scratch, p.line[start:end]...)
		p.at = end
		if end == len(p.line) {
			return nil, false
		}
		if p.line[end] == '"' {
			p.at++
			text := p.scratch[begin:]
			return text, utf8.Valid(text) && bytes.IndexFunc(text, control) < 0
		}
		if p.line[end] != '\\' {
			return nil, false
		}
		if start = p.escape(); start == 0 {
			return nil, false
		}
	}
}

func control(r rune) bool { return r < 0x20 || r == 0x7F }

// escape decodes the escape at p.at into scratch and returns where it ends, 0 if it is none.
func (p *parser) escape() int {
	if p.at+1 >= len(p.line) {
		return 0
	}
	c := p.line[p.at+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		unit, ok := hex4(p.line, p.at+2)
		if !ok {
			return 0
		}
		end := p.at + 6
		if unit >= 0xD800 && unit < 0xE000 {
			low, ok := uint32(0), false
			if end+1 < len(p.line) && p.line[end] == '\\' && p.line[end+1] == 'u' {
				low, ok = hex4(p.line, end+2)
			}
			if unit >= 0xDC00 || !ok || low < 0xDC00 || low >= 0xE000 {
				return 0
			}
			unit = 0x10000 + (unit-0xD800)<<10 + (low - 0xDC00)
			end += 6
		}
		p.scratch = utf8.AppendRune(p.scratch, rune(unit))
		return end
	default:
		return 0
	}
	p.scratch = append(p.scratch, c)
	return p.at + 2
}

func hex4(line []byte, at int) (uint32, bool) {
	if at+4 > len(line) {
		return 0, false
	}
	unit := uint32(0)
	for _, c := range line[at : at+4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		unit = unit<<4 | uint32(c)
	}
	return unit, true
}
