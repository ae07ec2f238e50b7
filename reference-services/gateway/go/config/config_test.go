package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const plain = `[upstream.a]
addresses = ["127.0.0.1:1"]
[auth.staff]
jwks_file = "keys.json"
issuer = "i"
audience = "o"
[rate.r]
per_minute = 60
burst = 1
by = "subject"
[[route]]
name = "all"
path = "/"
upstream = "a"
`

func TestDefaults(t *testing.T) {
	table, err := parse([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	route, upstream := table.Routes[0], table.Upstreams["a"]
	if table.Server.InFlightMax != 1_024 || upstream.HeadMS != 5_000 || upstream.RetryPercent != 20 ||
		route.Attempts != 2 || route.TimeoutMS != 30_000 || table.Auths["staff"].LeewayS != 30 {
		t.Errorf("%+v", table)
	}
	zero, err := parse([]byte(plain + "timeout_ms = 0\n"))
	if err != nil || zero.Routes[0].TimeoutMS != 0 {
		t.Errorf("a zero that is written stays: %v %v", zero, err)
	}
}

// Each fault is found where it stands: the text that replaces another, and the place it is reported at.
func TestFaults(t *testing.T) {
	cases := []struct{ from, to, at, what string }{
		{`path = "/"`, `path = "x"`, "13:1", "not a prefix"},
		{`path = "/"`, `path = "/a/../b"`, "13:1", "not a prefix"},
		{`path = "/"`, `path = "/a/"`, "13:1", "not a prefix"},
		{`upstream = "a"`, `upstream = "b"`, "14:1", "there is no [upstream.b]"},
		{`upstream = "a"`, "upstream = \"a\"\nauth = \"b\"", "15:1", "there is no [auth.b]"},
		{`upstream = "a"`, "upstream = \"a\"\nrate = \"r\"", "15:1", "has no auth"},
		{`upstream = "a"`, "upstream = \"a\"\nattempts = 5", "15:1", "1 to 4"},
		{`upstream = "a"`, "upstream = \"a\"\n  atempts = 1", "15:3", "no key route.atempts"},
		{`upstream = "a"`, "upstream = \"a\"\nmethods = [\"get\"]", "15:1", `"get"`},
		{`upstream = "a"`, "upstream = \"a\"\nmethods = []", "15:1", "empty"},
		{`upstream = "a"`, "upstream = \"a\"\nhost = \"a:80\"", "15:1", "not a host"},
		{`upstream = "a"`, "upstream = \"a\"\n[[route]]\nname = \"all\"\npath=\"/b\"\nupstream=\"a\"", "16:1", "another route"},
		{`upstream = "a"`, "upstream = \"a\"\n[[route]]\nname = \"b\"\npath=\"/\"\nupstream=\"a\"", "15:3", "takes GET /"},
		{`"127.0.0.1:1"`, `"localhost:1"`, "2:1", "not an IP address"},
		{`"127.0.0.1:1"`, `"127.0.0.1:1", "127.0.0.1:1"`, "2:1", "twice"},
		{`issuer = "i"`, ``, "3:7", "issuer"},
		{`issuer = "i"`, `verify_url = "http://127.0.0.1:1/v"`, "3:7", "exactly one"},
		{`per_minute = 60`, ``, "7:7", "per_minute is missing"},
		{`burst = 1`, `burst = 0`, "9:1", "1 to 1000000"},
		{`burst = 1`, `burst = "1"`, "9:9", ""},
		{`burst = 1`, `burst = `, "9:9", ""},
		{`[rate.r]`, `[rate.R]`, "7:7", "not 1 to 40"},
		{`[rate.r]`, `[rates.r]`, "7:2", "no key rates"},
	}
	for _, c := range cases {
		_, err := parse([]byte(strings.Replace(plain, c.from, c.to, 1)))
		var fault Fault
		if !errors.As(err, &fault) {
			t.Errorf("%s: no fault: %v", c.to, err)
			continue
		}
		fault.File = "f"
		if text := fault.Error(); !strings.HasPrefix(text, "f:"+c.at+": ") || !strings.Contains(text, c.what) {
			t.Errorf("%s: %s, not at %s with %q", c.to, text, c.at, c.what)
		}
	}
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gateway.toml")
	if _, err := Load(file); err == nil || !strings.HasPrefix(err.Error(), file+": ") {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(file, []byte(plain), 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := Load(file)
	if want := filepath.Join(filepath.Dir(file), "keys.json"); err != nil || table.Auths["staff"].JWKSFile != want {
		t.Errorf("%v, %v; want %s", table, err, want)
	}
}
