package api

import (
	"errors"
	"net/http"

	"fastjson/document"
	"fastjson/jsontree"
	"fastjson/patch"
)

const (
	documentBodyBytesMax = 256 * 1024
	idBytesMax           = 40

	// The routes, for the router and the counters. The first stands for all documents.
	documentRoute     = "/v1/documents/{id}"
	canonicalizeRoute = "/v1/canonicalize"

	mergePatchType = "application/merge-patch+json"
	jsonPatchType  = "application/json-patch+json"
)

// documents serves the documents of a store.
type documents struct {
	store *document.Store
}

func (d *documents) register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+documentRoute, ofDocument(d.get))
	mux.HandleFunc("PUT "+documentRoute, ofDocument(d.put))
	mux.HandleFunc("PATCH "+documentRoute, ofDocument(d.patch))
	mux.HandleFunc("DELETE "+documentRoute, ofDocument(d.delete))
	mux.HandleFunc(documentRoute, withID(methodNotAllowed("GET, HEAD, PUT, PATCH, DELETE")))
}

// withID finds nothing at a path that is no document's.
func withID(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !isID(r.PathValue("id")) {
			notFound(w, r)
			return
		}
		next(w, r)
	}
}

// documentHandler handles a request for the document of an id, or refuses it.
type documentHandler func(w http.ResponseWriter, r *http.Request, id string, p preconditions) *problem

func ofDocument(handle documentHandler) http.HandlerFunc {
	return withID(func(w http.ResponseWriter, r *http.Request) {
		conditions, refused := readPreconditions(r.Header)
		if refused == nil {
			refused = handle(w, r, r.PathValue("id"), conditions)
		}
		if refused != nil {
			refused.write(w)
		}
	})
}

// isID says whether a text is 1 to 40 of A-Z a-z 0-9 . _ -, of which the first is a letter or
// digit.
func isID(text string) bool {
	if len(text) < 1 || len(text) > idBytesMax || !isAlphanumeric(text[0]) {
		return false
	}
	for i := range len(text) {
		if c := text[i]; !isAlphanumeric(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func (d *documents) get(w http.ResponseWriter, _ *http.Request, id string, p preconditions) *problem {
	current := d.store.Get(id)
	if current == nil {
		return noDocument()
	}
	switch err := p.check(current); {
	case errors.Is(err, errIfNoneMatch):
		w.Header().Set("ETag", current.ETag())
		w.WriteHeader(http.StatusNotModified)
	case err != nil:
		return preconditionFailed(err)
	default:
		writeDocument(w, http.StatusOK, current, current.Served())
	}
	return nil
}

func (d *documents) put(w http.ResponseWriter, r *http.Request, id string, p preconditions) *problem {
	body, refused := readJSON(w, r, documentBodyBytesMax)
	if refused != nil {
		return refused
	}
	root, err := jsontree.Parse(string(body))
	if err != nil {
		return refusedText(err)
	}
	served := root.Append(make([]byte, 0, len(body)))
	next := document.New(root, served, len(body))
	from, refused := d.update(id, p, orNone, func(*document.Document) (*document.Document, *problem) {
		return next, nil
	})
	if refused != nil {
		return refused
	}
	status := http.StatusOK
	if from == nil {
		status = http.StatusCreated
	}
	writeDocument(w, status, next, served)
	return nil
}

func (d *documents) patch(w http.ResponseWriter, r *http.Request, id string, p preconditions) *problem {
	apply, textBytes, refused := readPatch(w, r)
	if refused != nil {
		return refused
	}
	var next *document.Document
	var served []byte
	change := func(from *document.Document) (*document.Document, *problem) {
		root, err := apply(from.Root)
		if err != nil {
			return nil, refusedPatch(err)
		}
		// Neither patch makes a tree too deep: each operation is checked, and a merge goes no
		// deeper than the document or the patch.
		if root.Count() > jsontree.ValuesMax {
			return nil, limitExceeded(jsontree.TooManyValues.String())
		}
		served = root.Append(nil)
		if len(served) > document.BytesMax {
			return nil, limitExceeded("document-bytes")
		}
		next = from.Patched(root, served, textBytes)
		return next, nil
	}
	if _, refused := d.update(id, p, existing, change); refused != nil {
		return refused
	}
	writeDocument(w, http.StatusOK, next, served)
	return nil
}

func (d *documents) delete(w http.ResponseWriter, _ *http.Request, id string, p preconditions) *problem {
	_, refused := d.update(id, p, existing, func(*document.Document) (*document.Document, *problem) {
		return nil, nil
	})
	if refused == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return refused
}

// presence is whether a change needs a document to be there.
type presence bool

const (
	existing presence = true
	orNone   presence = false
)

// update puts what change makes of a document in its place, and returns what was there; nil is no
// document. The preconditions and the change are about the very document that is replaced: if
// another writer comes between, they start again. One of the writers always gets on.
func (d *documents) update(
	id string, p preconditions, needed presence,
	change func(from *document.Document) (*document.Document, *problem),
) (*document.Document, *problem) {
	for {
		from := d.store.Get(id)
		if from == nil && needed == existing {
			return nil, noDocument()
		}
		if err := p.check(from); err != nil {
			return nil, preconditionFailed(err)
		}
		next, refused := change(from)
		if refused != nil {
			return nil, refused
		}
		switch err := d.store.Swap(id, from, next); {
		case err == nil:
			return from, nil
		case !errors.Is(err, document.ErrChanged):
			return nil, storeFull(err)
		}
	}
}

// readPatch reads a patch of either kind: how it changes a tree, and the length of its text, of
// which the new tree may hold parts.
func readPatch(w http.ResponseWriter, r *http.Request) (
	apply func(jsontree.Value) (jsontree.Value, error), textBytes int, refused *problem,
) {
	merge := isMediaType(r, mergePatchType)
	if !merge && !isMediaType(r, jsonPatchType) {
		w.Header().Set("Accept-Patch", mergePatchType+", "+jsonPatchType)
		const detail = "Send a patch of a type that Accept-Patch names."
		return nil, 0, refusal(http.StatusUnsupportedMediaType, detail)
	}
	body, refused := readBody(w, r, documentBodyBytesMax)
	if refused != nil {
		return nil, 0, refused
	}
	value, err := jsontree.Parse(string(body))
	if err != nil {
		return nil, 0, refusedText(err)
	}
	if merge {
		return func(root jsontree.Value) (jsontree.Value, error) {
			return patch.Merge(root, value), nil
		}, len(body), nil
	}
	operations, err := patch.Decode(value)
	if err != nil {
		return nil, 0, refusedPatch(err)
	}
	return operations.Apply, len(body), nil
}

func handleCanonicalize(w http.ResponseWriter, r *http.Request) {
	body, refused := readJSON(w, r, documentBodyBytesMax)
	if refused != nil {
		refused.write(w)
		return
	}
	value, err := jsontree.ParseFinite(string(body))
	if err != nil {
		refusedText(err).write(w)
		return
	}
	writeBody(w, http.StatusOK, "application/json", value.AppendCanonical(make([]byte, 0, len(body))))
}

func writeDocument(w http.ResponseWriter, status int, d *document.Document, served []byte) {
	w.Header().Set("ETag", d.ETag())
	writeBody(w, status, "application/json", served)
}
