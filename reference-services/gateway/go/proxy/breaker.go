package proxy

import (
	"sync"
	"time"
)

// States of a breaker, as the metric shows them.
const (
	closed = iota
	halfOpen
	open
)

// breaker keeps requests from an address that fails.
type breaker struct {
	failuresMax int64
	openFor     time.Duration

	mu       sync.Mutex
	state    int
	failures int64 // in a row, while closed
	until    time.Time
}

// admit reports whether a request may go now. Who is admitted by a breaker that is not closed is its
// one trial, and must report back.
func (b *breaker) admit(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == open && !now.Before(b.until) {
		b.state = halfOpen
		return true
	}
	return b.state == closed
}

// wait is how long until admit may say yes; 0 when it may now.
func (b *breaker) wait(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.state {
	case open:
		return max(0, b.until.Sub(now))
	case halfOpen:
		return b.openFor // the trial may fail
	default:
		return 0
	}
}

// answered says that the head of an answer has come.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == halfOpen {
		b.state, b.failures = closed, 0
	}
}

// finished says that an answer came whole.
func (b *breaker) finished() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures = 0
}

// failed counts a failure.
func (b *breaker) failed(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	if b.state == halfOpen || b.state == closed && b.failures >= b.failuresMax {
		b.state, b.until = open, now.Add(b.openFor)
	}
}

// givenUp says that an attempt ended without telling anything; a trial is then free again.
func (b *breaker) givenUp(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == halfOpen {
		b.state, b.until = open, now
	}
}

func (b *breaker) now() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// budget bounds repeated attempts to a share of the requests.
type budget struct {
	percent int64

	mu         sync.Mutex
	hundredths int64
}

const (
	budgetHundredthsMax = 1_000
	attemptHundredths   = 100
)

func newBudget(percent int64) *budget {
	return &budget{percent: percent, hundredths: budgetHundredthsMax}
}

func (b *budget) deposit() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hundredths = min(b.hundredths+b.percent, budgetHundredthsMax)
}

func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hundredths < attemptHundredths {
		return false
	}
	b.hundredths -= attemptHundredths
	return true
}
