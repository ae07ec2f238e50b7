package api

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"

	"analyticsapi/query"
)

// selection reads what listings, tails and exports have in common. A tail has no window.
func selection(r *http.Request, allowed ...string) (*question, query.Query, *invalid) {
	var q query.Query
	question, fault := fromParameters(r.URL.RawQuery, append(allowed, "where"))
	if fault == nil {
		q.From, q.To, fault = question.window(false)
	}
	if fault == nil {
		q.Where, fault = question.where()
	}
	return question, q, fault
}

// place is what next and after say: the series that comes before.
type place struct {
	Key  string      `json:"k"`
	Tags []query.Tag `json:"t"`
}

func (s *Service) listSeries(w http.ResponseWriter, r *http.Request) {
	question, q, fault := selection(r, "from", "to", "limit", "after")
	var limit int64
	var after *query.Series
	if fault == nil {
		limit, fault = question.number("limit", 1, seriesMax, seriesDefault)
	}
	if fault == nil {
		after, fault = question.after()
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
	q.Limit = int(limit)
	snapshot := s.Store.Snapshot()
	all, more, err := query.ListSeries(r.Context(), &snapshot, &q, after, s.Threads, s.GroupsMax)
	if err != nil {
		refusedQuery(err).write(w)
		return
	}
	out := []byte(`{"series":[`)
	for i := range all {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendSeries(out, &all[i])
	}
	out = append(out, `],"next":`...)
	if more {
		last := all[len(all)-1]
		text, _ := json.Marshal(place{last.Key, last.Tags})
		out = query.AppendText(out, []byte(base64.RawURLEncoding.EncodeToString(text)))
	} else {
		out = append(out, "null"...)
	}
	writeBody(w, http.StatusOK, "application/json", append(out, '}'))
}

func appendSeries(out []byte, s *query.Series) []byte {
	out = append(out, `{"key":`...)
	out = query.AppendText(out, []byte(s.Key))
	out = append(out, `,"tags":{`...)
	for i, tag := range s.Tags {
		if i > 0 {
			out = append(out, ',')
		}
		out = query.AppendText(out, []byte(tag.Name))
		out = append(out, ':')
		out = query.AppendText(out, []byte(tag.Text))
	}
	out = append(out, `},"events":`...)
	out = strconv.AppendUint(out, s.Events, 10)
	out = append(out, `,"first":`...)
	out = strconv.AppendInt(out, s.First, 10)
	out = append(out, `,"last":`...)
	out = strconv.AppendInt(out, s.Last, 10)
	return append(out, '}')
}

// after reads the parameter after.
func (q *question) after() (*query.Series, *invalid) {
	value, there := q.members["after"]
	if !there {
		return nil, nil
	}
	text, _ := value.(string)
	var from place
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(decoded, &from)
	}
	again, _ := json.Marshal(from)
	if err != nil || string(again) != string(decoded) {
		return nil, wrong(q.at("after"), "it must be what next gave")
	}
	return &query.Series{Key: from.Key, Tags: from.Tags}, nil
}

func (s *Service) export(w http.ResponseWriter, r *http.Request) {
	_, q, fault := selection(r, "from", "to")
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
	w.Header().Set("Content-Type", "application/vnd.apache.parquet")
	w.Header().Set("Content-Disposition", `attachment; filename="events.parquet"`)
	if r.Method == http.MethodHead {
		return
	}
	snapshot := s.Store.Snapshot()
	if query.Export(r.Context(), &snapshot, &q, patient(w)) != nil {
		// The client must not take what it has for a whole file.
		panic(http.ErrAbortHandler)
	}
}
