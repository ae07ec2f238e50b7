package server

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cacheserver/resp"
	"cacheserver/store"
)

// setting is a name of CONFIG. Without set it cannot be changed; parse checks a value beforehand.
type setting struct {
	name string
	get  func(s *Server) string
	// check says what is wrong with a value.
	check func(text string) string
	// apply is false when it could not be done.
	apply func(c *client, text string)
}

func fixed(value string) func(*Server) string { return func(*Server) string { return value } }

// PolicyNames are the policies by their numbers.
var PolicyNames = [...]string{store.S3FIFO: "allkeys-s3fifo", store.NoEviction: "noeviction"}

var settings = []setting{
	{name: "maxmemory", get: func(s *Server) string { return strconv.FormatInt(s.store.MaxMemory(), 10) },
		check: checkMemory, apply: applyMemory},
	{name: "maxmemory-policy", get: func(s *Server) string { return PolicyNames[s.store.Policy()] },
		check: checkPolicy, apply: func(c *client, text string) {
			c.server.store.SetPolicy(store.Policy(slices.Index(PolicyNames[:], strings.ToLower(text))))
		}},
	{name: "maxclients", get: func(s *Server) string { return strconv.FormatInt(s.maxClients.Load(), 10) },
		check: func(text string) string { return checkNumber(text, 1, ClientsMax) },
		apply: func(c *client, text string) { c.server.maxClients.Store(atoi(text)) }},
	{name: "timeout", get: func(s *Server) string { return strconv.FormatInt(s.timeout.Load(), 10) },
		check: func(text string) string { return checkNumber(text, 0, TimeoutMax) },
		apply: func(c *client, text string) { c.server.timeout.Store(atoi(text)) }},
	{name: "requirepass", get: func(s *Server) string { return *s.password.Load() },
		check: func(text string) string {
			if len(text) > PasswordBytesMax {
				return "argument must be at most 512 bytes"
			}
			return ""
		},
		apply: func(c *client, text string) { c.server.password.Store(&text) }},
	{name: "databases", get: fixed(strconv.Itoa(databases))},
	{name: "proto-max-bulk-len", get: fixed(strconv.Itoa(resp.BulkBytesMax))},
	{name: "hash-max-listpack-entries", get: fixed(strconv.Itoa(store.ListCountMax))},
	{name: "hash-max-listpack-value", get: fixed(strconv.Itoa(store.ListBytesMax))},
	{name: "port", get: func(s *Server) string { return strconv.Itoa(s.port()) }},
	{name: "save", get: fixed("")},
	{name: "appendonly", get: fixed("no")},
	{name: "tcp-keepalive", get: fixed(strconv.Itoa(keepAliveSeconds))},
}

func atoi(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

func checkNumber(text string, least, most int64) string {
	n, ok := integer([]byte(text))
	if !ok {
		return "argument couldn't be parsed into an integer"
	}
	if n < least || n > most {
		return fmt.Sprintf("argument must be between %d and %d inclusive", least, most)
	}
	return ""
}

var memoryUnits = map[string]int64{
	"": 1, "b": 1, "k": 1000, "kb": 1 << 10, "m": 1e6, "mb": 1 << 20, "g": 1e9, "gb": 1 << 30,
}

// ParseMemory reads a number of bytes such as 100mb; false when it is none. Numbers beyond
// MaxMemoryMax come out as larger than that.
func ParseMemory(text string) (bytes int64, ok bool) {
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	unit, ok := memoryUnits[strings.ToLower(text[digits:])]
	if !ok || digits == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	if err != nil || n > store.MaxMemoryMax/unit {
		return store.MaxMemoryMax + 1, true
	}
	return n * unit, true
}

func checkMemory(text string) string {
	bytes, ok := ParseMemory(text)
	if !ok {
		return "argument must be a memory value"
	}
	return checkNumber(strconv.FormatInt(bytes, 10), store.MaxMemoryMin, store.MaxMemoryMax)
}

func applyMemory(c *client, text string) {
	bytes, _ := ParseMemory(text)
	c.server.store.SetMaxMemory(bytes)
	c.server.limitMemory()
}

func checkPolicy(text string) string {
	if !slices.Contains(PolicyNames[:], strings.ToLower(text)) {
		return "argument(s) must be one of the following: noeviction, allkeys-s3fifo"
	}
	return ""
}

func findSetting(name string) *setting {
	for i := range settings {
		if strings.EqualFold(settings[i].name, name) {
			return &settings[i]
		}
	}
	return nil
}

func configGet(c *client, args [][]byte) {
	type pair struct{ name, value string }
	var found []pair
	add := func(name string, s *setting) {
		if !slices.ContainsFunc(found, func(p pair) bool { return strings.EqualFold(p.name, name) }) {
			found = append(found, pair{name, s.get(c.server)})
		}
	}
	for _, pattern := range args[2:] {
		if len(pattern) > keyBytesMax {
			c.fail(errPattern)
			return
		}
		if !strings.ContainsAny(string(pattern), "[*?") {
			// A name is answered as it was asked.
			if s := findSetting(string(pattern)); s != nil {
				add(string(pattern), s)
			}
			continue
		}
		lower := []byte(strings.ToLower(string(pattern)))
		for i := range settings {
			if matches(lower, []byte(settings[i].name)) {
				add(settings[i].name, &settings[i])
			}
		}
	}
	c.out.Map(len(found))
	for _, p := range found {
		c.out.Text(p.name)
		c.out.Text(p.value)
	}
}

func configSet(c *client, args [][]byte) {
	pairs := args[2:]
	if len(pairs)%2 == 1 {
		c.fail(errSyntax)
		return
	}
	failed := func(name []byte, why string) {
		c.fail("ERR CONFIG SET failed (possibly related to argument '" + shown(name, errShownBytes) + "') - " + why)
	}
	chosen := make([]*setting, 0, len(settings))
	for i := 0; i < len(pairs); i += 2 {
		s := findSetting(string(pairs[i]))
		switch {
		case s == nil:
			c.fail("ERR Unknown option or number of arguments for CONFIG SET - '" + shown(pairs[i], errShownBytes) + "'")
			return
		case s.check == nil:
			failed(pairs[i], "can't set immutable config")
			return
		case slices.Contains(chosen, s):
			failed(pairs[i], "duplicate parameter")
			return
		}
		chosen = append(chosen, s)
	}
	for i, s := range chosen {
		if why := s.check(string(pairs[2*i+1])); why != "" {
			failed(pairs[2*i], why)
			return
		}
	}
	for i, s := range chosen {
		s.apply(c, string(pairs[2*i+1]))
	}
	// Only now are both the limit and the policy those that were asked for.
	c.server.store.Shrink(c.view.Held)
	c.out.OK()
}

func configResetStat(c *client, _ [][]byte) {
	s := c.server
	s.store.ResetStats(c.view.Held)
	commands, _ := s.totals()
	s.reset.Store(&baseline{
		commands: commands, accepted: s.accepted.Load(),
		maxClients: s.closed[closedMaxclients].Load(), output: s.outputLimited(),
	})
	c.out.OK()
}
