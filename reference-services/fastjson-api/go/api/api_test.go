package api

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"fastjson/document"
)

func TestMetricsCountConcurrentRequests(t *testing.T) {
	order, err := os.ReadFile("../../sample-order.json")
	if err != nil {
		t.Fatal(err)
	}
	handler := Handler(document.DefaultLimits())
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			r := httptest.NewRequest(http.MethodPost, "/v1/quotes", strings.NewReader(string(order)))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				t.Errorf("got %d: %s", w.Code, w.Body)
			}
		})
	}
	all.Wait()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	want := `http_requests_total{route="/v1/quotes",status="200"} 50`
	if !strings.Contains(w.Body.String(), want) {
		t.Errorf("no %s in %s", want, w.Body)
	}
}
