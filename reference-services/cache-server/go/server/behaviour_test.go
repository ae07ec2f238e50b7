package server

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cacheserver/store"
)

// eventually waits for something to become true.
func eventually(t *testing.T, what string, within time.Duration, f func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within ", within, ": ", what)
		}
	}
}

// countedConn counts the writes of the server.
type countedConn struct {
	net.Conn
	writes atomic.Int64
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

func TestOneWriteForEachPipeline(t *testing.T) {
	s := start(t, testConfig{})
	theirs, ours := net.Pipe()
	counted := &countedConn{Conn: ours}
	s.admit(counted, nil)
	var commands strings.Builder
	for i := range 20 {
		commands.WriteString(encode("SET", "k"+strconv.Itoa(i), "v"))
	}
	half := encode("GET", "k1")
	go func() { _, _ = io.WriteString(theirs, commands.String()+half[:9]) }()
	reply := make([]byte, 20*len("+OK\r\n"))
	if _, err := io.ReadFull(theirs, reply); err != nil || counted.writes.Load() != 1 {
		t.Fatalf("%d writes, %v", counted.writes.Load(), err)
	}
	go func() { _, _ = io.WriteString(theirs, half[9:]) }()
	if _, err := io.ReadFull(theirs, reply[:len("$1\r\nv\r\n")]); err != nil || counted.writes.Load() != 2 {
		t.Fatalf("%d writes, %v", counted.writes.Load(), err)
	}
	_ = theirs.Close()
}

func TestExpiryGoesByTheClock(t *testing.T) {
	var now atomic.Int64
	now.Store(1_000_000)
	s := start(t, testConfig{clock: now.Load})
	p := s.dial(t)
	for _, c := range []struct {
		wait    int64
		command string
		want    string
	}{
		{0, "SET k v PX 1500", "+OK\r\n"},
		{0, "PTTL k", ":1500\r\n"},
		{1, "PTTL k", ":1499\r\n"},
		{0, "TTL k", ":1\r\n"},
		{1498, "GET k", "$1\r\nv\r\n"},
		{1, "GET k", "$-1\r\n"},
		{0, "EXISTS k", ":0\r\n"},
		{0, "HSET h f v", ":1\r\n"},
		{0, "PEXPIREAT h 1001600", ":1\r\n"},
		{99, "HGET h f", "$1\r\nv\r\n"},
		{1, "HGET h f", "$-1\r\n"},
		{0, "SET k 1 EX 10", "+OK\r\n"},
		{9999, "INCR k", ":2\r\n"},
		{0, "PEXPIRETIME k", ":1011600\r\n"},
		{1, "INCR k", ":1\r\n"},
		{0, "TTL k", ":-1\r\n"},
	} {
		now.Add(c.wait)
		if got := p.ask(t, strings.Fields(c.command)...); got != c.want {
			t.Errorf("%s at %d: %q, want %q", c.command, now.Load(), got, c.want)
		}
	}
}

func TestSlowReaderIsClosed(t *testing.T) {
	s := start(t, testConfig{stall: 2 * writeStep})
	p := s.dial(t)
	p.ask(t, "SET", "k", strings.Repeat("x", 1<<20))
	go func() {
		for range 400 {
			if _, err := io.WriteString(p, encode("GET", "k")); err != nil {
				return
			}
		}
	}()
	eventually(t, "the client is closed", 20*time.Second, func() bool { return s.closed[closedStalled].Load() == 1 })
	eventually(t, "it is forgotten", time.Second, func() bool { return s.clientCount() == 0 })
	if n := s.bufferBytes.Load(); n != 0 {
		t.Errorf("%d bytes of buffers are left", n)
	}
}

func TestChurnLeavesNothing(t *testing.T) {
	s := start(t, testConfig{})
	before := runtime.NumGoroutine()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			for j := range 50 {
				conn, err := net.Dial("tcp", s.address)
				if err != nil {
					t.Error(err)
					return
				}
				switch j % 4 {
				case 0:
					_, _ = io.WriteString(conn, encode("SET", strconv.Itoa(i), "v")+"*2\r\n$3\r\nGE")
				case 1:
					_, _ = io.WriteString(conn, "*1\r\nnonsense\r\n")
				case 2:
					_, _ = io.WriteString(conn, encode("WATCH", strconv.Itoa(i))+encode("MULTI")+encode("GET", "a"))
				}
				_ = conn.Close()
			}
		})
	}
	all.Wait()
	eventually(t, "all are gone", 10*time.Second, func() bool {
		return s.clientCount() == 0 && runtime.NumGoroutine() <= before+2
	})
	if n := s.bufferBytes.Load(); n != 0 {
		t.Errorf("%d bytes of buffers are left", n)
	}
}

