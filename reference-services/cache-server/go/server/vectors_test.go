package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestVectors plays the conversations that the conformance suite plays, in both protocols. Their
// format is described beside them.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob("../../../conformance/vectors/cache/*.txt")
	if err != nil || len(files) < 5 {
		t.Fatalf("no conversations: %v %v", files, err)
	}
	for _, file := range files {
		if filepath.Base(file) == "commands.txt" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, talk := range strings.Split("\n"+string(text), "\n## ")[1:] {
			name, rest, _ := strings.Cut(talk, "\n")
			for _, proto := range []string{"2", "3"} {
				t.Run(filepath.Base(file)+"/"+name+"/RESP"+proto, func(t *testing.T) {
					t.Parallel()
					play(t, proto, strings.Split(rest, "\n"))
				})
			}
		}
	}
}

func play(t *testing.T, proto string, lines []string) {
	server := start(t, testConfig{})
	peers := map[string]*peer{}
	at := func(name string) *peer {
		if peers[name] == nil {
			peers[name] = server.dial(t)
			peers[name].proto = proto
			if proto == "3" {
				peers[name].ask(t, "HELLO", "3")
			}
		}
		return peers[name]
	}
	reply, asked, speaks := "", "", proto
	for _, line := range lines {
		who, command, isCommand := strings.Cut(line, "> ")
		switch {
		case line == "" || strings.HasPrefix(line, "<redis"):
		case strings.HasPrefix(line, "< "):
			w := wanted{text: line[2:], proto: speaks}
			if rest, ok := w.match(reply); !ok || rest != "" || w.text != "" {
				t.Fatalf("%s\n got %q\nwant %s", asked, reply, line[2:])
			}
		case strings.HasSuffix(line, "closed"):
			p := at(strings.TrimSuffix(strings.TrimSuffix(line, "closed"), " "))
			if _, err := p.in.ReadByte(); err != io.EOF && !strings.Contains(fmt.Sprint(err), "reset") {
				t.Fatalf("%s: not closed: %v", asked, err)
			}
		case strings.HasPrefix(line, "sleep "):
			ms, _ := strconv.Atoi(line[6:])
			time.Sleep(time.Duration(ms) * time.Millisecond)
		case isCommand && len(who) < 2:
			asked = line
			p := at(who)
			reply = p.ask(t, words(command)...)
			switch {
			case reply == "+RESET\r\n":
				p.proto = "2"
			case strings.HasPrefix(command, "HELLO 2"), strings.HasPrefix(command, "HELLO 3"):
				if reply[0] != '-' {
					p.proto = command[6:7]
				}
			}
			speaks = p.proto
		default:
			t.Fatalf("not understood: %q", line)
		}
	}
}

// words splits a command into its words, some of which are quoted.
func words(line string) (all []string) {
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		if line[0] == '"' {
			word, rest := unquoted(line)
			all = append(all, word)
			line = rest
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		all = append(all, word)
		line = rest
	}
	return all
}

var quotedText = regexp.MustCompile(`^"(?:[^"\\]|\\.)*"`)

func unquoted(text string) (value, rest string) {
	q := quotedText.FindString(text)
	if q == "" {
		panic("no quoted text: " + text)
	}
	value, err := strconv.Unquote(q)
	if err != nil {
		panic(q + ": " + err.Error())
	}
	return value, text[len(q):]
}

// wanted is what is left of the description of a reply.
type wanted struct{ text, proto string }

// match takes one description from w and a reply from its beginning, and gives what is left of it.
func (w *wanted) match(reply string) (rest string, ok bool) {
	w.text = strings.TrimLeft(w.text, " ")
	text := w.text
	shuffled := strings.HasPrefix(text, "any-order ")
	text = strings.TrimPrefix(text, "any-order ")
	if reply == "" || text == "" {
		return reply, false
	}
	switch {
	case strings.HasPrefix(text, "any"):
		w.text = text[3:]
		_, rest = cutReply(reply)
		return rest, true
	case strings.HasPrefix(text, "nil*"):
		w.text = text[4:]
		return cutOne(reply, map[string]string{"2": "*-1\r\n", "3": "_\r\n"}[w.proto])
	case strings.HasPrefix(text, "nil"):
		w.text = text[3:]
		return cutOne(reply, map[string]string{"2": "$-1\r\n", "3": "_\r\n"}[w.proto])
	}
	switch text[0] {
	case '[', '{', '~':
		return w.matchMany(text, reply, shuffled)
	case '+', '-':
		return w.matchLine(text, reply)
	case ':':
		word := regexp.MustCompile(`^:[-0-9.]+`).FindString(text)
		w.text = text[len(word):]
		low, high, ranged := strings.Cut(word[1:], "..")
		if !ranged {
			high = low
		}
		line, rest, _ := strings.Cut(reply, "\r\n")
		n, err := strconv.ParseInt(strings.TrimPrefix(line, ":"), 10, 64)
		least, _ := strconv.ParseInt(low, 10, 64)
		most, _ := strconv.ParseInt(high, 10, 64)
		return rest, line[0] == ':' && err == nil && n >= least && n <= most
	case '"', '=':
		return w.matchText(text, reply)
	}
	panic("what is " + text)
}

