package config

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const (
	msMax        = 600_000
	timeoutMSMax = 86_400_000
)

// Methods are those that a route may name, and that a route without any takes.
var Methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

var (
	nameShape = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	pathShape = regexp.MustCompile(`^(/|(/[A-Za-z0-9._~-]+)+)$`)
	hostShape = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,252})$`)
)

// number is a whole number of the file: its key, where it goes, what it may be.
type number struct {
	key             string
	to              *int64
	min, max, unset int64
}

func (s *Server) numbers() []number {
	return []number{
		{"in_flight_max", &s.InFlightMax, 1, 1_000_000, 1_024},
		{"connections_max", &s.ConnectionsMax, 1, 1_000_000, 8_192},
		{"head_ms", &s.HeadMS, 1, msMax, 10_000},
		{"client_idle_ms", &s.ClientIdleMS, 1, msMax, 10_000},
		{"drain_ms", &s.DrainMS, 1, msMax, 10_000},
	}
}

func (u *Upstream) numbers() []number {
	return []number{
		{"in_flight_max", &u.InFlightMax, 1, 1_000_000, 256},
		{"connect_ms", &u.ConnectMS, 1, msMax, 1_000},
		{"head_ms", &u.HeadMS, 1, msMax, 5_000},
		{"body_idle_ms", &u.BodyIdleMS, 1, msMax, 10_000},
		{"breaker_failures", &u.BreakerFailures, 1, 1_000, 5},
		{"breaker_open_ms", &u.BreakerOpenMS, 1, msMax, 5_000},
		{"retry_percent", &u.RetryPercent, 0, 100, 20},
	}
}

func (a *Auth) numbers() []number {
	return []number{
		{"leeway_s", &a.LeewayS, 0, 300, 30},
		{"verify_ms", &a.VerifyMS, 1, msMax, 500},
	}
}

// A rate's numbers have no defaults: 0 is out of range.
func (r *Rate) numbers() []number {
	return []number{
		{"per_minute", &r.PerMinute, 1, 60_000_000, 0},
		{"burst", &r.Burst, 1, 1_000_000, 0},
	}
}

func (r *Route) numbers() []number {
	return []number{
		{"timeout_ms", &r.TimeoutMS, 0, timeoutMSMax, 30_000},
		{"body_bytes_max", &r.BodyBytesMax, 0, 1 << 30, 1 << 20},
		{"attempts", &r.Attempts, 1, 4, 2},
		{"hedge_ms", &r.HedgeMS, 0, msMax, 0},
	}
}

// fill sets what the file leaves out.
func fill(table *Table, places positions) {
	set := func(path string, numbers []number) {
		for _, n := range numbers {
			if !places.has(path + "." + n.key) {
				*n.to = n.unset
			}
		}
	}
	set("server", table.Server.numbers())
	for name, upstream := range table.Upstreams {
		set("upstream."+name, upstream.numbers())
		table.Upstreams[name] = upstream
	}
	for name, auth := range table.Auths {
		set("auth."+name, auth.numbers())
		table.Auths[name] = auth
	}
	for i := range table.Routes {
		set(fmt.Sprintf("route.%d", i), table.Routes[i].numbers())
	}
}

// check returns the first fault, in the order of the contract's table.
func check(table *Table, places positions) error {
	checks := []func(*Table, positions) error{checkServer, checkUpstreams, checkAuths, checkRates, checkRoutes}
	for _, check := range checks {
		if err := check(table, places); err != nil {
			return err
		}
	}
	return nil
}

func checkServer(table *Table, places positions) error {
	return checkNumbers("server", table.Server.numbers(), places)
}

func checkNumbers(path string, numbers []number, places positions) error {
	for _, n := range numbers {
		if *n.to < n.min || *n.to > n.max {
			at := path + "." + n.key
			if !places.has(at) {
				return places.fault(path, "%s is missing; it is %d to %d", n.key, n.min, n.max)
			}
			return places.fault(at, "%s is %d; it must be %d to %d", n.key, *n.to, n.min, n.max)
		}
	}
	return nil
}

// checkNames looks at the names of the tables of one kind and returns them in order.
func checkNames[T any](kind string, tables map[string]T, min, max int, places positions) ([]string, error) {
	if len(tables) < min || len(tables) > max {
		return nil, places.fault(kind, "there are %d of [%s.NAME]; %d to %d are allowed", len(tables), kind, min, max)
	}
	names := slices.Sorted(maps.Keys(tables))
	for _, name := range names {
		if !nameShape.MatchString(name) {
			return nil, places.fault(kind+"."+name, "the name %q is not 1 to 40 of a-z 0-9 -", name)
		}
	}
	return names, nil
}

func checkUpstreams(table *Table, places positions) error {
	names, err := checkNames("upstream", table.Upstreams, 1, 256, places)
	if err != nil {
		return err
	}
	for _, name := range names {
		path, upstream := "upstream."+name, table.Upstreams[name]
		if n := len(upstream.Addresses); n < 1 || n > 16 {
			return places.fault(path+".addresses", "there are %d addresses; 1 to 16 are allowed", n)
		}
		for i, address := range upstream.Addresses {
			if _, err := netip.ParseAddrPort(address); err != nil {
				return places.fault(path+".addresses", "%q is not an IP address with a port, such as 127.0.0.1:8090", address)
			}
			if slices.Contains(upstream.Addresses[:i], address) {
				return places.fault(path+".addresses", "%s is there twice", address)
			}
		}
		if err := checkNumbers(path, upstream.numbers(), places); err != nil {
			return err
		}
	}
	return nil
}

func checkAuths(table *Table, places positions) error {
	names, err := checkNames("auth", table.Auths, 0, 64, places)
	if err != nil {
		return err
	}
	for _, name := range names {
		path, auth := "auth."+name, table.Auths[name]
		if (auth.JWKSFile == "") == (auth.VerifyURL == "") {
			return places.fault(path, "exactly one of jwks_file and verify_url is needed")
		}
		if auth.VerifyURL != "" {
			err = checkRemote(path, auth, places)
		} else {
			err = checkLocal(path, auth, places)
		}
		if err != nil {
			return err
		}
		if err := checkNumbers(path, auth.numbers(), places); err != nil {
			return err
		}
	}
	return nil
}

func checkRemote(path string, auth Auth, places positions) error {
	target, err := url.Parse(auth.VerifyURL)
	if err != nil || target.Scheme != "http" || target.Path == "" || target.User != nil {
		return places.fault(path+".verify_url", "%q is not a URL such as http://127.0.0.1:8100/v1/verify", auth.VerifyURL)
	}
	if _, err := netip.ParseAddrPort(target.Host); err != nil {
		return places.fault(path+".verify_url", "%q is not an IP address with a port", target.Host)
	}
	for _, key := range []string{"issuer", "audience", "leeway_s"} {
		if places.has(path + "." + key) {
			return places.fault(path+"."+key, "%s belongs to jwks_file; the service at verify_url has its own", key)
		}
	}
	return nil
}

func checkLocal(path string, auth Auth, places positions) error {
	for _, text := range []struct{ key, value string }{{"issuer", auth.Issuer}, {"audience", auth.Audience}} {
		if n := len(text.value); n < 1 || n > 255 {
			return places.fault(path+"."+text.key, "%s has %d bytes; it is required, with 1 to 255", text.key, n)
		}
	}
	if places.has(path + ".verify_ms") {
		return places.fault(path+".verify_ms", "verify_ms belongs to verify_url")
	}
	return nil
}

func checkRates(table *Table, places positions) error {
	names, err := checkNames("rate", table.Rates, 0, 64, places)
	if err != nil {
		return err
	}
	for _, name := range names {
		path, rate := "rate."+name, table.Rates[name]
		if rate.By != "address" && rate.By != "subject" {
			return places.fault(path+".by", "by is %q; it is \"address\" or \"subject\"", rate.By)
		}
		if err := checkNumbers(path, rate.numbers(), places); err != nil {
			return err
		}
	}
	return nil
}

func checkRoutes(table *Table, places positions) error {
	if n := len(table.Routes); n < 1 || n > 256 {
		return places.fault("route", "there are %d of [[route]]; 1 to 256 are allowed", n)
	}
	for i := range table.Routes {
		path, route := fmt.Sprintf("route.%d", i), &table.Routes[i]
		route.Host = strings.ToLower(route.Host)
		if err := checkRoute(path, route, table, places); err != nil {
			return err
		}
		for _, other := range table.Routes[:i] {
			if other.Name == route.Name {
				return places.fault(path+".name", "there is another route %q", route.Name)
			}
			if method := shared(other, *route); method != "" {
				return places.fault(path, "the route %q takes %s %s, too", other.Name, method, route.Path)
			}
		}
	}
	return nil
}

func checkRoute(path string, route *Route, table *Table, places positions) error {
	switch {
	case !nameShape.MatchString(route.Name) || route.Name == "none" || route.Name == "gateway":
		return places.fault(path+".name", "the name %q is not 1 to 40 of a-z 0-9 -, or is none or gateway", route.Name)
	case !pathShape.MatchString(route.Path) || hasDots(route.Path):
		return places.fault(path+".path", "%q is not a prefix such as / or /v1/quotes", route.Path)
	case places.has(path+".host") && !hostShape.MatchString(route.Host):
		return places.fault(path+".host", "%q is not a host such as api.example, without a port", route.Host)
	case places.has(path+".methods") && len(route.Methods) == 0:
		return places.fault(path+".methods", "methods is empty; leave it out to take all of %s", strings.Join(Methods, " "))
	}
	for i, method := range route.Methods {
		if !slices.Contains(Methods, method) || slices.Contains(route.Methods[:i], method) {
			return places.fault(path+".methods", "%q is not one of %s, each once", method, strings.Join(Methods, " "))
		}
	}
	if _, known := table.Upstreams[route.Upstream]; !known {
		return places.fault(path+".upstream", "there is no [upstream.%s]", route.Upstream)
	}
	if _, known := table.Auths[route.Auth]; !known && places.has(path+".auth") {
		return places.fault(path+".auth", "there is no [auth.%s]", route.Auth)
	}
	rate, known := table.Rates[route.Rate]
	if !known && places.has(path+".rate") {
		return places.fault(path+".rate", "there is no [rate.%s]", route.Rate)
	}
	if rate.By == "subject" && route.Auth == "" {
		return places.fault(path+".rate", "[rate.%s] counts by subject, but the route has no auth", route.Rate)
	}
	return checkNumbers(path, route.numbers(), places)
}

func hasDots(path string) bool {
	segments := strings.Split(path, "/")
	return slices.Contains(segments, ".") || slices.Contains(segments, "..")
}

// shared is a method that both routes would take for the same host and prefix, if there is one.
func shared(a, b Route) string {
	if a.Host != b.Host || a.Path != b.Path {
		return ""
	}
	taken := a.Taken()
	for _, method := range b.Taken() {
		if slices.Contains(taken, method) {
			return method
		}
	}
	return ""
}

// Taken lists the methods that a route takes.
func (r Route) Taken() []string {
	if len(r.Methods) == 0 {
		return Methods
	}
	return r.Methods
}
