package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// serve runs a gateway in front of an upstream, on a table with these lines besides.
func serve(t *testing.T, upstream http.HandlerFunc, more string) string {
	t.Helper()
	behind := httptest.NewServer(upstream)
	t.Cleanup(behind.Close)
	file := filepath.Join(t.TempDir(), "gateway.toml")
	table := fmt.Sprintf("[upstream.a]\naddresses = [%q]\n[[route]]\nname = \"a\"\npath = \"/\"\nupstream = \"a\"\n%s",
		behind.Listener.Addr(), more)
	if err := os.WriteFile(file, []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	gateway, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- gateway.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// send writes text on a connection of its own and returns the answer.
func send(t *testing.T, address, text string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestForwards(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprint(w, r.RequestURI, " ", string(body), " ", r.Header["X-Auth-Subject"], r.Header["X-Forwarded-For"])
	}, "")
	response, body := send(t, address, "POST /a%20b?c=%2f HTTP/1.1\r\nHost: a\r\nX-Auth-Subject: root\r\n"+
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	if body != "/a%20b?c=%2f abc [] [127.0.0.1]" || response.Header.Get("X-Request-Id") == "" {
		t.Errorf("%v: %s", response, body)
	}
}

// Faults within a body are told as such, wherever net/http notices them.
func TestMalformedBodies(t *testing.T) {
	address := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }, "")
	for _, body := range []string{"zz\r\n", "1\r\nab\r\n0\r\n\r\n", "1\r\na\r\n0\r\nno colon\r\n\r\n"} {
		response, text := send(t, address, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+body)
		if response.StatusCode != 400 || !strings.Contains(text, ":malformed-body\"") {
			t.Errorf("%q: %d %s", body, response.StatusCode, text)
		}
	}
}

func TestLimits(t *testing.T) {
	address := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
		"body_bytes_max = 3\nrate = \"r\"\n[rate.r]\nper_minute = 1\nburst = 2\nby = \"address\"\n")
	for i, want := range []int{413, 200, 413, 429} {
		text := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd" // refused before it counts
		if i > 0 {
			length := []string{"", "3\r\nabc", "4\r\nabcd", "3\r\nabc"}[i]
			text = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + length + "\r\n0\r\n\r\n"
		}
		if response, body := send(t, address, text); response.StatusCode != want {
			t.Errorf("request %d: %d, not %d: %s", i, response.StatusCode, want, body)
		}
	}
}
