package proxy

import "strings"

// isPlainTarget reports whether every program reads the path of a target alike: nothing in it that one
// might decode, merge or resolve and another not.
func isPlainTarget(target string) bool {
	path, _, _ := strings.Cut(target, "?")
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, `#\`) || strings.Contains(path, "//") {
		return false
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		name, _, _ := strings.Cut(segment, ";")
		if name == "." || name == ".." {
			return false
		}
	}
	for rest := path; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found {
			return true
		}
		if len(after) < 2 || !isPlainByte(after[0], after[1]) {
			return false
		}
		rest = after[2:]
	}
}

// isPlainByte judges what two hex digits stand for.
func isPlainByte(high, low byte) bool {
	h, l := hexDigit(high), hexDigit(low)
	if h < 0 || l < 0 {
		return false
	}
	b := h<<4 | l
	return b >= ' ' && b != 0x7f && b != '.' && b != '/' && b != '\\'
}

func hexDigit(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b >= 'a' && b <= 'f':
		return int(b-'a') + 10
	case b >= 'A' && b <= 'F':
		return int(b-'A') + 10
	default:
		return -1
	}
}
