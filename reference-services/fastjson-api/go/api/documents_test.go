package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"fastjson/document"
)

func send(handler http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestPreconditions(t *testing.T) {
	const tag, other = `"74234e98afe7498fb5daf1f36ac2d78a"`, `"x"`
	handler := Handler(document.DefaultLimits())
	for _, c := range []struct {
		lines     []string
		get, none int // the statuses of a GET of null, and of a PUT where there is nothing
	}{
		{nil, 200, 201},
		{[]string{"If-Match", tag}, 200, 412},
		{[]string{"If-Match", "*"}, 200, 412},
		{[]string{"If-Match", " * "}, 200, 412},
		{[]string{"If-Match", "W/" + tag}, 412, 412},
		{[]string{"If-Match", other}, 412, 412},
		{[]string{"If-Match", other + " ,, " + tag}, 200, 412},
		{[]string{"If-Match", other, "If-Match", tag}, 200, 412},
		{[]string{"If-Match", `"a,b",` + tag}, 200, 412},
		{[]string{"If-None-Match", tag}, 304, 201},
		{[]string{"If-None-Match", "W/" + tag}, 304, 201},
		{[]string{"If-None-Match", "*"}, 304, 201},
		{[]string{"If-None-Match", ", " + other + ","}, 200, 201},
		{[]string{"If-Match", tag, "If-None-Match", tag}, 304, 412},
		{[]string{"If-Match", other, "If-None-Match", tag}, 412, 412},
		{[]string{"If-Match", ""}, 400, 400},
		{[]string{"If-Match", " ,, "}, 400, 400},
		{[]string{"If-Match", "*", "If-Match", tag}, 400, 400},
		{[]string{"If-Match", "*,"}, 400, 400},
		{[]string{"If-Match", "74234e98afe7498fb5daf1f36ac2d78a"}, 400, 400},
		{[]string{"If-Match", tag + tag}, 400, 400},
		{[]string{"If-Match", `"a b"`}, 400, 400},
		{[]string{"If-Match", `"a`}, 400, 400},
		{[]string{"If-Match", "w/" + tag}, 400, 400},
		{[]string{"If-None-Match", "W/"}, 400, 400},
		{[]string{"If-None-Match", "\"\x7f\""}, 400, 400},
		{[]string{"If-None-Match", "\"\xe9\""}, 200, 201},
	} {
		send(handler, "PUT", "/v1/documents/null", "null", "Content-Type", "application/json")
		w := send(handler, "GET", "/v1/documents/null", "", c.lines...)
		if w.Code != c.get {
			t.Errorf("GET with %q: got %d, want %d", c.lines, w.Code, c.get)
		}
		if w.Code == 304 && (w.Header().Get("ETag") != tag || w.Body.Len() > 0 || w.Header().Get("Content-Type") != "") {
			t.Errorf("GET with %q: got %v %s", c.lines, w.Header(), w.Body)
		}
		send(handler, "DELETE", "/v1/documents/none", "")
		header := append([]string{"Content-Type", "application/json"}, c.lines...)
		if w := send(handler, "PUT", "/v1/documents/none", "null", header...); w.Code != c.none {
			t.Errorf("PUT with %q: got %d, want %d", c.lines, w.Code, c.none)
		}
	}
}

func TestPathsOfDocuments(t *testing.T) {
	handler := Handler(document.DefaultLimits())
	for path, want := range map[string]int{
		"a": 405, "A.b_c-9": 405, "9": 405, strings.Repeat("a", 40): 405,
		"": 404, strings.Repeat("a", 41): 404, ".a": 404, "-a": 404, "_": 404, "a/b": 404, "a/": 404,
		"%61": 404, "a%20b": 404, "a%2Fb": 404, "%C3%A9": 404, "a~b": 404, "a//b": 404,
	} {
		w := send(handler, "POST", "/v1/documents/"+path, "")
		if w.Code != want || want == 405 != (w.Header().Get("Allow") == "GET, HEAD, PUT, PATCH, DELETE") {
			t.Errorf("%q: got %d, %v", path, w.Code, w.Header())
		}
	}
}

// Patches at the same time do not lose each other's changes, and readers see whole documents.
func TestConcurrentPatches(t *testing.T) {
	const writers, patches = 8, 50
	handler := Handler(document.DefaultLimits())
	send(handler, "PUT", "/v1/documents/a", `{"items":[],"n":0}`, "Content-Type", "application/json")
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for j := range patches {
				body := fmt.Sprintf(`[{"op":"add","path":"/items/-","value":"%d.%d"}]`, i, j)
				w := send(handler, "PATCH", "/v1/documents/a", body, "Content-Type", "application/json-patch+json")
				if w.Code != http.StatusOK {
					t.Errorf("got %d: %s", w.Code, w.Body)
				}
				w = send(handler, "GET", "/v1/documents/a", "")
				if !json.Valid(w.Body.Bytes()) {
					t.Errorf("read %s", w.Body)
				}
			}
		})
	}
	all.Wait()
	var got struct{ Items []string }
	if err := json.Unmarshal(send(handler, "GET", "/v1/documents/a", "").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Items) != writers*patches {
		t.Errorf("%d of %d changes are there", len(got.Items), writers*patches)
	}
	w := send(handler, "GET", "/metrics", "")
	want := fmt.Sprintf(`http_requests_total{route="/v1/documents/{id}",status="200"} %d`, 2*writers*patches+1)
	if !strings.Contains(w.Body.String(), want) {
		t.Errorf("no %s in %s", want, w.Body)
	}
}
