package resp

// splitLine splits an inline command into its arguments as a shell would: "…" with escapes, '…'
// with \' only. It appends to args.
func splitLine(args [][]byte, line []byte) ([][]byte, error) {
	for at := 0; ; {
		for at < len(line) && isSpace(line[at]) {
			at++
		}
		if at == len(line) {
			return args, nil
		}
		var word []byte
		for at < len(line) && !isSpace(line[at]) {
			switch quote := line[at]; quote {
			case '"', '\'':
				var ok bool
				if word, at, ok = quoted(word, line, at+1, quote); !ok {
					return nil, ProtocolError("unbalanced quotes in request")
				}
			default:
				word = append(word, quote)
				at++
			}
		}
		if word == nil {
			word = []byte{}
		}
		args = append(args, word)
	}
}

// quoted appends to word what stands up to the closing quote, which a space or the end must follow.
func quoted(word, line []byte, at int, quote byte) (grown []byte, next int, ok bool) {
	if word == nil {
		word = []byte{}
	}
	for at < len(line) {
		c := line[at]
		switch {
		case c == quote:
			at++
			return word, at, at == len(line) || isSpace(line[at])
		case c == '\\' && quote == '\'' && at+1 < len(line) && line[at+1] == '\'':
			word = append(word, '\'')
			at += 2
		case c == '\\' && quote == '"' && at+1 < len(line):
			var taken int
			c, taken = escaped(line[at+1:])
			word = append(word, c)
			at += 1 + taken
		default:
			word = append(word, c)
			at++
		}
	}
	return nil, at, false
}

// escaped is the byte that an escape stands for, and how many bytes follow the backslash.
func escaped(text []byte) (c byte, taken int) {
	switch c := text[0]; c {
	case 'x':
		if len(text) >= 3 {
			high, okHigh := hexDigit(text[1])
			low, okLow := hexDigit(text[2])
			if okHigh && okLow {
				return high<<4 | low, 3
			}
		}
		return c, 1
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'b':
		return '\b', 1
	case 'a':
		return '\a', 1
	default:
		return c, 1
	}
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' || c == 0 }
