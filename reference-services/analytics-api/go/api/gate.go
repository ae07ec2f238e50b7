package api

import (
	"context"
	"sync/atomic"
)

const (
	queriesMax        = 8
	queriesWaitingMax = 256
)

// gate lets a few queries run at once and some wait.
type gate struct {
	running chan struct{}
	waiting *atomic.Int64
}

func newGate() gate { return gate{make(chan struct{}, queriesMax), new(atomic.Int64)} }

// enter waits for its turn; not ok if too many wait, or ctx is done.
func (g gate) enter(ctx context.Context) (leave func(), ok bool) {
	leave = func() { <-g.running }
	select {
	case g.running <- struct{}{}:
		return leave, true
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > queriesWaitingMax {
		return nil, false
	}
	select {
	case g.running <- struct{}{}:
		return leave, true
	case <-ctx.Done():
		return nil, false
	}
}
