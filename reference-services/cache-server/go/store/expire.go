package store

import "time"

// How active expiry goes about: a segment whose earliest expiry has passed is gone through, but
// not again within sweepPause. That bounds the work by the segments, not by the entries' times.
const sweepPauseMS = 1000

// Expire takes back expired entries of which nobody asks, for about as long as it is given, and
// goes on next time where it stopped. It says whether it came round.
func (s *Store) Expire(budget time.Duration) bool {
	if s.StopActive.Load() {
		return true
	}
	now := s.Now()
	start := time.Now()
	for i := range s.shards {
		sh := &s.shards[i]
		for {
			sh.mu.Lock()
			more := s.sweep(sh, now)
			sh.mu.Unlock()
			if !more {
				break
			}
			if time.Since(start) > budget {
				return false
			}
		}
	}
	return true
}

// sweep goes through the next segment that may hold something expired; false when there is none.
func (s *Store) sweep(sh *shard, now int64) bool {
	for range sh.segs {
		if sh.sweepAt++; sh.sweepAt >= len(sh.segs) {
			sh.sweepAt = 0
		}
		seg := &sh.segs[sh.sweepAt]
		if seg.data != nil && seg.expiry <= now && seg.sweep <= now {
			seg.sweep = now + sweepPauseMS
			s.sweepSegment(sh, uint32(sh.sweepAt), now)
			return true
		}
	}
	return false
}

func (s *Store) sweepSegment(sh *shard, at uint32, now int64) {
	seg := &sh.segs[at]
	expiry := int64(never)
	for offset := 0; offset < seg.used; {
		r := record(seg.data[offset:])
		ref := refTo(at, offset)
		offset += r.size()
		when := r.expiry()
		if r.has(flagDead) || when == 0 {
			continue
		}
		if when > now {
			expiry = min(expiry, when)
			continue
		}
		sh.Expired++
		s.touchExpired(sh, r.db(), r.key())
		sh.index.remove(sh.index.place(inDB(s.hash(r.key()), r.db()), ref))
		s.bury(sh, ref)
	}
	seg.expiry = expiry
	s.reclaim(sh, at)
}

// Tend gives back what the store no longer needs: tables far too large, and pooled segments beyond
// an eighth of those in use. It says how many bytes were let go.
func (s *Store) Tend() (bytes int64) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		if n := len(sh.index.slots); n > indexMin && sh.index.count*4 < n {
			fit := max(indexMin, sh.index.count*3/2)
			sh.index.resize(fit)
			s.used.Add(int64(fit-n) * slotBytes)
			bytes += int64(n-fit) * slotBytes
		}
		sh.mu.Unlock()
	}
	keep := int(s.used.Load()) / s.segmentBytes / 8
	return bytes + int64(s.pool.trim(keep)*s.segmentBytes)
}
