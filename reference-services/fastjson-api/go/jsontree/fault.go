package jsontree

import "fmt"

// The limits on a text and on a tree.
const (
	DepthMax          = 128    // arrays and objects that lie in one another
	ValuesMax         = 16_384 // scalars, arrays and objects, names aside
	numberBytesMax    = 1_024
	exponentDigitsMax = 9 // as written, without leading zeros
)

// SyntaxError says that a text is not JSON (RFC 8259) in UTF-8.
type SyntaxError struct {
	Offset int // the length in bytes of the longest start that some JSON text has too
	Detail string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.Detail, e.Offset) }

// RefusedError says that a text is JSON, but would lose data or is beyond a limit.
type RefusedError struct {
	Offset int // where, in bytes
	Reason Reason
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s at byte %d", reasons[e.Reason].detail, e.Offset)
}

// Reason is why a text or tree is refused.
type Reason uint8

// The reasons. At the same place in a text, the first of them counts.
const (
	TooManyValues Reason = iota
	TooDeep
	NumberTooLong
	ExponentTooLarge
	NumberRange
	LoneSurrogate
	DuplicateName
)

var reasons = [...]struct{ name, detail string }{
	TooManyValues:    {"values", fmt.Sprintf("more than %d values", ValuesMax)},
	TooDeep:          {"depth", fmt.Sprintf("arrays and objects nested more than %d deep", DepthMax)},
	NumberTooLong:    {"number-bytes", fmt.Sprintf("a number of more than %d bytes", numberBytesMax)},
	ExponentTooLarge: {"exponent", fmt.Sprintf("an exponent of more than %d digits", exponentDigitsMax)},
	NumberRange:      {"number-range", "a number beyond the finite doubles"},
	LoneSurrogate:    {"lone-surrogate", "half of a surrogate pair, which stands for no character"},
	DuplicateName:    {"duplicate-name", "a name that the object has already"},
}

// String is the reason's name in the contract.
func (r Reason) String() string { return reasons[r].name }

// Detail says the reason in words.
func (r Reason) Detail() string { return reasons[r].detail }

// IsLimit tells limits from the rules of I-JSON (RFC 7493).
func (r Reason) IsLimit() bool { return r <= ExponentTooLarge }
