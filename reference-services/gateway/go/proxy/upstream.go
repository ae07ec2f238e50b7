package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"gateway/config"
)

const (
	answerHeadBytesMax = 16 * 1024
	idleKept           = 90 * time.Second
)

var (
	errCircuitOpen = errors.New("every breaker is open")
	errSwitched    = errors.New("the upstream switched protocols unasked")

	// A second attempt at these does no more than the first (RFC 9110 §9.2.2).
	idempotent = []string{"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
)

// Outcomes of an attempt, as the metric names them.
const (
	answered = iota
	failed
	timedOut
	givenUp
	outcomes
)

// upstream is a set of addresses that answer alike, with what is known about them.
type upstream struct {
	conf     config.Upstream
	origins  []*origin
	next     atomic.Uint64 // whose turn it is
	inFlight atomic.Int64
	budget   *budget
	counts   *upstreamCounts
}

// origin is one address of an upstream.
type origin struct {
	address   string
	transport *http.Transport
	breaker   breaker
}

func newUpstream(conf config.Upstream, counts *upstreamCounts) *upstream {
	u := &upstream{conf: conf, budget: newBudget(conf.RetryPercent), counts: counts}
	for _, address := range conf.Addresses {
		dialer := net.Dialer{Timeout: config.Milliseconds(conf.ConnectMS)}
		u.origins = append(u.origins, &origin{
			address: address,
			transport: &http.Transport{
				DialContext:            dialer.DialContext,
				ResponseHeaderTimeout:  config.Milliseconds(conf.HeadMS),
				MaxIdleConnsPerHost:    int(conf.InFlightMax),
				IdleConnTimeout:        idleKept,
				DisableCompression:     true,
				MaxResponseHeaderBytes: answerHeadBytesMax,
			},
			breaker: breaker{failuresMax: conf.BreakerFailures, openFor: config.Milliseconds(conf.BreakerOpenMS)},
		})
	}
	return u
}

// enter counts a request in, unless too many are there; leave counts it out again.
func (u *upstream) enter() bool {
	if u.inFlight.Add(1) > u.conf.InFlightMax {
		u.inFlight.Add(-1)
		return false
	}
	return true
}

func (u *upstream) leave() { u.inFlight.Add(-1) }

// pick returns the next address whose breaker admits a request, one that was not tried if there is.
func (u *upstream) pick(tried []*origin) *origin {
	now, first := time.Now(), u.next.Add(1)
	for _, again := range []bool{false, true} {
		for i := range u.origins {
			o := u.origins[(first+uint64(i))%uint64(len(u.origins))]
			if slices.Contains(tried, o) == again && o.breaker.admit(now) {
				return o
			}
		}
	}
	return nil
}

// wait is how long until the first breaker may admit a request, at least a second.
func (u *upstream) wait() time.Duration {
	now := time.Now()
	wait := u.origins[0].breaker.wait(now)
	for _, o := range u.origins[1:] {
		wait = min(wait, o.breaker.wait(now))
	}
	return max(wait, time.Second)
}

// call is one request on its way to an upstream.
type call struct {
	upstream *upstream
	request  *http.Request // without an address
	body     *requestBody  // nil if there is none
	attempts int64
	hedge    time.Duration
}

// reply is the head of an answer, and who gave it.
type reply struct {
	*http.Response
	origin *origin
}

// do makes attempts until one is answered or no more are allowed. The context must last until the
// body of the answer is read.
func (c *call) do(ctx context.Context) (reply, error) {
	c.upstream.budget.deposit()
	if c.hedge > 0 && c.body == nil && (c.request.Method == "GET" || c.request.Method == "HEAD") {
		return c.hedged(ctx)
	}
	var tried []*origin
	lastErr := errCircuitOpen
	for {
		o := c.upstream.pick(tried)
		if o == nil {
			return reply{}, lastErr
		}
		response, err := c.attempt(ctx, o)
		if err == nil {
			return reply{response, o}, nil
		}
		tried, lastErr = append(tried, o), err
		if int64(len(tried)) >= c.attempts || !c.repeatable(ctx, err) || !c.upstream.budget.take() {
			return reply{}, lastErr
		}
		c.upstream.counts.retries.Add(1)
	}
}

// hedged does the same with a second attempt beside one that is slow.
func (c *call) hedged(ctx context.Context) (reply, error) {
	type result struct {
		reply
		index int
		err   error
	}
	results := make(chan result, c.attempts)
	var tried []*origin
	var cancels []context.CancelFunc
	start := func() bool {
		o := c.upstream.pick(tried)
		if o == nil {
			return false
		}
		own, cancel := context.WithCancel(ctx)
		index := len(tried)
		tried, cancels = append(tried, o), append(cancels, cancel)
		go func() {
			response, err := c.attempt(own, o)
			results <- result{reply{response, o}, index, err}
		}()
		return true
	}
	more := func(count *atomic.Uint64) bool {
		if int64(len(tried)) >= c.attempts || !c.upstream.budget.take() || !start() {
			return false
		}
		count.Add(1)
		return true
	}
	if !start() {
		return reply{}, errCircuitOpen
	}
	pending := 1
	slow := time.NewTimer(c.hedge)
	defer slow.Stop()
	for {
		select {
		case <-slow.C:
			if more(&c.upstream.counts.hedges) {
				pending++
			}
		case done := <-results:
			pending--
			if done.err == nil {
				for i, cancel := range cancels {
					if i != done.index {
						cancel()
					}
				}
				go func() { // what still answers is not wanted
					for range pending {
						if late := <-results; late.err == nil {
							_ = late.Body.Close()
						}
					}
				}()
				return done.reply, nil
			}
			cancels[done.index]()
			if c.repeatable(ctx, done.err) && more(&c.upstream.counts.retries) {
				pending++
			}
			if pending == 0 {
				return reply{}, done.err
			}
		}
	}
}

// attempt sends the request to one address and tells its breaker how it went.
func (c *call) attempt(ctx context.Context, o *origin) (*http.Response, error) {
	request := c.request.WithContext(ctx)
	target := *request.URL
	target.Scheme, target.Host = "http", o.address
	request.URL = &target
	response, err := o.transport.RoundTrip(request)
	if err == nil && response.StatusCode == http.StatusSwitchingProtocols {
		_ = response.Body.Close()
		err = errSwitched
	}
	outcome := c.outcome(ctx, err)
	switch outcome {
	case answered:
		o.breaker.answered()
	case givenUp:
		o.breaker.givenUp(time.Now())
	default:
		o.breaker.failed(time.Now())
	}
	c.upstream.counts.attempts[outcome].Add(1)
	return response, err
}

func (c *call) outcome(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return answered
	case errors.Is(ctx.Err(), context.Canceled), c.body != nil && c.body.fault() != nil:
		return givenUp
	case isTimeout(err) && c.body != nil && c.body.unfinished():
		return givenUp // the client took the time
	case isTimeout(err):
		return timedOut
	default:
		return failed
	}
}

// repeatable reports whether another attempt can do no harm.
func (c *call) repeatable(ctx context.Context, err error) bool {
	if ctx.Err() != nil || c.body != nil && c.body.touched() {
		return false
	}
	var operation *net.OpError
	unsent := errors.As(err, &operation) && operation.Op == "dial"
	return unsent || slices.Contains(idempotent, c.request.Method)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
