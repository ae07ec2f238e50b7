package guard

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// source is a connection that gives what it has in pieces of one size.
type source struct {
	net.Conn
	text  []byte
	piece int
}

func (s *source) Read(p []byte) (int, error) {
	if len(s.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.piece)], s.text)
	s.text = s.text[n:]
	return n, nil
}

func guarded(text string, piece int) (string, error) {
	conn := New(&source{text: []byte(text), piece: piece}, func() {})
	read, err := io.ReadAll(conn)
	return strings.TrimSuffix(string(read), standIn), err
}

const ok = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

func TestWellFormed(t *testing.T) {
	cases := []string{
		ok + ok,
		"GET / HTTP/1.0\r\n\r\n" + ok,
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\n\x00\r\r" + ok,
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\n\n\r\n\r\n0f \r\n" +
			strings.Repeat("x", 15) + "\r\n0\r\nTrailer: x\r\n\r\n" + ok,
		"GET / HTTP/1.1\r\nHost: a\r\nX:\t\r\nY: \xc3\xa4 \r\n\r\n" + ok,
	}
	for _, text := range cases {
		for piece := 1; piece <= len(text); piece++ {
			if read, err := guarded(text, piece); err != nil || read != text {
				t.Errorf("%q in pieces of %d: %v after %q", text, piece, err, read)
			}
		}
	}
}

func TestMalformed(t *testing.T) {
	head := func(fields string) string { return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" }
	cases := []string{
		head("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
		head("Transfer-Encoding: chunked\r\ncontent-length: 1\r\n"),
		head("Content-Length: 1\r\nContent-Length: 1\r\n"),
		head("Content-Length: 1, 1\r\n"), head("Content-Length: +1\r\n"), head("Content-Length: 1_0\r\n"),
		head("Content-Length: 0x1\r\n"), head("Content-Length:\r\n"), head("Content-Length: -1\r\n"),
		head("Content-Length: 9999999999999999999\r\n"),
		head("Transfer-Encoding: gzip, chunked\r\n"), head("Transfer-Encoding: identity\r\n"),
		head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
		head("Transfer-Encoding: \x0bchunked\r\n"), head("Transfer-Encoding : chunked\r\n"),
		head(" Transfer-Encoding: chunked\r\n"), head("X: a\r\n b\r\n"), head("X: a\n"), head("X: a\rb\r\n"),
		head("X: a\x00b\r\n"), head("X\r\n"), head(": x\r\n"), head("X Y: a\r\n"), head("Host: b\r\n"),
		"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		"\r\n" + ok, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
		"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "GET /\r\n\r\n",
		"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
		head("Transfer-Encoding: chunked\r\n") + "x\r\n", head("Transfer-Encoding: chunked\r\n") + "\r\n",
		head("Transfer-Encoding: chunked\r\n") + "1\nx\r\n", head("Transfer-Encoding: chunked\r\n") + "1\r\nxy\r\n",
		head("Transfer-Encoding: chunked\r\n") + "-1\r\n", head("Transfer-Encoding: chunked\r\n") + "0x1\r\nx\r\n",
		head("Transfer-Encoding: chunked\r\n") + "1000000000000000\r\n",
		head("Transfer-Encoding: chunked\r\n") + "1;" + strings.Repeat("x", 257) + "\r\nx\r\n",
		head("Transfer-Encoding: chunked\r\n") + "0\r\nno colon\r\n\r\n",
		head("Transfer-Encoding: chunked\r\n") + "0\r\n" + strings.Repeat("X: y\r\n", 1_400) + "\r\n",
	}
	for _, text := range cases {
		for _, piece := range []int{1, 7, 1 << 20} {
			read, err := guarded(ok+text+ok, piece)
			if !errors.Is(err, ErrMalformed) || !strings.HasPrefix(read, ok) || len(read) >= len(ok+text) {
				t.Errorf("%q in pieces of %d: %v after %q", text, piece, err, read)
			}
		}
	}
}

// What the guard lets through, net/http frames as the guard does, or refuses.
func FuzzFraming(f *testing.F) {
	f.Add([]byte(ok + "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + ok))
	f.Add([]byte("POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc" + ok))
	f.Fuzz(func(t *testing.T, text []byte) {
		heads, bodyBytes, whole := walk(text)
		if !whole {
			return
		}
		reader := bufio.NewReader(bytes.NewReader(text))
		for {
			request, err := http.ReadRequest(reader)
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return
			}
			n, err := io.Copy(io.Discard, request.Body)
			if err != nil {
				return
			}
			heads, bodyBytes = heads-1, bodyBytes-int(n)
		}
		if heads != 0 || bodyBytes != 0 {
			t.Errorf("%q: the guard sees %d requests and %d bytes more than net/http", text, heads, bodyBytes)
		}
	})
}

// walk counts the heads and the bytes of bodies that the guard sees.
func walk(text []byte) (heads, bodyBytes int, whole bool) {
	conn := New(&source{}, func() {})
	for i := range text {
		before := conn.state
		if _, err := conn.follow(text[i : i+1]); err != nil {
			return heads, bodyBytes, false
		}
		switch {
		case before == body || before == chunkData:
			bodyBytes++
		case before == fields && conn.state != fields:
			heads++
		}
	}
	return heads, bodyBytes, conn.state == requestLine && len(conn.carry) == 0
}
