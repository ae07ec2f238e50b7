package api

import (
	"encoding/json"
	"errors"
	"hash/crc32"
	"net/http"
	"strings"
	"time"

	"analyticsapi/block"
	"analyticsapi/ndjson"
	"analyticsapi/store"
)

const (
	batchBytesMax = 32 << 20
	batchTimeout  = 30 * time.Second
	batchIDMax    = 64
)

// taken is the answer to a batch.
type taken struct {
	Accepted  int            `json:"accepted"`
	Rejected  int            `json:"rejected"`
	Duplicate bool           `json:"duplicate"`
	Errors    []ndjson.Fault `json:"errors"`
}

func (s *Service) takeBatch(w http.ResponseWriter, r *http.Request) {
	answer, refused := s.batch(w, r)
	if refused != nil {
		s.metrics.batches[batchRefused].Add(1)
		refused.write(w)
		return
	}
	body, _ := json.Marshal(answer)
	writeBody(w, http.StatusOK, "application/json", body)
}

func (s *Service) batch(w http.ResponseWriter, r *http.Request) (*taken, *problem) {
	if !isMediaType(r, "application/x-ndjson") || r.Header.Get("Content-Encoding") != "" {
		return nil, refusal(http.StatusUnsupportedMediaType, "Send the body as application/x-ndjson without Content-Encoding.")
	}
	names, named := r.Header["Idempotency-Key"]
	if named && !isBatchID(names[0]) {
		return nil, of(http.StatusBadRequest, "invalid-batch-id", "Invalid batch id", "Idempotency-Key must be 1 to 64 of A-Z a-z 0-9 . _ -.")
	}
	expected := r.ContentLength
	if expected > batchBytesMax {
		return nil, tooLarge(batchBytesMax)
	}
	if expected < 0 {
		expected = batchBytesMax
	}
	if s.pending.Add(expected) > s.PendingBytesMax {
		s.pending.Add(-expected)
		return nil, tooMany("pending").as("too-many-pending", "Too many pending bytes")
	}
	defer s.pending.Add(-expected)
	body, refused := readBody(w, r, batchBytesMax, batchTimeout)
	if refused != nil {
		return nil, refused
	}
	events := &ndjson.Batch{}
	oldest, newest := s.Store.Window()
	report := ndjson.Parse(body, events, oldest, newest)
	s.metrics.reject(&report)
	answer := &taken{Accepted: events.Rows(), Rejected: report.Refused, Errors: report.Faults}
	if answer.Errors == nil {
		answer.Errors = []ndjson.Fault{}
	}
	if events.Rows() == 0 {
		if report.Refused > 0 {
			return nil, noValidLine(report)
		}
		return answer, nil
	}
	batch := store.Batch{Events: events, BodyBytes: len(body)}
	if named {
		batch.ID = &block.ID{Name: names[0], Bytes: uint32(len(body)), Sum: crc32.Checksum(body, block.Castagnoli)}
	}
	var err error
	if answer.Duplicate, err = s.Store.Append(r.Context(), batch); err != nil {
		return nil, refusedBatch(err)
	}
	if answer.Duplicate {
		s.metrics.batches[batchDuplicate].Add(1)
	} else {
		s.metrics.batches[batchStored].Add(1)
		s.metrics.accepted.Add(uint64(events.Rows()))
	}
	return answer, nil
}

func isBatchID(name string) bool {
	return len(name) <= batchIDMax && ndjson.IsTagName([]byte(name)) // the same characters
}

func refusedBatch(err error) *problem {
	if full, ok := errors.AsType[store.FullError](err); ok {
		p := of(http.StatusInsufficientStorage, "store-full", "Store full", "There is no room left: "+strings.ReplaceAll(full.Limit, "-", " ")+".")
		p.Limit = full.Limit
		return p
	}
	if errors.Is(err, store.ErrIDReused) {
		return of(http.StatusUnprocessableEntity, "batch-id-reused", "Batch id reused", "This batch id was used for another body.")
	}
	if errors.Is(err, store.ErrLogFailed) {
		return of(http.StatusServiceUnavailable, "log-failed", "Log failed", "The disk failed; batches are refused until a restart.")
	}
	return refusal(http.StatusServiceUnavailable, "The service is stopping.")
}

// as names a problem otherwise.
func (p *problem) as(word, title string) *problem {
	p.Type, p.Title = "urn:problem-type:analytics-api:"+word, title
	return p
}
