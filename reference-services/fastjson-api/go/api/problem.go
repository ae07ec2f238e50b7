package api

import (
	"net/http"

	"fastjson/quote"
)

// problem is a refusal as problem details (RFC 9457). Everything but the free text is the same
// in the Rust twin.
type problem struct {
	Type   string            `json:"type"`
	Title  string            `json:"title"`
	Status int               `json:"status"`
	Detail string            `json:"detail"`
	Errors []quote.Violation `json:"errors,omitempty"`
	// Of the dynamic path:
	Rule      string `json:"rule,omitempty"`      // of I-JSON, that a text does not keep
	Limit     string `json:"limit,omitempty"`     // that is exceeded
	Position  *int   `json:"position,omitempty"`  // bytes of the body before the fault
	Operation *int   `json:"operation,omitempty"` // of a JSON Patch, that failed, from 0
}

const problemTypes = "urn:problem-type:fastjson-api:"

func malformedJSON(detail string) problem {
	return problem{
		Type:  problemTypes + "malformed-json",
		Title: "Malformed JSON", Status: http.StatusBadRequest, Detail: detail,
	}
}

func invalidOrder(errors []quote.Violation) problem {
	return problem{
		Type:  problemTypes + "invalid-order",
		Title: "Invalid order", Status: http.StatusUnprocessableEntity,
		Detail: "The order breaks the contract; see errors.", Errors: errors,
	}
}

// notAnOrder says that the order has another shape: one error, which points at the whole
// document.
func notAnOrder(detail string) problem {
	return invalidOrder([]quote.Violation{{Pointer: "", Detail: detail}})
}

// ofStatus is a refusal that HTTP's own status says all about.
func ofStatus(status int, detail string) problem {
	title := http.StatusText(status)
	if status == http.StatusRequestEntityTooLarge {
		title = "Payload Too Large" // the name in RFC 9110 that the Rust twin's library uses
	}
	return problem{Type: "about:blank", Title: title, Status: status, Detail: detail}
}

func (p problem) write(w http.ResponseWriter) {
	// The rest of such a body is not read, so that the connection cannot go on.
	if p.Status == http.StatusRequestEntityTooLarge || p.Status == http.StatusRequestTimeout {
		w.Header().Set("Connection", "close")
	}
	writeJSON(w, p.Status, "application/problem+json", p)
}
