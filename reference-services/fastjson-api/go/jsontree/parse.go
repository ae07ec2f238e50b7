package jsontree

import "unicode/utf8"

// Parse reads one JSON text. The value keeps the text alive, of which its strings are parts. The
// error is a *SyntaxError or, of a text that is JSON, a *RefusedError.
func Parse(text string) (Value, error) { return parse(text, false) }

// ParseFinite is Parse for texts whose numbers must be near a finite double.
func ParseFinite(text string) (Value, error) { return parse(text, true) }

func parse(text string, finite bool) (Value, error) {
	valid := validUTF8(text)
	p := parser{text: text[:valid], rest: text[valid:], finite: finite, stacks: newStacks()}
	defer p.free()
	v, err := p.document()
	if err == nil && p.rest != "" {
		err = p.fault("only white space may follow the value")
	}
	if err == nil && p.refused != nil {
		err = p.refused
	}
	if err != nil {
		return Value{}, err
	}
	return v, nil
}

// A parser is at a place in a text. It keeps its own stacks, so that no depth of the text is too
// much. After a refusal it only checks the syntax, since that a text is no JSON outweighs all else.
type parser struct {
	text    string // the start that is UTF-8
	rest    string // from the first fault in UTF-8
	at      int
	finite  bool
	values  int
	refused *RefusedError
	*stacks
}

func (p *parser) document() (Value, error) {
	p.skipSpace()
	for {
		v, open, err := p.value()
		if err != nil {
			return Value{}, err
		}
		for !open {
			p.skipSpace()
			if len(p.frames) == 0 {
				if p.at < len(p.text) {
					return Value{}, p.fault("only white space may follow the value")
				}
				return v, nil
			}
			p.put(v)
			if v, open, err = p.next(); err != nil {
				return Value{}, err
			}
		}
	}
}

// value reads a scalar or an empty array or object, or opens one and stops before the first value
// in it.
func (p *parser) value() (v Value, open bool, err error) {
	if p.at == len(p.text) {
		return Value{}, false, p.fault("the text ends before a value")
	}
	if p.values++; p.values > ValuesMax {
		p.refuse(TooManyValues, p.at)
	}
	switch c := p.text[p.at]; {
	case c == '"':
		v.kind = String
		v.text, err = p.str()
	case c == '{':
		return p.open('}')
	case c == '[':
		return p.open(']')
	case c == '-' || c >= '0' && c <= '9':
		v.kind = Number
		v.text, err = p.number()
	case c == 't':
		v.kind, err = True, p.literal("true")
	case c == 'f':
		v.kind, err = False, p.literal("false")
	case c == 'n':
		v.kind, err = Null, p.literal("null")
	default:
		err = p.fault("expected a value")
	}
	return v, false, err
}

func (p *parser) literal(word string) error {
	for i := range len(word) {
		if p.at == len(p.text) || p.text[p.at] != word[i] {
			return p.fault("expected " + word)
		}
		p.at++
	}
	return nil
}

func (p *parser) open(closer byte) (v Value, open bool, err error) {
	if len(p.frames) == DepthMax {
		p.refuse(TooDeep, p.at)
	}
	p.at++
	p.frames = append(p.frames, frame{int32(len(p.members)), closer})
	p.skipSpace()
	switch {
	case p.at < len(p.text) && p.text[p.at] == closer:
		return p.close(), false, nil
	case closer == '}':
		return Value{}, true, p.name()
	default:
		return Value{}, true, nil
	}
}

// next goes on after a value in an array or object: to the next value, or over the closing
// bracket.
func (p *parser) next() (v Value, open bool, err error) {
	closer := p.frames[len(p.frames)-1].closer
	switch {
	case p.at < len(p.text) && p.text[p.at] == closer:
		return p.close(), false, nil
	case p.at == len(p.text) || p.text[p.at] != ',':
		return Value{}, false, p.fault("expected , or " + string(closer))
	}
	p.at++
	p.skipSpace()
	if closer == '}' {
		err = p.name()
	}
	return Value{}, true, err
}