func TestCommandsAreAtomic(t *testing.T) {
	s := start(t, testConfig{})
	const accounts = 20
	setup := s.dial(t)
	for i := range accounts {
		setup.ask(t, "SET", "a"+strconv.Itoa(i), "100")
	}
	keys := []string{"MGET"}
	for i := range accounts {
		keys = append(keys, "a"+strconv.Itoa(i))
	}
	var all sync.WaitGroup
	for seed := range uint64(4) {
		p := s.dial(t)
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1))
			for range 300 {
				from, to := "a"+strconv.Itoa(r.IntN(accounts)), "a"+strconv.Itoa(r.IntN(accounts))
				_, _ = io.WriteString(p, encode("MULTI")+encode("DECR", from)+encode("INCR", to)+encode("EXEC"))
				for range 4 {
					if _, err := readReply(p.in); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
		q := s.dial(t)
		all.Go(func() {
			for range 300 {
				_, _ = io.WriteString(q, encode(keys...))
				reply, err := readReply(q.in)
				if err != nil {
					t.Error(err)
					return
				}
				sum := 0
				for i, line := range strings.Split(reply, "\r\n") {
					if n, err := strconv.Atoi(line); err == nil && i > 0 {
						sum += n
					}
				}
				if sum != accounts*100 {
					t.Errorf("the sum is %d", sum)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestWatchedCounterLosesNoIncrement(t *testing.T) {
	s := start(t, testConfig{})
	var all sync.WaitGroup
	for range 4 {
		p := s.dial(t)
		all.Go(func() {
			for done := 0; done < 50; {
				p.ask(t, "WATCH", "n")
				n := 0
				_, _ = fmt.Sscanf(p.ask(t, "GET", "n"), "$%d\r\n%d", new(int), &n)
				p.ask(t, "MULTI")
				p.ask(t, "SET", "n", strconv.Itoa(n+1))
				if p.ask(t, "EXEC") == "*1\r\n+OK\r\n" {
					done++
				}
			}
		})
	}
	all.Wait()
	if got := s.dial(t).ask(t, "GET", "n"); got != "$3\r\n200\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestMaxClients(t *testing.T) {
	s := start(t, testConfig{clients: 2})
	a, b := s.dial(t), s.dial(t)
	a.ask(t, "PING")
	b.ask(t, "PING")
	c := s.dial(t)
	if reply, _ := io.ReadAll(c); string(reply) != "-ERR max number of clients reached\r\n" {
		t.Errorf("got %q", reply)
	}
	_ = a.Close()
	eventually(t, "a place is free", 5*time.Second, func() bool { return s.clientCount() == 1 })
	if got := s.dial(t).ask(t, "PING"); got != "+PONG\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestPassword(t *testing.T) {
	s := start(t, testConfig{password: "secret"})
	p := s.dial(t)
	for _, c := range [][2]string{
		{"GET k", "-NOAUTH Authentication required.\r\n"},
		{"AUTH wrong", "-" + errWrongPass + "\r\n"},
		{"AUTH someone secret", "-" + errWrongPass + "\r\n"},
		{"MULTI", "-NOAUTH Authentication required.\r\n"},
		{"AUTH secret", "+OK\r\n"},
		{"GET k", "$-1\r\n"},
		{"RESET", "+RESET\r\n"},
		{"GET k", "-NOAUTH Authentication required.\r\n"},
		{"AUTH default secret", "+OK\r\n"},
		{"PING", "+PONG\r\n"},
	} {
		if got := p.ask(t, strings.Fields(c[0])...); got != c[1] {
			t.Errorf("%s: %q, want %q", c[0], got, c[1])
		}
	}
}

// heapBytes is what the process holds of the system's memory for its heap.
func heapBytes() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapSys - m.HeapReleased)
}

func TestMemoryComesBack(t *testing.T) {
	s := start(t, testConfig{memory: 256 << 20})
	p := s.dial(t)
	before := heapBytes()
	value := strings.Repeat("x", 1000)
	var batch bytes.Buffer
	for i := range 200_000 {
		batch.WriteString(encode("SET", strconv.Itoa(i), value))
		if i%1000 == 999 {
			_, _ = p.Write(batch.Bytes())
			batch.Reset()
			for range 1000 {
				if _, err := readReply(p.in); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if heapBytes() < before+150<<20 || s.store.Used() > s.store.MaxMemory() {
		t.Fatalf("%d bytes held, %d accounted", heapBytes(), s.store.Used())
	}
	p.ask(t, "FLUSHALL")
	if s.store.Used() != 0 {
		t.Errorf("%d bytes are accounted", s.store.Used())
	}
	eventually(t, "memory is given back", 5*time.Second, func() bool { return heapBytes() < before+64<<20 })
}

func TestGrownBuffersShrink(t *testing.T) {
	s := start(t, testConfig{})
	p := s.dial(t)
	p.ask(t, "SET", "k", strings.Repeat("x", 1_000_000))
	p.ask(t, "GET", "k")
	if s.bufferBytes.Load() == 0 {
		t.Fatal("nothing is accounted for a buffer of a million bytes")
	}
	eventually(t, "buffers are small again", 6*time.Second, func() bool { return s.bufferBytes.Load() == 0 })
	if got := p.ask(t, "PING"); got != "+PONG\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestStopAnswersWhatHasArrived(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(listener, Config{Store: store.New(store.Config{
		MaxMemory: 1 << 20, Clock: func() int64 { return time.Now().UnixMilli() },
	}), MaxClients: 10})
	p := running{s, listener.Addr().String()}
	ctx, stop := contextFor(t)
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	client := p.dial(t)
	client.ask(t, "PING")
	_, _ = io.WriteString(client, strings.Repeat(encode("PING"), 100))
	stop()
	reply, _ := io.ReadAll(client.in)
	if string(reply) != strings.Repeat("+PONG\r\n", 100) {
		t.Errorf("%d bytes of replies", len(reply))
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestOneHugeReplyClosesItsClient(t *testing.T) {
	s := start(t, testConfig{memory: 128 << 20})
	p := s.dial(t)
	p.ask(t, "SET", "k", strings.Repeat("x", 16<<20))
	_, _ = io.WriteString(p, encode("MGET", "k", "k", "k", "k", "k"))
	if n, err := io.Copy(io.Discard, p); err != nil || n > 0 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if s.closed[closedReply].Load() != 1 {
		t.Error("it was not counted")
	}
}

func TestDecimals(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "-0": "0", "1.50": "1.5", "-.25": "-0.25", "5e3": "5000", "1e-17": "0.00000000000000001",
		"1e-999999999999": "0", "0e999999999999": "0", "99999999999999999999": "99999999999999999999",
		"0.000000000000000005": "0", "0.000000000000000015": "0.00000000000000002",
		"100000000000000000000": "", "1e999999999999": "", "1.": "1", ".": "", "e1": "", "": "", "+": "",
	} {
		d, ok := parseDecimal([]byte(in))
		if ok != (want != "") || ok && string(d.text()) != want {
			t.Errorf("%q is %q %v, want %q", in, d.text(), ok, want)
		}
	}
}

// FuzzMatches holds the matcher against one that tries everything.
func FuzzMatches(f *testing.F) {
	f.Add("h*l?o", "hello")
	f.Add("[a-c]*[^x]\\*", "abc*")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 12 || len(text) > 12 {
			return
		}
		if got, want := matches([]byte(pattern), []byte(text)), slowMatch(pattern, text); got != want {
			t.Fatalf("%q on %q: %v", pattern, text, got)
		}
	})
}

func slowMatch(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		return slowMatch(pattern[1:], text) || text != "" && slowMatch(pattern, text[1:])
	case text == "":
		return false
	}
	next, ok := matchOne([]byte(pattern), 0, text[0])
	return ok && slowMatch(pattern[next:], text[1:])
}
