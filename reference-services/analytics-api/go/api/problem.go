package api

import (
	"encoding/json"
	"net/http"

	"analyticsapi/ndjson"
)

// problem is a refusal as problem details (RFC 9457). Everything but the free text is the same in
// the Rust twin.
type problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Accepted *int   `json:"accepted,omitempty"`
	Rejected int    `json:"rejected,omitempty"`
	Errors   any    `json:"errors,omitempty"` // []invalid or []ndjson.Fault
	Limit    string `json:"limit,omitempty"`
}

// of returns a problem of the service's own.
func of(status int, word, title, detail string) *problem {
	return &problem{Type: "urn:problem-type:analytics-api:" + word, Title: title, Status: status, Detail: detail}
}

func noValidLine(report ndjson.Report) *problem {
	p := of(http.StatusUnprocessableEntity, "no-valid-line", "No valid line", "No line is right; see errors.")
	p.Accepted, p.Rejected, p.Errors = new(int), report.Refused, report.Faults
	return p
}

func invalidQuery(fault *invalid) *problem {
	p := of(http.StatusUnprocessableEntity, "invalid-query", "Invalid query", "The query breaks the contract; see errors.")
	p.Errors = []invalid{*fault}
	return p
}

func limitExceeded(limit string) *problem {
	p := of(http.StatusUnprocessableEntity, "limit-exceeded", "Limit exceeded", "The query asks for more "+limit+" than there may be.")
	p.Limit = limit
	return p
}

func tooMany(what string) *problem {
	return of(http.StatusTooManyRequests, "too-many-"+what, "Too many "+what, "Try again in a second.")
}

// refusal is one that HTTP's own status says all about.
func refusal(status int, detail string) *problem {
	p := ofStatus(status, detail)
	return &p
}

func ofStatus(status int, detail string) problem {
	title := http.StatusText(status)
	if status == http.StatusRequestEntityTooLarge {
		title = "Payload Too Large" // the name in RFC 9110 that the Rust twin's library uses
	}
	return problem{Type: "about:blank", Title: title, Status: status, Detail: detail}
}

func (p problem) write(w http.ResponseWriter) {
	switch p.Status {
	case http.StatusRequestEntityTooLarge, http.StatusRequestTimeout:
		// The rest of such a body is not read, so that the connection cannot go on.
		w.Header().Set("Connection", "close")
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
	}
	body, err := json.Marshal(p)
	if err != nil {
		body = nil
	}
	writeBody(w, p.Status, "application/problem+json", body)
}
