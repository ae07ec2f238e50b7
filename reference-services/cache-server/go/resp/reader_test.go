package resp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// commandsOf reads all commands from a source, and the error that ends them.
func commandsOf(src io.Reader) (commands [][]string, err error) {
	r := NewReader(src)
	for {
		args, err := r.Next()
		if err != nil {
			return commands, err
		}
		if args == nil {
			if err := r.Fill(); err != nil {
				return commands, err
			}
			continue
		}
		var command []string
		for _, arg := range args {
			command = append(command, string(arg))
		}
		commands = append(commands, command)
	}
}

// inTwo gives its text in two reads.
func inTwo(text []byte, at int) io.Reader {
	return io.MultiReader(bytes.NewReader(text[:at]), bytes.NewReader(text[at:]))
}

func TestReader(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	for _, c := range []struct {
		in   string
		want [][]string
		err  error
	}{
		{"*1\r\n$4\r\nPING\r\n", [][]string{{"PING"}}, io.EOF},
		{"*2\r\n$3\r\nGET\r\n$0\r\n\r\nPING\r\n", [][]string{{"GET", ""}, {"PING"}}, io.EOF},
		{"*0\r\n*-1\r\n\r\n\n  \nPING\n", [][]string{{"PING"}}, io.EOF},
		{"SET a \"b c\\x41\\n\" 'd\\'e'\r\n", [][]string{{"SET", "a", "b cA\n", "d'e"}}, io.EOF},
		{"\"\"\n", [][]string{{""}}, io.EOF},
		{"*2\r\n$3\r\nSET\r\n$200000\r\n" + long + "\r\nPING\n", [][]string{{"SET", long}, {"PING"}}, io.EOF},
		{"SET \"a\n", nil, ProtocolError("unbalanced quotes in request")},
		{"SET \"a\"b\n", nil, ProtocolError("unbalanced quotes in request")},
		{"*x\r\n", nil, ProtocolError("invalid multibulk length")},
		{"*1048577\r\n", nil, ProtocolError("invalid multibulk length")},
		{"*1\r\n:1\r\n", nil, ProtocolError("expected '$', got ':'")},
		{"*1\r\n$x\r\n", nil, ProtocolError("invalid bulk length")},
		{"*1\r\n$-1\r\n", nil, ProtocolError("invalid bulk length")},
		{"*1\r\n$16777217\r\n", nil, ProtocolError("invalid bulk length")},
		{strings.Repeat("a", LineBytesMax+1), nil, ProtocolError("too big inline request")},
		{"*" + strings.Repeat("1", LineBytesMax+1), nil, ProtocolError("too big mbulk count string")},
		{"*1\r\n$" + strings.Repeat("1", LineBytesMax+1), nil, ProtocolError("too big bulk count string")},
		{"PING\r\n*1\r\nx", [][]string{{"PING"}}, ProtocolError("expected '$', got 'x'")},
	} {
		for name, src := range map[string]io.Reader{
			"whole": strings.NewReader(c.in), "bytes": iotest.OneByteReader(strings.NewReader(c.in)),
			"halves": iotest.HalfReader(strings.NewReader(c.in)),
		} {
			got, err := commandsOf(src)
			if !reflect.DeepEqual(got, c.want) || !errors.Is(err, c.err) {
				t.Errorf("%.40q in %s: got %.80q %v, want %.80q %v", c.in, name, got, err, c.want, c.err)
			}
		}
	}
}

func TestAnnouncedLengthsAllocateNothing(t *testing.T) {
	for _, in := range []string{
		"*1048576\r\n", "*2\r\n$16777216\r\nabc", "*1048576\r\n$16777216\r\nabc",
	} {
		r := NewReader(strings.NewReader(in))
		for {
			if args, err := r.Next(); args != nil || err != nil {
				t.Fatal(args, err)
			}
			if r.Fill() != nil {
				break
			}
		}
		if r.Size() > 2*bufferBytesMin {
			t.Errorf("%q took %d bytes", in, r.Size())
		}
	}
}

func TestUnknownClientsAreHeldShort(t *testing.T) {
	for in, want := range map[string]string{
		"*11\r\n":             "unauthenticated multibulk length",
		"*1\r\n$16385\r\n":    "unauthenticated bulk length",
		"*10\r\n$16384\r\nab": "",
	} {
		r := NewReader(strings.NewReader(in))
		r.Unknown = true
		if err := r.Fill(); err != nil {
			t.Fatal(err)
		}
		_, err := r.Next()
		if want == "" && err != nil || want != "" && err != ProtocolError(want) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestBufferShrinks(t *testing.T) {
	text := "*2\r\n$3\r\nSET\r\n$1000000\r\n" + strings.Repeat("x", 1_000_000) + "\r\n"
	asked := 0
	r := NewReader(strings.NewReader(text))
	r.Grow = func(bytes int) bool { asked += bytes; return true }
	for {
		if args, _ := r.Next(); args != nil {
			break
		}
		if err := r.Fill(); err != nil {
			t.Fatal(err)
		}
	}
	if r.Size() < 1_000_000 || r.Size() > 1_100_000 {
		t.Errorf("%d bytes for a million", r.Size())
	}
	_, _ = r.Next()
	r.Shrink()
	if r.Size() != bufferBytesMin || asked != 0 {
		t.Errorf("%d bytes are left, %d accounted", r.Size(), asked)
	}
}

// FuzzReader proves that bytes mean the same however they are split.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "PING\r\n", "*1\r\n$4\r\nPING\r\n*0\r\nGET \"a b\"\n",
		"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\r\n\x00b\r\n", "*-1\r\n'a\\'b'\n", "*1\r\n$-1\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 300 {
			text = text[:300]
		}
		want, wantErr := commandsOf(bytes.NewReader(text))
		for at := range text {
			got, err := commandsOf(inTwo(text, at))
			if !reflect.DeepEqual(got, want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("split at %d: got %q %v, want %q %v", at, got, err, want, wantErr)
			}
		}
		got, err := commandsOf(iotest.OneByteReader(bytes.NewReader(text)))
		if !reflect.DeepEqual(got, want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("byte by byte: got %q %v, want %q %v", got, err, want, wantErr)
		}
	})
}