// name reads a member's name and the colon after it.
func (p *parser) name() error {
	if p.at == len(p.text) || p.text[p.at] != '"' {
		return p.fault("expected a name in quotation marks")
	}
	offset := p.at
	name, err := p.str()
	if err != nil {
		return err
	}
	p.skipSpace()
	if p.at == len(p.text) || p.text[p.at] != ':' {
		return p.fault("expected : after a name")
	}
	p.at++
	p.skipSpace()
	if p.refused == nil {
		p.members = append(p.members, member{name: name, offset: offset})
	}
	return nil
}

// put keeps a value of the innermost array or object.
func (p *parser) put(v Value) {
	switch {
	case p.refused != nil:
	case p.frames[len(p.frames)-1].closer == ']':
		p.members = append(p.members, member{value: v})
	default:
		p.members[len(p.members)-1].value = v
	}
}

// close steps over a closing bracket and makes a value of what lies before it.
func (p *parser) close() (v Value) {
	p.at++
	top := len(p.frames) - 1
	f := p.frames[top]
	if p.refused == nil {
		members := p.members[f.base:]
		if f.closer == ']' {
			v = arrayOf(members)
		} else if order := p.sort(members); firstDuplicate(members, order) < 0 {
			v = objectOf(members, order)
		} else {
			p.refuse(DuplicateName, p.at)
		}
		p.members = p.members[:f.base]
	}
	p.frames = p.frames[:top]
	return v
}

// refuse notes that the text is refused, unless it is already. Of what lies behind, only the
// repeated names of open objects are not known yet; the first place counts.
func (p *parser) refuse(reason Reason, offset int) {
	if p.refused != nil {
		return
	}
	p.refused = &RefusedError{Offset: offset, Reason: reason}
	end := len(p.members)
	for i := len(p.frames) - 1; i >= 0; i-- {
		members := p.members[p.frames[i].base:end]
		end = int(p.frames[i].base)
		if p.frames[i].closer != '}' {
			continue
		}
		later := firstDuplicate(members, p.sort(members))
		if later >= 0 && later < p.refused.Offset {
			p.refused.Offset, p.refused.Reason = later, DuplicateName
		}
	}
}

func (p *parser) skipSpace() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\n', '\r', '\t':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) fault(detail string) error {
	if p.at == len(p.text) && p.rest != "" {
		detail = "a byte that UTF-8 does not have here"
	}
	return &SyntaxError{Offset: p.at, Detail: detail}
}

// faultInString is for a string that the text's valid start ends in. What follows may still begin
// a character.
func (p *parser) faultInString() error {
	err := &SyntaxError{Offset: p.at + viableUTF8(p.rest), Detail: "a byte that UTF-8 does not have here"}
	if p.rest == "" {
		err.Detail = "the text ends inside a string"
	}
	return err
}

// validUTF8 is the length of the text before its first fault in UTF-8.
func validUTF8(text string) int {
	if utf8.ValidString(text) {
		return len(text)
	}
	at := 0
	for {
		r, size := utf8.DecodeRuneInString(text[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
}

// viableUTF8 is how many bytes of a text that starts with a faulty sequence could start a good
// one (RFC 3629, section 4).
func viableUTF8(text string) int {
	if text == "" {
		return 0
	}
	length, low, high := 0, byte(0x80), byte(0xBF) // of the second byte
	switch lead := text[0]; {
	case lead < 0xC2 || lead > 0xF4:
		return 0
	case lead < 0xE0:
		length = 2
	case lead < 0xF0:
		length = 3
		if lead == 0xE0 {
			low = 0xA0
		} else if lead == 0xED {
			high = 0x9F
		}
	default:
		length = 4
		if lead == 0xF0 {
			low = 0x90
		} else if lead == 0xF4 {
			high = 0x8F
		}
	}
	for i := 1; i < length; i++ {
		if i == len(text) || text[i] < low || text[i] > high {
			return i
		}
		low, high = 0x80, 0xBF
	}
	return length
}
