package proxy

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

const (
	rateShards     = 16
	bucketsMax     = 65_536 / rateShards // of a shard
	sweepPause     = time.Second
	addressBits6   = 64
	overflowClient = ""
)

// limiter keeps a token bucket for each client.
type limiter struct {
	perSecond float64
	burst     float64
	seed      maphash.Seed
	shards    [rateShards]shard
}

type shard struct {
	mu      sync.Mutex
	buckets map[string]*bucket
	swept   time.Time
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(perMinute, burst int64) *limiter {
	l := &limiter{perSecond: float64(perMinute) / 60, burst: float64(burst), seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].buckets = map[string]*bucket{}
	}
	return l
}

// take takes a token, or says how long until there is one.
func (l *limiter) take(client string, now time.Time) (time.Duration, bool) {
	shard := &l.shards[maphash.String(l.seed, client)%rateShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	b := l.bucketOf(shard, client, now)
	b.tokens = l.level(b, now)
	b.at = now
	if b.tokens >= 1 {
		b.tokens--
		return 0, true
	}
	return time.Duration((1 - b.tokens) / l.perSecond * float64(time.Second)), false
}

func (l *limiter) level(b *bucket, now time.Time) float64 {
	gained := max(0, now.Sub(b.at).Seconds()) * l.perSecond
	return min(l.burst, b.tokens+gained)
}

func (l *limiter) bucketOf(s *shard, client string, now time.Time) *bucket {
	if b, known := s.buckets[client]; known {
		return b
	}
	if len(s.buckets) >= bucketsMax && now.Sub(s.swept) >= sweepPause {
		s.swept = now
		for other, b := range s.buckets {
			if l.level(b, now) >= l.burst {
				delete(s.buckets, other)
			}
		}
	}
	if len(s.buckets) >= bucketsMax {
		client = overflowClient
		if b, known := s.buckets[client]; known {
			return b
		}
	}
	b := &bucket{tokens: l.burst, at: now}
	s.buckets[client] = b
	return b
}

// clientOf is what an address is counted by: itself, or the network of a host with IPv6.
func clientOf(address netip.Addr) string {
	address = address.Unmap().WithZone("")
	if address.Is6() {
		if network, err := address.Prefix(addressBits6); err == nil {
			return network.String()
		}
	}
	return address.String()
}
