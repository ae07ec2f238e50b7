package server

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestMetrics(t *testing.T) {
	s := start(t, testConfig{})
	p := s.dial(t)
	for _, command := range []string{"SET a 1", "GET a", "GET b", "INCR a x", "NOSUCH", "CLIENT ID"} {
		p.ask(t, strings.Fields(command)...)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := contextFor(t)
	done := make(chan error, 1)
	go func() { done <- s.ServeMetrics(ctx, listener) }()
	fetch := func(path string) (int, string) {
		response, err := http.Get("http://" + listener.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	if status, body := fetch("/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("healthz is %d %q", status, body)
	}
	if status, _ := fetch("/"); status != 404 {
		t.Errorf("/ is %d", status)
	}
	_, body := fetch("/metrics")
	for _, line := range []string{
		`cache_commands_total{command="set"} 1`, `cache_commands_total{command="get"} 2`,
		`cache_commands_total{command="client"} 1`, "cache_command_errors_total 2", "cache_hits_total 1",
		"cache_misses_total 1", "cache_connections 1", "cache_connections_total 1",
		`cache_connections_closed_total{reason="stalled"} 0`, `cache_entries{db="0"} 1`,
		"cache_maxmemory_bytes 67108864", "# TYPE cache_accounted_bytes gauge",
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("no %s in\n%s", line, body)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
