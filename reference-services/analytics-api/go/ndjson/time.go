package ndjson

import "time"

// ParseTime reads an RFC 3339 time with capital T and Z, from 1970 to 9999, as milliseconds since
// 1970. What is finer is cut off.
func ParseTime(text []byte) (int64, bool) {
	const shape = "dddd-dd-ddTdd:dd:dd"
	if len(text) <= len(shape) || !matches(text[:len(shape)], shape) {
		return 0, false
	}
	year, month, day := digits(text[0:4]), digits(text[5:7]), digits(text[8:10])
	hour, minute, second := digits(text[11:13]), digits(text[14:16]), digits(text[17:19])
	millisecond, rest, ok := fraction(text[len(shape):])
	if !ok {
		return 0, false
	}
	offset := 0 // minutes
	switch {
	case string(rest) == "Z":
	case matches(rest, "+dd:dd") || matches(rest, "-dd:dd"):
		hours, minutes := digits(rest[1:3]), digits(rest[4:6])
		if hours > 23 || minutes > 59 {
			return 0, false
		}
		offset = hours*60 + minutes
		if rest[0] == '-' {
			offset = -offset
		}
	default:
		return 0, false
	}
	date := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if month < 1 || month > 12 || date.Day() != day || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	ms := date.UnixMilli() + int64(millisecond) - int64(offset)*60_000
	return ms, ms >= 0 && ms <= TimeMax
}

// fraction reads what may stand after the seconds, a point and 1 to 9 digits, as milliseconds.
func fraction(text []byte) (ms int, rest []byte, ok bool) {
	if text[0] != '.' {
		return 0, text, true
	}
	end := 1
	for scale := 100; end < len(text) && text[end]-'0' <= 9; scale /= 10 {
		ms += int(text[end]-'0') * scale
		end++
	}
	return ms, text[end:], end > 1 && end <= 10
}

// matches says whether text has this shape, where d stands for a digit.
func matches(text []byte, shape string) bool {
	if len(text) != len(shape) {
		return false
	}
	for i, c := range text {
		if shape[i] == 'd' && c-'0' > 9 || shape[i] != 'd' && c != shape[i] {
			return false
		}
	}
	return true
}

func digits(text []byte) (n int) {
	for _, c := range text {
		n = n*10 + int(c-'0')
	}
	return n
}
