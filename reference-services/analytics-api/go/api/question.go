package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"analyticsapi/ndjson"
	"analyticsapi/query"
)

const (
	conditionsMax     = 16
	conditionTextsMax = 1_000 // over all conditions
	conditionBytesMax = 255
	aggregatesMax     = 16
	orderMax          = 8
	topMax            = 10_000
	rowsMax           = 1_000_000
	rowsDefault       = 10_000
	seriesMax         = 1_000
	seriesDefault     = 100
	dayMS             = 24 * 60 * 60 * 1000
	bucketMSMin       = 1000
	parameterBytesMax = 255
)

// invalid is what is wrong with a question, and where.
type invalid struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// errMalformed says that a body is not one JSON text.
type errMalformed struct{ error }

// question is what was asked: the members of a body, or the parameters of an address.
type question struct {
	members    map[string]any // as encoding/json decodes them, numbers as json.Number
	conditions []condition
	// Pointers name parameters.
	flat bool
	// What is missing, which counts when nothing else is wrong.
	missing *invalid
}

// condition is one of a question's; where is its pointer.
type condition struct {
	where   string
	members map[string]any
}

func wrong(pointer, format string, args ...any) *invalid {
	return &invalid{pointer, fmt.Sprintf(format, args...)}
}

// fromBody reads a question in JSON. allowed are the names it may have.
func fromBody(body []byte, allowed []string) (*question, *invalid, error) {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, nil, errMalformed{err}
	}
	if _, err := decoder.Token(); err != io.EOF || !utf8.Valid(body) {
		return nil, nil, errMalformed{fmt.Errorf("more than one JSON text in UTF-8")}
	}
	members, ok := value.(map[string]any)
	if !ok {
		return nil, wrong("", "a query is a JSON object"), nil
	}
	q := &question{members: members}
	if fault := unknown(members, "", allowed); fault != nil {
		return nil, fault, nil
	}
	return q, nil, nil
}

