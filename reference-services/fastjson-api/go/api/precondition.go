package api

import (
	"errors"
	"net/http"
	"strings"

	"fastjson/document"
)

// preconditions is what a request asks to hold before it is carried out (RFC 9110, section 13).
type preconditions struct {
	ifMatch, ifNoneMatch *condition // nil when there is no such field
}

// condition is a list of entity tags, or any for *.
type condition struct {
	any  bool
	tags []entityTag
}

type entityTag struct {
	weak   bool
	opaque string // with its quotation marks
}

// Which precondition is false.
var (
	errIfMatch     = errors.New("the document is not, or no longer, what If-Match asks for")
	errIfNoneMatch = errors.New("the document is there, which If-None-Match rules out")
)

// readPreconditions reads both fields of a request.
func readPreconditions(header http.Header) (preconditions, *problem) {
	var p preconditions
	for _, field := range []struct {
		name string
		into **condition
	}{{"If-Match", &p.ifMatch}, {"If-None-Match", &p.ifNoneMatch}} {
		lines := header[field.name]
		if lines == nil {
			continue
		}
		c, ok := parseCondition(strings.Join(lines, ","))
		if !ok {
			return p, invalidPrecondition(field.name + " must be * or a list of quoted entity tags.")
		}
		*field.into = &c
	}
	return p, nil
}

// check judges the preconditions by the document there is, or nil.
func (p preconditions) check(d *document.Document) error {
	switch {
	case p.ifMatch != nil && !p.ifMatch.holds(d, true):
		return errIfMatch
	case p.ifNoneMatch != nil && p.ifNoneMatch.holds(d, false):
		return errIfNoneMatch
	default:
		return nil
	}
}

func (c *condition) holds(d *document.Document, strongly bool) bool {
	if d == nil || c.any {
		return d != nil
	}
	etag := d.ETag()
	for _, tag := range c.tags {
		if tag.opaque == etag && !(strongly && tag.weak) {
			return true
		}
	}
	return false
}

func parseCondition(field string) (condition, bool) {
	rest := trimSpaceLeft(field)
	if strings.TrimRight(rest, " \t") == "*" {
		return condition{any: true}, true
	}
	var c condition
	for rest != "" {
		if rest[0] != ',' {
			tag, after, ok := parseEntityTag(rest)
			if !ok {
				return condition{}, false
			}
			c.tags = append(c.tags, tag)
			rest = trimSpaceLeft(after)
		}
		if rest != "" && rest[0] != ',' {
			return condition{}, false
		}
		rest = trimSpaceLeft(strings.TrimPrefix(rest, ","))
	}
	return c, c.tags != nil
}

// parseEntityTag reads the tag that a text begins with. Tags may contain commas.
func parseEntityTag(text string) (tag entityTag, after string, ok bool) {
	text, tag.weak = strings.CutPrefix(text, "W/")
	if !strings.HasPrefix(text, `"`) {
		return tag, "", false
	}
	end := strings.IndexByte(text[1:], '"') + 1
	if end == 0 {
		return tag, "", false
	}
	for i := range end {
		if text[i] <= ' ' || text[i] == 0x7F {
			return tag, "", false
		}
	}
	tag.opaque = text[:end+1]
	return tag, text[end+1:], true
}

func trimSpaceLeft(text string) string { return strings.TrimLeft(text, " \t") }
