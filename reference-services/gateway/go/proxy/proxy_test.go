package proxy

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

var start = time.Unix(1_800_000_000, 0)

func TestBreaker(t *testing.T) {
	b := &breaker{failuresMax: 2, openFor: time.Second}
	b.failed(start)
	b.finished()
	b.failed(start)
	if !b.admit(start) {
		t.Fatal("open after two failures that are not in a row")
	}
	b.failed(start)
	if b.admit(start) || b.admit(start.Add(999*time.Millisecond)) || b.wait(start) != time.Second {
		t.Fatal("not open")
	}
	later := start.Add(time.Second)
	if !b.admit(later) || b.admit(later) {
		t.Fatal("half-open admits one")
	}
	b.givenUp(later)
	if !b.admit(later) {
		t.Fatal("a trial that was given up is free again")
	}
	b.failed(later)
	if b.admit(later) || !b.admit(later.Add(time.Second)) {
		t.Fatal("a failed trial opens for the whole time again")
	}
	b.answered()
	b.failed(later)
	if !b.admit(later) {
		t.Fatal("closed counts anew")
	}
}

func TestBudget(t *testing.T) {
	b := newBudget(20)
	taken := 0
	for b.take() {
		taken++
	}
	for range 5 {
		b.deposit()
	}
	if taken != 10 || !b.take() || b.take() {
		t.Errorf("%d tokens at first, then not exactly one of five requests", taken)
	}
}

func TestRate(t *testing.T) {
	l := newLimiter(60, 2)
	for i, want := range []bool{true, true, false} {
		if _, ok := l.take("a", start); ok != want {
			t.Errorf("request %d: %t", i, ok)
		}
	}
	if wait, _ := l.take("a", start.Add(250*time.Millisecond)); wait != 750*time.Millisecond {
		t.Errorf("wait %v", wait)
	}
	if _, ok := l.take("a", start.Add(time.Second)); !ok {
		t.Error("nothing was gained in a second")
	}
	if _, ok := l.take("b", start); !ok {
		t.Error("another client pays")
	}
}

func TestRateKeepsItsRoom(t *testing.T) {
	l := newLimiter(60, 2)
	for i := range 2 * bucketsMax * rateShards {
		l.take(strconv.Itoa(i), start)
	}
	kept := 0
	for i := range l.shards {
		kept += len(l.shards[i].buckets)
	}
	if kept > (bucketsMax+1)*rateShards {
		t.Errorf("%d buckets", kept)
	}
	refused := 0
	for i := range 100 {
		if _, ok := l.take("new"+strconv.Itoa(i), start); !ok {
			refused++
		}
	}
	if refused == 0 {
		t.Error("newcomers do not share a bucket")
	}
	for i := range 100 {
		if _, ok := l.take("later"+strconv.Itoa(i), start.Add(time.Minute)); !ok {
			t.Fatal("full buckets are not forgotten")
		}
	}
}

func TestClients(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
	} {
		if got := clientOf(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is counted as %s, not %s", address, got, want)
		}
	}
}

func TestTargets(t *testing.T) {
	for target, plain := range map[string]bool{
		"/": true, "/a/b/": true, "/a%20b?x=//../%2e": true, "/a;b/.c/..d": true, "/%C3%A4": true, "/a%25": true,
		"*": false, "http://a/": false, "a:80": false, "//a": false, "/a//b": false, "/a/..": false, "/./a": false,
		"/..;x/a": false, "/a%2fb": false, "/a%2Eb": false, "/a%5cb": false, `/a\b`: false, "/a#b": false,
		"/%00": false, "/%7f": false, "/%": false, "/%2": false, "/%zz": false, "": false,
	} {
		if isPlainTarget(target) != plain {
			t.Errorf("%s: plain is not %t", target, plain)
		}
	}
}

func TestTraceparents(t *testing.T) {
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for given, follows := range map[string]bool{
		"00-" + trace + "-" + parent + "-01":                   true,
		"cc-" + trace + "-" + parent + "-01-more":              true,
		"00-" + trace + "-" + parent + "-01-more":              false,
		"cc-" + trace + "-" + parent + "-01.more":              false,
		"ff-" + trace + "-" + parent + "-01":                   false,
		"00-" + strings.ToUpper(trace) + "-" + parent + "-01":  false,
		"00-" + strings.Repeat("0", 32) + "-" + parent + "-01": false,
		"00-" + trace + "-0000000000000000-01":                 false,
		"00-" + trace + "-" + parent + "-1":                    false,
		"00-" + trace + "-" + parent:                           false,
		"":                                                     false,
		"00-" + trace + "-" + parent + "-0g":                   false,
		"00_" + trace + "-" + parent + "-01":                   false,
	} {
		got, follow := traceparent(http.Header{"Traceparent": {given}})
		_, flags, valid := parseTraceparent(got)
		if follow != follows || !valid || strings.Contains(got, trace) != follows || strings.Contains(got, parent) ||
			(flags == "01") != follows {
			t.Errorf("%q becomes %q, %t", given, got, follow)
		}
	}
}
