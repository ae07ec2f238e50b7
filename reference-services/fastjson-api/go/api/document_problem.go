package api

import (
	"errors"
	"net/http"

	"fastjson/document"
	"fastjson/jsontree"
	"fastjson/patch"
	"fastjson/quote"
)

// refusedText is for an error of jsontree.Parse.
func refusedText(err error) *problem {
	if syntax, ok := errors.AsType[*jsontree.SyntaxError](err); ok {
		p := malformedJSON("The body is not JSON: " + err.Error() + ".")
		p.Position = &syntax.Offset
		return &p
	}
	refused, ok := errors.AsType[*jsontree.RefusedError](err)
	if !ok {
		return internal()
	}
	p := &problem{
		Type: problemTypes + "not-i-json", Title: "Not I-JSON", Rule: refused.Reason.String(),
		Status: http.StatusUnprocessableEntity,
	}
	if refused.Reason.IsLimit() {
		p = limitExceeded(refused.Reason.String())
	}
	p.Detail = "The body is refused: " + err.Error() + "."
	p.Position = &refused.Offset
	return p
}

// refusedPatch is for an error of patch.Decode or patch.Patch.Apply.
func refusedPatch(err error) *problem {
	if invalid, ok := errors.AsType[*patch.InvalidError](err); ok {
		return &problem{
			Type: problemTypes + "invalid-patch", Title: "Invalid patch",
			Status: http.StatusBadRequest, Detail: "The body is not a JSON Patch; see errors.",
			Errors: []quote.Violation{{Pointer: invalid.Pointer, Detail: invalid.Detail}},
		}
	}
	if limit, ok := errors.AsType[*patch.LimitError](err); ok {
		p := limitExceeded(string(limit.Limit))
		if limit.Operation >= 0 {
			p.Operation = &limit.Operation
		}
		return p
	}
	conflict, ok := errors.AsType[*patch.ConflictError](err)
	if !ok {
		return internal()
	}
	p := &problem{
		Type: problemTypes + "patch-conflict", Title: "Patch does not apply",
		Status: http.StatusConflict, Detail: "The patch does not apply; see errors.",
		Errors:    []quote.Violation{{Pointer: conflict.Pointer, Detail: err.Error()}},
		Operation: &conflict.Operation,
	}
	if conflict.Test {
		p.Type, p.Title = problemTypes+"test-failed", "Test failed"
	}
	return p
}

func limitExceeded(limit string) *problem {
	return &problem{
		Type: problemTypes + "limit-exceeded", Title: "Limit exceeded",
		Status: http.StatusUnprocessableEntity, Limit: limit,
		Detail: "This goes beyond the limit " + limit + "; the contract lists the limits.",
	}
}

// storeFull is for an error of document.Store.Swap.
func storeFull(err error) *problem {
	p := &problem{
		Type: problemTypes + "store-full", Title: "Store full",
		Status: http.StatusInsufficientStorage, Limit: "documents", Detail: err.Error(),
	}
	if errors.Is(err, document.ErrTooManyBytes) {
		p.Limit = "documents-bytes"
	}
	return p
}

func invalidPrecondition(detail string) *problem {
	return &problem{
		Type: problemTypes + "invalid-precondition", Title: "Invalid precondition",
		Status: http.StatusBadRequest, Detail: detail,
	}
}

func preconditionFailed(err error) *problem {
	return refusal(http.StatusPreconditionFailed, err.Error())
}

func noDocument() *problem { return refusal(http.StatusNotFound, "There is no such document.") }

// internal is for what cannot be.
func internal() *problem {
	return refusal(http.StatusInternalServerError, "The service failed.")
}
