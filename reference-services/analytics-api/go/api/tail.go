package api

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"analyticsapi/ndjson"
	"analyticsapi/query"
)

const (
	tailsMax     = 256
	tailBytesMax = 1 << 20
	pingInterval = 5 * time.Second
	// Room kept for the report of what was dropped.
	droppedBytes = 64
)

// tail is what waits for one reader.
type tail struct {
	mutex   sync.Mutex
	waiting []byte
	sending int // bytes on their way
	dropped uint64
	ready   chan struct{}
	counter func(dropped uint64)
}

func (s *Service) tail(w http.ResponseWriter, r *http.Request) {
	_, q, fault := selection(r)
	if fault != nil {
		invalidQuery(fault).write(w)
		return
	}
	defer s.tails.Add(-1)
	if s.tails.Add(1) > tailsMax {
		tooMany("tails").write(w)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	t := &tail{ready: make(chan struct{}, 1), counter: func(n uint64) { s.metrics.dropped.Add(n) }}
	matcher := query.NewMatcher(q.Where)
	stop := s.Store.Watch(func(batch *ndjson.Batch) {
		oldest, _ := s.Store.Window()
		t.take(batch, matcher.Batch(batch), oldest)
	})
	defer stop()
	t.follow(w, r, s.ending)
}

// follow sends what waits until the reader or the service goes.
func (t *tail) follow(w http.ResponseWriter, r *http.Request, ending <-chan struct{}) {
	control := http.NewResponseController(w)
	out := patient(w)
	send := func(bytes []byte) bool {
		_, err := out.Write(bytes)
		return err == nil && control.Flush() == nil
	}
	if !send([]byte(": tail\n\n")) {
		return
	}
	if recorder, ok := w.(*statusRecorder); ok {
		recorder.record()
	}
	ping := time.NewTimer(pingInterval)
	defer ping.Stop()
	for {
		select {
		case <-ending:
			return
		case <-r.Context().Done():
			return
		case <-ping.C:
			if !send([]byte(": ping\n\n")) {
				return
			}
		case <-t.ready:
			if !send(t.next()) {
				return
			}
			t.sent()
		}
		ping.Reset(pingInterval)
	}
}

// next returns what waits. It counts as waiting until sent is called.
func (t *tail) next() []byte {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.reportDropped()
	bytes := t.waiting
	t.sending = len(bytes)
	t.waiting = nil
	return bytes
}

func (t *tail) sent() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.sending = 0
}

// reportDropped says, in its place, how many events were dropped.
func (t *tail) reportDropped() {
	if t.dropped == 0 {
		return
	}
	t.waiting = fmt.Appendf(t.waiting, "event: dropped\ndata: {\"events\":%d}\n\n", t.dropped)
	t.counter(t.dropped)
	t.dropped = 0
}

// take adds the events of a batch that match.
func (t *tail) take(batch *ndjson.Batch, matches func(row int) bool, oldest int64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	var event []byte
	for row := range batch.Times {
		if batch.Times[row] < oldest || !matches(row) {
			continue
		}
		room := tailBytesMax - droppedBytes - t.sending - len(t.waiting)
		if room <= 0 {
			t.dropped++
			continue
		}
		event = appendEvent(event[:0], batch, row)
		if len(event)+droppedBytes > room {
			t.dropped++
			continue
		}
		t.reportDropped()
		t.waiting = append(t.waiting, event...)
	}
	if len(t.waiting) > 0 || t.dropped > 0 {
		select {
		case t.ready <- struct{}{}:
		default:
		}
	}
}

func appendEvent(out []byte, batch *ndjson.Batch, row int) []byte {
	out = append(out, `data: {"ts":`...)
	out = strconv.AppendInt(out, batch.Times[row], 10)
	out = append(out, `,"key":`...)
	out = query.AppendText(out, batch.KeyTexts.At(batch.Keys[row]))
	out = append(out, `,"value":`...)
	out = query.AppendNumber(out, batch.Values[row])
	opening := `,"tags":{`
	for i := range batch.Tags {
		code := batch.Tags[i].Code(row)
		if code == 0 {
			continue
		}
		out = append(out, opening...)
		opening = ","
		out = query.AppendText(out, []byte(batch.Tags[i].Name))
		out = append(out, ':')
		out = query.AppendText(out, batch.Tags[i].Texts.At(code-1))
	}
	if opening == "," {
		out = append(out, '}')
	}
	return append(out, "}\n\n"...)
}
