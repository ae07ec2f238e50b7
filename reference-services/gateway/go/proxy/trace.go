package proxy

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
)

const requestIDBytesMax = 64

// requestID is the client's own if it is plain, else a new one.
func requestID(header http.Header) string {
	if given := header["X-Request-Id"]; len(given) == 1 && isRequestID(given[0]) {
		return given[0]
	}
	return randomHex(16)
}

func isRequestID(id string) bool {
	for _, b := range []byte(id) {
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
		if !letter && b != '.' && b != '_' && b != '-' {
			return false
		}
	}
	return len(id) >= 1 && len(id) <= requestIDBytesMax
}

// traceparent continues the trace of a request (W3C Trace Context §3.2) or begins one; the second
// result says which.
func traceparent(header http.Header) (string, bool) {
	parent := randomHex(8)
	if given := header["Traceparent"]; len(given) == 1 {
		if trace, flags, ok := parseTraceparent(given[0]); ok {
			return "00-" + trace + "-" + parent + "-" + flags, true
		}
	}
	return "00-" + randomHex(16) + "-" + parent + "-00", false
}

// parseTraceparent returns the trace id and the flags. Versions after 00 may have more parts.
func parseTraceparent(text string) (trace, flags string, ok bool) {
	const bytes = 55 // VV-TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT-PPPPPPPPPPPPPPPP-FF
	if len(text) < bytes || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return "", "", false
	}
	version, trace, parent, flags := text[:2], text[3:35], text[36:52], text[53:bytes]
	for _, part := range []string{version, trace, parent, flags} {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return "", "", false
		}
	}
	longer := len(text) > bytes && (version == "00" || text[bytes] != '-')
	none := strings.Trim(trace, "0") == "" || strings.Trim(parent, "0") == ""
	if version == "ff" || longer || none {
		return "", "", false
	}
	return trace, flags, true
}

func randomHex(bytes int) string {
	id := make([]byte, bytes)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}
