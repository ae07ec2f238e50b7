package jsontree

import (
	"errors"
	"strconv"
	"strings"
)

// ErrPointer says that a text is not a JSON pointer.
var ErrPointer = errors.New("a JSON pointer is empty or starts with /, and ~ comes only as ~0 or ~1")

// Pointer is a JSON pointer (RFC 6901): the tokens that lead from a value to one inside it.
type Pointer []string

// ParsePointer reads a pointer in its string form.
func ParsePointer(text string) (Pointer, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' {
		return nil, ErrPointer
	}
	tokens := strings.Split(text[1:], "/")
	for i, token := range tokens {
		if !strings.Contains(token, "~") {
			continue
		}
		plain, err := unescapeToken(token)
		if err != nil {
			return nil, err
		}
		tokens[i] = plain
	}
	return tokens, nil
}

func unescapeToken(token string) (string, error) {
	var plain strings.Builder
	for {
		before, after, found := strings.Cut(token, "~")
		plain.WriteString(before)
		if !found {
			return plain.String(), nil
		}
		switch {
		case strings.HasPrefix(after, "0"):
			plain.WriteByte('~')
		case strings.HasPrefix(after, "1"):
			plain.WriteByte('/')
		default:
			return "", ErrPointer
		}
		token = after[1:]
	}
}

// Find returns the value that the pointer names inside v, if there is one.
func (p Pointer) Find(v Value) (Value, bool) {
	for _, token := range p {
		var found bool
		if v, found = v.child(token); !found {
			return Value{}, false
		}
	}
	return v, true
}

// Index reads a token as the index of an array: digits without a leading zero. The token -, for
// the place after the last item, is no index.
func Index(token string) (int, bool) {
	if token == "" || token[0] < '0' || token[0] > '9' || token[0] == '0' && len(token) > 1 {
		return 0, false
	}
	index, err := strconv.Atoi(token)
	return index, err == nil
}
