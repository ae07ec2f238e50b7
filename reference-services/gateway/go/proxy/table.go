package proxy

import (
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"gateway/config"
	"gateway/token"
)

// table is a configuration at work.
type table struct {
	conf      *config.Table
	upstreams map[string]*upstream
	limiters  map[string]*limiter
	checkers  map[string]token.Checker
	byHost    map[string][]place // "" is for routes without a host; longest prefix first
}

// place is a host and prefix with the routes that share them.
type place struct {
	prefix   string
	byMethod map[string]*route
	allow    string
}

// route is a configured route with what it names.
type route struct {
	conf     config.Route
	upstream *upstream
	limiter  *limiter
	by       string
	checker  token.Checker
	counts   *routeCounts
}

// build sets a configuration to work. What stays the same keeps its state.
func build(conf *config.Table, old *table, counts *metrics) (*table, error) {
	if old == nil {
		old = &table{conf: &config.Table{}}
	}
	t := &table{
		conf: conf, upstreams: map[string]*upstream{}, limiters: map[string]*limiter{},
		checkers: map[string]token.Checker{}, byHost: map[string][]place{},
	}
	for name, auth := range conf.Auths {
		checker, err := checkerOf(auth)
		if err != nil {
			return nil, conf.Fault("auth."+name+".jwks_file", "%v", err)
		}
		t.checkers[name] = checker
	}
	for name, upstream := range conf.Upstreams {
		if before, there := old.conf.Upstreams[name]; there && reflect.DeepEqual(before, upstream) {
			t.upstreams[name] = old.upstreams[name]
		} else {
			t.upstreams[name] = newUpstream(upstream, counts.upstream(name))
		}
	}
	for name, rate := range conf.Rates {
		if before, there := old.conf.Rates[name]; there && before == rate {
			t.limiters[name] = old.limiters[name]
		} else {
			t.limiters[name] = newLimiter(rate.PerMinute, rate.Burst)
		}
	}
	for _, route := range conf.Routes {
		t.add(route, counts)
	}
	for _, places := range t.byHost {
		slices.SortFunc(places, func(a, b place) int { return len(b.prefix) - len(a.prefix) })
	}
	return t, nil
}

func checkerOf(auth config.Auth) (token.Checker, error) {
	if auth.VerifyURL != "" {
		return token.NewRemote(auth.VerifyURL, config.Milliseconds(auth.VerifyMS)), nil
	}
	keys, err := token.LoadKeys(auth.JWKSFile)
	if err != nil {
		return nil, err
	}
	local := &token.Local{
		Issuer: auth.Issuer, Audience: auth.Audience,
		Leeway: time.Duration(auth.LeewayS) * time.Second, Now: time.Now,
	}
	local.Keys.Store(keys)
	return local, nil
}

func (t *table) add(conf config.Route, counts *metrics) {
	r := &route{
		conf: conf, upstream: t.upstreams[conf.Upstream], limiter: t.limiters[conf.Rate],
		by: t.conf.Rates[conf.Rate].By, checker: t.checkers[conf.Auth], counts: counts.route(conf.Name),
	}
	places := t.byHost[conf.Host]
	i := slices.IndexFunc(places, func(p place) bool { return p.prefix == conf.Path })
	if i < 0 {
		i = len(places)
		places = append(places, place{prefix: conf.Path, byMethod: map[string]*route{}})
	}
	for _, method := range conf.Taken() {
		places[i].byMethod[method] = r
	}
	var allowed []string
	for _, method := range config.Methods {
		if places[i].byMethod[method] != nil {
			allowed = append(allowed, method)
		}
	}
	places[i].allow = strings.Join(allowed, ", ")
	t.byHost[conf.Host] = places
}

// find returns the route of a request, or the refusal.
func (t *table) find(r *http.Request) (*route, *refusal) {
	if host := hostOf(r.Host); host != "" {
		if p := longest(t.byHost[host], r.URL.Path); p != nil {
			return p.of(r.Method)
		}
	}
	if p := longest(t.byHost[""], r.URL.Path); p != nil {
		return p.of(r.Method)
	}
	return nil, &noRoute
}

func (p *place) of(method string) (*route, *refusal) {
	if found := p.byMethod[method]; found != nil {
		return found, nil
	}
	refused := methodNotAllowed(p.allow)
	return nil, &refused
}

func longest(places []place, path string) *place {
	for i := range places {
		rest, found := strings.CutPrefix(path, places[i].prefix)
		if found && (places[i].prefix == "/" || rest == "" || rest[0] == '/') {
			return &places[i]
		}
	}
	return nil
}

// hostOf is a Host field without its port, in small letters.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(host)
}

// retire lets go of connections that the next table does not use.
func (t *table) retire(next *table) {
	for name, upstream := range t.upstreams {
		if next.upstreams[name] != upstream {
			for _, o := range upstream.origins {
				o.transport.CloseIdleConnections()
			}
		}
	}
	for _, checker := range t.checkers {
		if remote, is := checker.(*token.Remote); is {
			remote.Close()
		}
	}
}
