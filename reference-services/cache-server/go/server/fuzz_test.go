package server

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cacheserver/store"
)

// canned is a connection on which some bytes arrive, then its end.
type canned struct {
	in  bytes.Reader
	out bytes.Buffer
}

func (c *canned) Read(b []byte) (int, error)       { return c.in.Read(b) }
func (c *canned) Write(b []byte) (int, error)      { return c.out.Write(b) }
func (c *canned) Close() error                     { return nil }
func (c *canned) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *canned) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *canned) SetDeadline(time.Time) error      { return nil }
func (c *canned) SetReadDeadline(time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }

// FuzzServer sends any bytes to a server, which must answer whole replies and keep its store whole.
func FuzzServer(f *testing.F) {
	files, _ := filepath.Glob("../../../conformance/vectors/cache/*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, talk := range strings.Split(string(text), "\n## ") {
			var commands strings.Builder
			for _, line := range strings.Split(talk, "\n") {
				if strings.HasPrefix(line, "> ") && !strings.Contains(line, "SLEEP") {
					commands.WriteString(encode(words(line[2:])...))
				}
			}
			f.Add([]byte(commands.String()))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Contains(bytes.ToUpper(text), []byte("SLEEP")) {
			return
		}
		s := New(nopListener{}, Config{MaxClients: 1, Store: store.New(store.Config{
			MaxMemory: 4 << 20, Clock: func() int64 { return 1_700_000_000_000 },
		})})
		conn := &canned{}
		conn.in.Reset(text)
		c := newClient(s, conn, nil, 1)
		c.serve()
		for rest := conn.out.String(); rest != ""; {
			_, rest = cutReply(rest)
		}
		if used := s.store.Used(); used > s.store.MaxMemory() {
			t.Fatalf("%d bytes are used of %d", used, s.store.MaxMemory())
		}
	})
}

type nopListener struct{ net.Listener }

func (nopListener) Addr() net.Addr { return &net.TCPAddr{} }