func cutOne(reply, one string) (string, bool) { return strings.CutPrefix(reply, one) }

func (w *wanted) matchLine(text, reply string) (string, bool) {
	line, rest, _ := strings.Cut(reply, "\r\n")
	mark, body := text[0], text[1:]
	if line[0] != mark {
		return rest, false
	}
	switch {
	case strings.HasPrefix(body, "~\""):
		var pattern string
		pattern, w.text = unquoted(body[1:])
		return rest, matches([]byte(escapeGlob(pattern)), []byte(line[1:]))
	case strings.HasPrefix(body, "\""):
		var value string
		value, w.text = unquoted(body)
		return rest, line[1:] == value
	case mark == '-' && !strings.HasSuffix(body, "]"):
		w.text = ""
		return rest, line[1:] == body
	}
	word := regexp.MustCompile(`^[^ \]}]+`).FindString(body)
	w.text = body[len(word):]
	return rest, line[1:] == word
}

// escapeGlob leaves only * with a meaning.
func escapeGlob(pattern string) string {
	return regexp.MustCompile(`[?\[\\]`).ReplaceAllString(pattern, `\$0`)
}

func (w *wanted) matchText(text, reply string) (string, bool) {
	verbatim := text[0] == '='
	text = strings.TrimPrefix(text, "=")
	pattern := strings.HasPrefix(text, "~")
	text = strings.TrimPrefix(text, "~")
	var want string
	want, w.text = unquoted(text)
	one, rest := cutReply(reply)
	head, body, _ := strings.Cut(one, "\r\n")
	body = strings.TrimSuffix(body, "\r\n")
	mark := byte('$')
	if verbatim && w.proto == "3" {
		mark = '='
		body = strings.TrimPrefix(body, "txt:")
	}
	if head[0] != mark {
		return rest, false
	}
	if pattern {
		return rest, matches([]byte(escapeGlob(want)), []byte(body))
	}
	return rest, body == want
}

// matchMany matches arrays, maps and sets.
func (w *wanted) matchMany(text, reply string, shuffled bool) (string, bool) {
	if strings.HasPrefix(text, "~\"") {
		return w.matchText(text, reply)
	}
	mark := byte('*')
	switch {
	case text[0] == '{' && w.proto == "3":
		mark = '%'
	case text[0] == '~' && w.proto == "3":
		mark = '~'
	}
	isMap := text[0] == '{'
	text = strings.TrimPrefix(text, "~")
	head, rest, _ := strings.Cut(reply, "\r\n")
	n, err := strconv.Atoi(head[1:])
	if head[0] != mark || err != nil {
		return rest, false
	}
	each := 1
	if isMap && mark == '*' {
		n /= 2
	}
	if isMap {
		each = 2
	}
	items := make([]string, n)
	for i := range items {
		for range each {
			var one string
			one, rest = cutReply(rest)
			items[i] += one
		}
	}
	w.text = text[1:]
	for {
		w.text = strings.TrimLeft(w.text, " ")
		if w.text == "" {
			panic("not closed: " + text)
		}
		if w.text[0] == ']' || w.text[0] == '}' {
			w.text = w.text[1:]
			return rest, len(items) == 0
		}
		found := -1
		var after string
		for i := range items {
			try := wanted{w.text, w.proto}
			left, ok := items[i], true
			for range each {
				var matched bool
				left, matched = try.match(left)
				ok = ok && matched
			}
			after = try.text
			if ok && left == "" {
				found = i
				break
			}
			if !shuffled {
				break
			}
		}
		if found < 0 {
			return rest, false
		}
		items = slices.Delete(items, found, found+1)
		w.text = after
	}
}

// cutReply takes one whole reply from the beginning.
func cutReply(text string) (one, rest string) {
	in := bufio.NewReader(strings.NewReader(text))
	one, err := readReply(in)
	if err != nil {
		panic(fmt.Sprintf("%q: %v", text, err))
	}
	return one, text[len(one):]
}

// readReply reads one reply as it is on the wire.
func readReply(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return line, err
	}
	n, _ := strconv.Atoi(strings.TrimRight(line[1:], "\r\n"))
	switch line[0] {
	case '$', '=':
		if n < 0 {
			return line, nil
		}
		body := make([]byte, n+2)
		_, err := io.ReadFull(in, body)
		return line + string(body), err
	case '%':
		n *= 2
		fallthrough
	case '*', '~':
		var all strings.Builder
		all.WriteString(line)
		for range n {
			one, err := readReply(in)
			if err != nil {
				return all.String(), err
			}
			all.WriteString(one)
		}
		return all.String(), nil
	}
	return line, nil
}

// peer is a client of a server under test.
type peer struct {
	net.Conn
	in    *bufio.Reader
	proto string
}

func encode(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	return b.String()
}

// ask sends a command and gives the reply as it is on the wire.
func (p *peer) ask(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := io.WriteString(p, encode(args...)); err != nil {
		t.Fatal(err)
	}
	_ = p.SetReadDeadline(time.Now().Add(20 * time.Second))
	reply, err := readReply(p.in)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return reply
}
