package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"gateway/config"
	"gateway/guard"
	"gateway/token"
)

const (
	copyBytes  = 32 * 1024
	statusGone = 499 // in metrics only: the client left before the head of the answer
)

var copyBuffers = sync.Pool{New: func() any { return new([copyBytes]byte) }}

// exchange is one request on its way through the gateway.
type exchange struct {
	gateway *Gateway
	table   *table
	route   *route
	w       *answerWriter
	r       *http.Request
	id      string
	trace   string
	follows bool // the trace is the client's
	subject string
}

// refuse answers for the gateway itself.
func (x *exchange) refuse(r *refusal) {
	x.gateway.metrics.refused(r.word)
	r.write(x.w)
}

// serve goes through the contract's table of checks, then forwards.
func (x *exchange) serve() {
	route := x.route
	if x.r.ContentLength > route.conf.BodyBytesMax {
		x.refuse(&bodyTooLarge)
		return
	}
	address, _ := netip.ParseAddrPort(x.r.RemoteAddr) // net/http wrote it
	if route.by == "address" && !x.withinRate(clientOf(address.Addr())) {
		return
	}
	if !x.gateway.enter() {
		x.refuse(&overloaded)
		return
	}
	defer x.gateway.leave()
	ctx, cancel := context.WithCancel(x.r.Context())
	defer cancel()
	if timeout := route.conf.TimeoutMS; timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, config.Milliseconds(timeout))
		defer cancel()
	}
	if route.checker != nil && !x.checkToken(ctx) {
		return
	}
	if route.by == "subject" && !x.withinRate(x.subject) {
		return
	}
	if !route.upstream.enter() {
		x.refuse(&overloaded)
		return
	}
	defer route.upstream.leave()
	x.forward(ctx, cancel, address.Addr().Unmap().String())
}

func (x *exchange) withinRate(client string) bool {
	wait, ok := x.route.limiter.take(client, time.Now())
	if !ok {
		refused := rateLimited(wait)
		x.refuse(&refused)
	}
	return ok
}

func (x *exchange) checkToken(ctx context.Context) bool {
	fields := x.r.Header["Authorization"]
	if len(fields) != 1 {
		x.refuse(&tokenMissing)
		return false
	}
	scheme, text, _ := strings.Cut(fields[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || text == "" {
		x.refuse(&tokenMissing)
		return false
	}
	ids := http.Header{"X-Request-Id": {x.id}, "Traceparent": {x.trace}}
	subject, err := x.route.checker.Check(ctx, text, ids)
	switch {
	case err == nil:
		x.subject = subject
		return true
	case errors.Is(err, token.ErrInvalid):
		x.refuse(&tokenInvalid)
	default:
		x.refuse(&tokenUnchecked)
	}
	return false
}

// forward makes the exchange with the upstream.
func (x *exchange) forward(ctx context.Context, cancel context.CancelFunc, client string) {
	c := x.call(client)
	if c.body != nil {
		defer c.body.finish()
	}
	answer, err := c.do(ctx)
	if err != nil {
		x.fail(err, c.body)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	x.passBack(ctx, cancel, answer)
}

func (x *exchange) call(client string) *call {
	conf := &x.route.conf
	header := upstreamHeader(x.r.Header)
	header["X-Forwarded-For"] = []string{client}
	header["X-Forwarded-Proto"] = []string{"http"}
	header["X-Request-Id"] = []string{x.id}
	header["Traceparent"] = []string{x.trace}
	if states := x.r.Header["Tracestate"]; x.follows && states != nil {
		header["Tracestate"] = states
	}
	if x.subject != "" {
		header["X-Auth-Subject"] = []string{x.subject}
	}
	request := &http.Request{
		Method: x.r.Method, URL: x.r.URL, Host: x.r.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: x.r.ContentLength,
	}
	c := &call{
		upstream: x.route.upstream, request: request,
		attempts: conf.Attempts, hedge: config.Milliseconds(conf.HedgeMS),
	}
	if x.r.ContentLength != 0 {
		under, _ := x.r.Context().Value(guardKey{}).(*guard.Conn)
		c.body = &requestBody{
			source: x.r.Body, guard: under, control: x.w.control,
			idle: x.gateway.clientIdle, left: conf.BodyBytesMax,
		}
		request.Body = c.body
	} else if repeatedByLibrary(request) {
		request.Body, request.TransferEncoding = nothing{}, []string{"identity"}
	}
	return c
}

// fail answers for an upstream that did not, or for a body that could not be passed on.
func (x *exchange) fail(err error, body *requestBody) {
	if body != nil && body.fault() != nil {
		switch fault := body.fault(); {
		case errors.Is(fault, errTooLarge):
			x.refuse(&bodyTooLarge)
		case errors.Is(fault, errPaused):
			x.refuse(&bodyTimeout)
		case errors.Is(fault, guard.ErrMalformed):
			x.refuse(&malformedBody)
		default:
			x.gone()
		}
		return
	}
	switch {
	case errors.Is(err, errCircuitOpen):
		refused := circuitOpen(x.route.upstream.wait())
		x.refuse(&refused)
	case errors.Is(x.r.Context().Err(), context.Canceled):
		x.gone()
	case isTimeout(err):
		x.refuse(&upstreamTimeout)
	default:
		x.refuse(&upstreamFailed)
	}
}

// gone ends an exchange whose client has left.
func (x *exchange) gone() {
	x.w.status = statusGone
	panic(http.ErrAbortHandler)
}

// passBack streams the answer. Once its head is out, a fault can only be shown by cutting the
// connection.
func (x *exchange) passBack(ctx context.Context, cancel context.CancelFunc, answer reply) {
	header := x.w.Header()
	copyAnswerHeader(header, answer.Header)
	header["X-Request-Id"] = []string{x.id}
	x.w.WriteHeader(answer.StatusCode)
	idle := config.Milliseconds(x.route.upstream.conf.BodyIdleMS)
	watch := time.AfterFunc(idle, cancel)
	defer watch.Stop()
	err := x.copyBody(answer, func() { watch.Reset(idle) })
	switch {
	case err == nil:
		answer.origin.breaker.finished()
		return
	case errors.Is(err, errClient), x.r.Context().Err() != nil:
	case errors.Is(ctx.Err(), context.DeadlineExceeded): // no fault of the upstream's
	default:
		answer.origin.breaker.failed(time.Now())
	}
	panic(http.ErrAbortHandler)
}

var errClient = errors.New("the client does not take the answer")

func (x *exchange) copyBody(answer reply, progress func()) error {
	buffer, _ := copyBuffers.Get().(*[copyBytes]byte)
	defer copyBuffers.Put(buffer)
	left := answer.ContentLength // -1 when it is not known
	for {
		n, err := answer.Body.Read(buffer[:])
		progress()
		if n > 0 {
			if _, failed := x.w.Write(buffer[:n]); failed != nil {
				return errClient
			}
			left -= int64(n)
			if left != 0 && !errors.Is(err, io.EOF) {
				if failed := x.w.control.Flush(); failed != nil {
					return errClient
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
