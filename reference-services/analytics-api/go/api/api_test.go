package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"analyticsapi/store"
)

func serve(t *testing.T) string {
	t.Helper()
	kept, err := store.Open(store.Config{
		Folder: t.TempDir(), EventsMax: 1 << 40, StringsMax: 1 << 40, Now: func() int64 { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	service := New(Config{Store: kept, Threads: 2, GroupsMax: 1 << 20, PendingBytesMax: 1 << 30})
	server := httptest.NewServer(service.handler())
	t.Cleanup(func() {
		close(service.ending)
		server.Close()
		kept.Close()
	})
	return server.URL
}

func post(t *testing.T, url, body string) {
	t.Helper()
	response, err := http.Post(url+"/v1/events", "application/x-ndjson", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestQueriesSeeWholeBatchesWhileMoreComeIn(t *testing.T) {
	const writers, batches, events = 4, 60, 10
	url := serve(t)
	follower, err := http.Get(url + "/v1/tail")
	if err != nil {
		t.Fatal(err)
	}
	defer follower.Body.Close()
	tail := bufio.NewScanner(follower.Body)
	if !tail.Scan() || tail.Text() != ": tail" {
		t.Fatalf("%q", tail.Text())
	}
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for b := range batches {
				var body strings.Builder
				for i := range events {
					fmt.Fprintf(&body, `{"ts":%d,"key":"k%d","value":%d,"tags":{"w":"%d"}}`+"\n", b, i, b, w)
				}
				post(t, url, body.String())
				// The writer's own batch is there.
				if n := count(t, fmt.Sprintf("%s/v1/query?from=0&to=1000&in.tags.w=%d", url, w)); n != (b+1)*events {
					t.Errorf("%d events after %d batches", n, b+1)
				}
			}
		})
	}
	for range 100 {
		if n := count(t, url+"/v1/query?from=0&to=1000&bucket=1s"); n%events != 0 {
			t.Errorf("%d events: a batch is seen in part", n)
		}
	}
	all.Wait()
	for seen := 0; seen < writers*batches*events; {
		if !tail.Scan() {
			t.Fatalf("the tail ended after %d events", seen)
		}
		if strings.HasPrefix(tail.Text(), "data: ") {
			seen++
		}
	}
}

func count(t *testing.T, url string) int {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer response.Body.Close()
	var answer struct{ Events int }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Error(err)
	}
	return answer.Events
}

func TestTheDescriptionIsTheContracts(t *testing.T) {
	want, err := os.ReadFile("../../openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(serve(t) + "/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, _ := io.ReadAll(response.Body); !bytes.Equal(got, want) {
		t.Error("api/openapi.json is not ../openapi.json: copy it")
	}
}
