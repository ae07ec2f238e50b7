package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"analyticsapi/query"
)

const (
	queryBytesMax = 256 << 10
	queryTimeout  = 10 * time.Second
)

func (s *Service) postQuery(w http.ResponseWriter, r *http.Request) {
	if !isMediaType(r, "application/json") {
		refusal(http.StatusUnsupportedMediaType, "Send the body as application/json.").write(w)
		return
	}
	if r.ContentLength > queryBytesMax {
		tooLarge(queryBytesMax).write(w)
		return
	}
	body, refused := readBody(w, r, queryBytesMax, queryTimeout)
	if refused != nil {
		refused.write(w)
		return
	}
	question, fault, err := fromBody(body, queryMembers)
	if err != nil {
		of(http.StatusBadRequest, "malformed-json", "Malformed JSON", err.Error()).write(w)
		return
	}
	s.answer(w, r, question, fault)
}

func (s *Service) getQuery(w http.ResponseWriter, r *http.Request) {
	question, fault := fromParameters(r.URL.RawQuery, queryParameters)
	s.answer(w, r, question, fault)
}

func (s *Service) answer(w http.ResponseWriter, r *http.Request, question *question, fault *invalid) {
	var asked asked
	if fault == nil {
		asked, fault = question.ask()
	}
	if fault != nil {
		invalidQuery(fault).write(w)
		return
	}
	leave, ok := s.queries.enter(r.Context())
	if !ok {
		tooMany("queries").write(w)
		return
	}
	defer leave()
	snapshot := s.Store.Snapshot()
	answer, err := query.Run(r.Context(), &snapshot, &asked.Query, s.Threads, s.GroupsMax)
	if err != nil {
		refusedQuery(err).write(w)
		return
	}
	if asked.csv {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Rows-Total", strconv.Itoa(answer.RowsTotal))
		_ = answer.WriteCSV(patient(w))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = answer.WriteJSON(patient(w))
}

func refusedQuery(err error) *problem {
	if limit, ok := errors.AsType[query.LimitError](err); ok {
		return limitExceeded(limit.Limit)
	}
	return refusal(http.StatusServiceUnavailable, "The query was given up.")
}
