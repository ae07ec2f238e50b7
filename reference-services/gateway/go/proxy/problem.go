package proxy

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// refusal is an answer of the gateway's own.
type refusal struct {
	status     int
	word       string // the last part of the problem's type
	detail     string
	retryAfter time.Duration // 0: no such field
	close      bool
	allow      string
	challenge  string // WWW-Authenticate
}

var (
	ambiguousTarget = refusal{status: 400, word: "ambiguous-target", detail: "Programs could read this target differently. Send a plain path that begins with a slash, without empty, dot or encoded segments."}
	tooManyFields   = refusal{status: 431, word: "too-many-fields", detail: "The request has more than 100 header fields.", close: true}
	expectation     = refusal{status: 417, word: "expectation-failed", detail: "The one expectation that can be met is 100-continue.", close: true}
	noRoute         = refusal{status: 404, word: "no-route", detail: "No route takes this host and path."}
	bodyTooLarge    = refusal{status: 413, word: "body-too-large", detail: "The body is larger than this route takes.", close: true}
	bodyTimeout     = refusal{status: 408, word: "body-timeout", detail: "The body did not come in time.", close: true}
	malformedBody   = refusal{status: 400, word: "malformed-body", detail: "The body is not framed as it should be.", close: true}
	overloaded      = refusal{status: 503, word: "overloaded", detail: "Too many requests are in flight. Try again later.", retryAfter: time.Second}
	tokenMissing    = refusal{status: 401, word: "token-missing", detail: "This route needs one field Authorization: Bearer TOKEN.", challenge: "Bearer"}
	tokenInvalid    = refusal{status: 401, word: "token-invalid", detail: "The token is not good here.", challenge: `Bearer error="invalid_token"`}
	tokenUnchecked  = refusal{status: 503, word: "token-check-unavailable", detail: "The token could not be checked. Try again later.", retryAfter: time.Second}
	upstreamFailed  = refusal{status: 502, word: "upstream-failed", detail: "The upstream gave no answer that could be passed on."}
	upstreamTimeout = refusal{status: 504, word: "upstream-timeout", detail: "The upstream did not answer in time."}
)

func methodNotAllowed(allow string) refusal {
	return refusal{status: 405, word: "method-not-allowed", detail: "This path does not take the method; see the Allow field.", allow: allow}
}

func rateLimited(wait time.Duration) refusal {
	return refusal{status: 429, word: "rate-limited", detail: "Too many requests from this client. Try again later.", retryAfter: wait}
}

func circuitOpen(wait time.Duration) refusal {
	return refusal{status: 503, word: "circuit-open", detail: "The upstream has failed too often. Try again later.", retryAfter: wait}
}

func (r *refusal) write(w http.ResponseWriter) {
	body, _ := json.Marshal(struct { // strings and a number always encode
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{
		Type:  "urn:problem-type:gateway:" + r.word,
		Title: strings.ToUpper(r.word[:1]) + strings.ReplaceAll(r.word[1:], "-", " "), Status: r.status, Detail: r.detail,
	})
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if r.retryAfter > 0 {
		seconds := int64((r.retryAfter + time.Second - 1) / time.Second)
		header.Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	if r.allow != "" {
		header.Set("Allow", r.allow)
	}
	if r.challenge != "" {
		header.Set("WWW-Authenticate", r.challenge)
	}
	if r.close {
		header.Set("Connection", "close")
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(body)
}