// unknown finds a member that is not allowed.
func unknown(members map[string]any, where string, allowed []string) *invalid {
	names := make([]string, 0, len(members))
	for name := range members {
		if !slices.Contains(allowed, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return wrong(where+"/"+escapePointer(names[0]), "allowed are %s", strings.Join(allowed, ", "))
}

func escapePointer(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// ops are those of conditions, by their names.
var ops = map[string]query.Op{
	"in": query.In, "not_in": query.NotIn, "prefix": query.Prefix,
	"gt": query.GT, "gte": query.GTE, "lt": query.LT, "lte": query.LTE,
}

var lists = []string{"group_by", "aggregates", "order"}

// fromParameters reads a question in the parameters of an address.
func fromParameters(raw string, allowed []string) (*question, *invalid) {
	q := &question{members: make(map[string]any), flat: true}
	var repeated *invalid
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, text, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		text, err2 := url.QueryUnescape(text)
		where := "/" + escapePointer(name)
		op, field, isCondition := strings.Cut(name, ".")
		_, isOp := ops[op]
		switch {
		case isCondition && isOp && slices.Contains(allowed, "where"):
			if err1 != nil || err2 != nil {
				return nil, wrong(where, "this is not form-encoded")
			}
			q.addCondition(where, op, field, text)
			continue
		case !slices.Contains(allowed, name) || name == "where" || name == "top":
			return nil, wrong(where, "allowed are conditions and %s", strings.Join(allowed, ", "))
		}
		if _, there := q.members[name]; (there || err1 != nil || err2 != nil) && repeated == nil {
			repeated = wrong(where, "it must be there once, form-encoded")
		}
		q.members[name] = parameter(name, text)
	}
	if repeated != nil {
		return nil, repeated
	}
	for _, name := range []string{"k", "by"} {
		value, there := q.members["top."+name]
		if !there {
			continue
		}
		delete(q.members, "top."+name)
		top, _ := q.members["top"].(map[string]any)
		if top == nil {
			top = make(map[string]any)
			q.members["top"] = top
		}
		top[name] = value
	}
	return q, nil
}

// parameter is a parameter's text as the member of a body that it stands for.
func parameter(name, text string) any {
	digits := text != "" && strings.Trim(text, "0123456789") == ""
	switch {
	case slices.Contains(lists, name):
		if text == "" {
			return []any{}
		}
		var all []any
		for item := range strings.SplitSeq(text, ",") {
			all = append(all, item)
		}
		return all
	case name == "fill" && (text == "true" || text == "false"):
		return text == "true"
	case digits && slices.Contains([]string{"from", "to", "limit", "top.k"}, name):
		return json.Number(text)
	}
	return text
}

func (q *question) addCondition(where, op, field, text string) {
	var value any = text
	switch {
	case text == "" && (op == "in" || op == "not_in") && strings.HasPrefix(field, "tags."):
		value = nil
	case field == "value" && json.Valid([]byte(text)) && strings.Trim(text, "0123456789+-.eE") == "":
		value = json.Number(text)
	}
	for i := range q.conditions {
		if q.conditions[i].where == where {
			values := q.conditions[i].members["values"].([]any)
			q.conditions[i].members["values"] = append(values, value)
			return
		}
	}
	q.conditions = append(q.conditions, condition{
		where, map[string]any{"op": op, "field": field, "values": []any{value}},
	})
}

// at is the pointer of what a member has inside.
func (q *question) at(parts ...any) string {
	if q.flat && parts[0] == "top" && len(parts) > 1 {
		return "/top." + fmt.Sprint(parts[1])
	}
	if q.flat {
		parts = parts[:1]
	}
	pointer := ""
	for _, part := range parts {
		pointer += "/" + fmt.Sprint(part)
	}
	return pointer
}

// lacks notes what is missing.
func (q *question) lacks(pointer string) {
	if q.missing == nil {
		q.missing = wrong(pointer, "this is required")
	}
}

// window reads from and to, each of which may be required.
func (q *question) window(required bool) (from, to int64, fault *invalid) {
	from, to = 0, ndjson.TimeMax+1
	for _, bound := range []struct {
		name string
		into *int64
	}{{"from", &from}, {"to", &to}} {
		value, there := q.members[bound.name]
		if !there {
			if required {
				q.lacks(q.at(bound.name))
			}
			continue
		}
		time, ok := timeOf(value)
		if !ok {
			return 0, 0, wrong(q.at(bound.name), "a time is milliseconds since 1970, up to %d, or as in RFC 3339", int64(ndjson.TimeMax))
		}
		*bound.into = time
	}
	if q.missing == nil && from >= to {
		return 0, 0, wrong(q.at("to"), "it must be after from")
	}
	return from, to, nil
}

func timeOf(value any) (int64, bool) {
	switch value := value.(type) {
	case json.Number:
		return whole(value, 0, ndjson.TimeMax)
	case string:
		return ndjson.ParseTime([]byte(value))
	}
	return 0, false
}

// whole reads a number written without fraction and exponent.
func whole(value any, low, high int64) (int64, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(string(number), 10, 64)
	return n, err == nil && n >= low && n <= high && number != "-0"
}

// number reads a whole number, if it is there.
func (q *question) number(name string, low, high, otherwise int64) (int64, *invalid) {
	value, there := q.members[name]
	if !there {
		return otherwise, nil
	}
	n, ok := whole(value, low, high)
	if !ok {
		return 0, wrong(q.at(name), "it must be a whole number from %d to %d", low, high)
	}
	return n, nil
}

// texts reads a list of different texts, each of them with read, which says what is wrong with it.
func (q *question) texts(name string, low, high int, read func(string) (same, fault string)) *invalid {
	value, there := q.members[name]
	if !there {
		return nil
	}
	list, ok := value.([]any)
	if !ok || len(list) < low || len(list) > high {
		return wrong(q.at(name), "it must be a list of %d to %d texts", low, high)
	}
	seen := make(map[string]bool)
	for i, item := range list {
		text, ok := item.(string)
		if !ok {
			return wrong(q.at(name, i), "it must be a text")
		}
		same, fault := read(text)
		if fault == "" && seen[same] {
			fault = "it is there twice"
		}
		if fault != "" {
			return &invalid{q.at(name, i), fault}
		}
		seen[same] = true
	}
	return nil
}

// fieldOf reads key or tags.NAME.
func fieldOf(text string) (query.Field, bool) {
	if text == "key" {
		return query.Key, true
	}
	name, found := strings.CutPrefix(text, "tags.")
	return query.Field{Tag: name}, found && ndjson.IsTagName([]byte(name))
}

func finite(value any) (float64, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(number), 64)
	return n, err == nil && !math.IsInf(n, 0)
}
