package jsontree

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// plain tells the bytes that a string holds as they are, save that UTF-8 is checked elsewhere.
var plain = func() (table [256]bool) {
	for b := range table {
		table[b] = b >= ' ' && b != '"' && b != '\\'
	}
	return table
}()

// str reads the string at hand. Without escapes it is a part of the text, and costs no memory.
func (p *parser) str() (string, error) {
	p.at++
	start := p.at
	p.skipPlain()
	if p.at < len(p.text) && p.text[p.at] == '"' {
		p.at++
		return p.text[start : p.at-1], nil
	}
	return p.escapedStr(start)
}

func (p *parser) skipPlain() {
	at := p.at
	for at < len(p.text) && plain[p.text[at]] {
		at++
	}
	p.at = at
}

func (p *parser) escapedStr(start int) (string, error) {
	var content strings.Builder
	for {
		content.WriteString(p.text[start:p.at])
		switch {
		case p.at == len(p.text):
			return "", p.faultInString()
		case p.text[p.at] == '"':
			p.at++
			return content.String(), nil
		case p.text[p.at] != '\\':
			return "", p.fault("a control character in a string must be escaped")
		}
		r, err := p.escape()
		if err != nil {
			return "", err
		}
		content.WriteRune(r)
		start = p.at
		p.skipPlain()
	}
}

// escape reads the escape sequence at hand, and both halves of a surrogate pair. It refuses a half
// that stands alone.
func (p *parser) escape() (rune, error) {
	start := p.at
	p.at++
	if p.at == len(p.text) {
		return 0, p.fault("the text ends inside a string")
	}
	c := p.text[p.at]
	if c != 'u' {
		i := strings.IndexByte(`"\/bfnrt`, c)
		if i < 0 {
			return 0, p.fault(`\ must be followed by one of " \ / b f n r t u`)
		}
		p.at++
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	p.at++
	unit, err := p.hexUnit()
	if err != nil || !utf16.IsSurrogate(unit) {
		return unit, err
	}
	if after := p.at; strings.HasPrefix(p.text[after:], `\u`) {
		p.at += len(`\u`)
		low, err := p.hexUnit()
		if err != nil {
			return 0, err
		}
		if r := utf16.DecodeRune(unit, low); r != utf8.RuneError {
			return r, nil
		}
		p.at = after
	}
	p.refuse(LoneSurrogate, start)
	return utf8.RuneError, nil
}

// hexUnit reads four hexadecimal digits.
func (p *parser) hexUnit() (rune, error) {
	unit := rune(0)
	for range 4 {
		if p.at == len(p.text) {
			return 0, p.fault("the text ends inside a string")
		}
		digit := hexDigit(p.text[p.at])
		if digit < 0 {
			return 0, p.fault(`\u must be followed by four hexadecimal digits`)
		}
		unit = unit<<4 | digit
		p.at++
	}
	return unit, nil
}

func hexDigit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c - 'a' + 10)
	case c >= 'A' && c <= 'F':
		return rune(c - 'A' + 10)
	default:
		return -1
	}
}
