package ndjson

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Limits of an event.
const (
	LineBytesMax    = 8_192
	TextBytesMax    = 255 // of keys and of tags
	TagsMax         = 8
	TagNameBytesMax = 64
	TimeMax         = 253_402_300_799_999 // ms, the end of the year 9999
	ValueMax        = 1e290
	faultsMax       = 100
)

// Fault is a line that was refused.
type Fault struct {
	Line   int    `json:"line"` // from 1
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Report says which lines were refused.
type Report struct {
	Refused int
	Faults  []Fault // the first 100
	ByCode  [len(Codes)]int
}

// Parse adds the events of body to batch. Only events from oldest to newest (ms) are taken.
func Parse(body []byte, batch *Batch, oldest, newest int64) (report Report) {
	var p parser
	for number := 1; len(body) > 0; number++ {
		line := body
		if end := bytes.IndexByte(body, '\n'); end >= 0 {
			line, body = body[:end], body[end+1:]
		} else {
			body = nil
		}
		if p.accepts(line, oldest, newest) {
			batch.add(&p)
		} else if !blank(line) {
			report.add(number, p.code, p.detail)
		}
	}
	return report
}

func (p *parser) accepts(line []byte, oldest, newest int64) bool {
	if len(line) > LineBytesMax {
		return p.fail(LineTooLong, "the line has more than %d bytes", LineBytesMax)
	}
	if !p.event(line) {
		if p.code != BadJSON && !isObject(line) {
			return p.fail(BadJSON, "a line must be a JSON object in UTF-8")
		}
		return false
	}
	if p.time < oldest || p.time > newest {
		return p.fail(OutOfRetention, "ts must be from %d to %d", oldest, newest)
	}
	return true
}

// isObject says whether a line is a JSON object in UTF-8.
func isObject(line []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(line, " \t\r"), []byte{'{'}) &&
		utf8.Valid(line) && json.Valid(line)
}

func blank(line []byte) bool { return len(bytes.TrimLeft(line, " \t\r")) == 0 }

func (r *Report) add(line int, code, detail string) {
	for i := range Codes {
		if Codes[i] == code {
			r.ByCode[i]++
		}
	}
	if r.Refused++; len(r.Faults) < faultsMax {
		r.Faults = append(r.Faults, Fault{line, code, detail})
	}
}

func (b *Batch) add(p *parser) {
	row := len(b.Times)
	b.Times = append(b.Times, p.time)
	b.Values = append(b.Values, p.value)
	b.Keys = append(b.Keys, b.KeyTexts.Number(p.key))
	for i := range p.tagged {
		tag := b.tag(p.tags[i].name, i)
		if tag == nil {
			continue
		}
		for len(tag.Codes) < row {
			tag.Codes = append(tag.Codes, 0)
		}
		tag.Codes = append(tag.Codes, tag.Texts.Number(p.tags[i].text)+1)
	}
}
