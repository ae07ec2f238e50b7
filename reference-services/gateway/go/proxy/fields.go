package proxy

import (
	"net/http"
	"net/textproto"
	"strings"
)

// Fields that concern one connection only (RFC 9110 §7.6.1), with two of old.
var hopByHop = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Proxy-Authenticate": true,
	"Proxy-Authorization": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

// Fields that the gateway says itself, or keeps clients from saying.
var ownFields = map[string]bool{
	"Expect": true, "Content-Length": true, "Forwarded": true, "X-Forwarded-For": true, "X-Forwarded-Host": true,
	"X-Forwarded-Port": true, "X-Forwarded-Proto": true, "X-Real-Ip": true, "X-Auth-Subject": true,
	"X-Request-Id": true, "Traceparent": true, "Tracestate": true,
}

// upstreamHeader is what of a request's fields goes on.
func upstreamHeader(from http.Header) http.Header {
	to := make(http.Header, len(from)+6)
	named := namedByConnection(from)
	for name, values := range from {
		if !hopByHop[name] && !ownFields[name] && !named[name] && !strings.Contains(name, "_") {
			to[name] = values
		}
	}
	if _, there := to["User-Agent"]; !there {
		to["User-Agent"] = []string{""} // keeps net/http from adding its own
	}
	return to
}

// copyAnswerHeader copies what of an answer's fields goes back.
func copyAnswerHeader(to, from http.Header) {
	named := namedByConnection(from)
	for name, values := range from {
		if !hopByHop[name] && !named[name] {
			to[name] = values
		}
	}
	if _, there := to["Content-Type"]; !there {
		to["Content-Type"] = nil // keeps net/http from guessing one
	}
}

func namedByConnection(header http.Header) map[string]bool {
	lines := header["Connection"]
	if len(lines) == 0 {
		return nil
	}
	named := map[string]bool{}
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			named[textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	return named
}

// fieldCount counts fields as they stood in the head.
func fieldCount(header http.Header) int {
	count := 1 // Host, which net/http keeps elsewhere
	for _, values := range header {
		count += len(values)
	}
	return count
}
