package query

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"analyticsapi/ndjson"
	"analyticsapi/store"
)

// event is what the oracle, which knows nothing of columns, keeps.
type event struct {
	ts    int64
	key   string
	value float64
	tags  map[string]string
}

// keep puts random events in a store in batches of all sizes.
func keep(t *testing.T, r *rand.Rand, rows int) (*store.Store, []event) {
	t.Helper()
	s, err := store.Open(store.Config{
		Folder: t.TempDir(), EventsMax: 1 << 40, StringsMax: 1 << 40, Now: func() int64 { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	var events []event
	keys := 1 + r.IntN(200)
	for len(events) < rows {
		var body []byte
		for range 1 + r.IntN(1+r.IntN(rows)) {
			e := event{1_000_000 + r.Int64N(200_000), fmt.Sprint("k", r.IntN(keys)), math.Floor(r.NormFloat64()*50) / 4, map[string]string{}}
			for _, tag := range []string{"a", "b"} {
				if r.IntN(3) > 0 {
					e.tags[tag] = fmt.Sprint(tag, r.IntN(6))
				}
			}
			events = append(events, e)
			tags, _ := json.Marshal(e.tags)
			body = fmt.Appendf(body, `{"ts":%d,"key":%q,"value":%v,"tags":%s}`+"\n", e.ts, e.key, e.value, tags)
		}
		var batch ndjson.Batch
		ndjson.Parse(body, &batch, 0, ndjson.TimeMax)
		if _, err := s.Append(context.Background(), store.Batch{Events: &batch}); err != nil {
			t.Fatal(err)
		}
	}
	return s, events
}

func randomQuery(r *rand.Rand) *Query {
	fields := []Field{Key, {"a"}, {"b"}, {"none"}}
	r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	q := &Query{From: 1_000_000 + r.Int64N(100_000), Limit: 1 << 20, GroupBy: fields[:r.IntN(4)]}
	q.To = q.From + 1 + r.Int64N(150_000)
	if r.IntN(2) == 0 {
		q.BucketMS = []int64{1000, 7000, 60_000, 86_400_000}[r.IntN(4)]
		q.Fill = r.IntN(4) == 0
	}
	if q.BucketMS != 1000 && r.IntN(3) == 0 { // all parts are wholly within the window
		q.From, q.To = 0, 1_300_000
	}
	for range r.IntN(3) {
		c := Condition{Field: fields[r.IntN(4)], Op: Op(r.IntN(3)), Texts: []string{"k1", "a2", "b", fmt.Sprint("k", r.IntN(20))}}
		if r.IntN(3) == 0 {
			c = Condition{Op: GT + Op(r.IntN(4)), Number: float64(r.IntN(9)) / 2}
		} else if c.Field != Key && c.Op != Prefix {
			c.Absent = r.IntN(2) == 0
		}
		q.Where = append(q.Where, c)
	}
	for kind := Count; kind <= P99; kind++ {
		if r.IntN(2) == 0 || kind == Count {
			q.Aggregates = append(q.Aggregates, Aggregate{Kind: kind})
		}
	}
	for _, field := range []Field{Key, {"a"}} {
		if r.IntN(3) == 0 {
			q.Aggregates = append(q.Aggregates, Aggregate{Distinct, field})
		}
	}
	if len(q.GroupBy) > 0 && r.IntN(3) == 0 {
		q.TopK, q.TopBy = 1+r.IntN(5), 0
	}
	return q
}

func (e *event) field(f Field) (string, bool) {
	if f == Key {
		return e.key, true
	}
	text, there := e.tags[f.Tag]
	return text, there
}

func (e *event) matches(q *Query) bool {
	if e.ts < q.From || e.ts >= q.To {
		return false
	}
	for _, c := range q.Where {
		text, there := e.field(c.Field)
		ok := false
		switch c.Op {
		case In:
			ok = there && slices.Contains(c.Texts, text) || !there && c.Absent
		case NotIn:
			ok = !(there && slices.Contains(c.Texts, text) || !there && c.Absent)
		case Prefix:
			ok = there && slices.ContainsFunc(c.Texts, func(p string) bool { return strings.HasPrefix(text, p) })
		case GT:
			ok = e.value > c.Number
		case GTE:
			ok = e.value >= c.Number
		case LT:
			ok = e.value < c.Number
		case LTE:
			ok = e.value <= c.Number
		}
		if !ok {
			return false
		}
	}
	return true
}

// group is the fields of an event as the answer has them.
func (e *event) group(q *Query) []any {
	var group []any
	for _, field := range q.GroupBy {
		if text, there := e.field(field); there {
			group = append(group, text)
		} else {
			group = append(group, nil)
		}
	}
	return group
}

// naive answers a query event by event.
func naive(q *Query, events []event) (rows [][]any, matching int) {
	cells, groups := map[string][]event{}, map[string]int{}
	heads := map[string][]any{}
	for _, e := range events {
		if !e.matches(q) {
			continue
		}
		matching++
		head := e.group(q)
		group := fmt.Sprint(head)
		if groups[group]++; q.BucketMS > 0 {
			head = append([]any{e.ts / q.BucketMS * q.BucketMS}, head...)
		}
		cell := fmt.Sprint(head)
		heads[cell] = head
		cells[cell] = append(cells[cell], e)
		if q.Fill && groups[group] == 1 {
			for b := q.From / q.BucketMS; b*q.BucketMS < q.To; b++ {
				empty := append([]any{b * q.BucketMS}, e.group(q)...)
				heads[fmt.Sprint(empty)] = empty
			}
		}
	}
	if len(q.GroupBy) == 0 && (q.BucketMS == 0 || q.Fill) && matching == 0 {
		heads["[]"] = nil
		for b := q.From / max(1, q.BucketMS); q.Fill && b*q.BucketMS < q.To; b++ {
			delete(heads, "[]")
			heads[fmt.Sprint(b)] = []any{b * q.BucketMS}
		}
	}
	for cell, head := range heads {
		row := slices.Clone(head)
		for _, a := range q.Aggregates {
			row = append(row, aggregate(a, cells[cell]))
		}
		rows = append(rows, row)
	}
	keys := len(q.Columns()) - len(q.Aggregates)
	slices.SortFunc(rows, func(a, b []any) int { return compareRows(a[:keys], b[:keys]) })
	if q.TopK > 0 {
		rows = naiveTop(q, rows, groups, keys)
	}
	return rows, matching
}

func compareRows(a, b []any) int {
	for i := range a {
		c := 0
		switch x := a[i].(type) {
		case nil:
			c = -1
			if b[i] == nil {
				c = 0
			}
		case int64:
			c = cmp.Compare(x, b[i].(int64))
		case string:
			c = 1
			if y, there := b[i].(string); there {
				c = strings.Compare(x, y)
			}
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// naiveTop keeps the groups of most events, of equal ones the first.
func naiveTop(q *Query, rows [][]any, count map[string]int, keys int) (kept [][]any) {
	of := func(row []any) []any { return row[keys-len(q.GroupBy) : keys] }
	var groups [][]any
	seen := map[string]bool{}
	for _, row := range rows {
		if name := fmt.Sprint(of(row)); !seen[name] {
			seen[name] = true
			groups = append(groups, of(row))
		}
	}
	slices.SortFunc(groups, func(a, b []any) int {
		return cmp.Or(-cmp.Compare(count[fmt.Sprint(a)], count[fmt.Sprint(b)]), compareRows(a, b))
	})
	clear(seen)
	for _, group := range groups[:min(q.TopK, len(groups))] {
		seen[fmt.Sprint(group)] = true
	}
	for _, row := range rows {
		if seen[fmt.Sprint(of(row))] {
			kept = append(kept, row)
		}
	}
	return kept
}

func aggregate(a Aggregate, events []event) any {
	var values []float64
	different := map[string]bool{}
	sum := 0.0
	for _, e := range events {
		values = append(values, e.value)
		sum += e.value
		if text, there := e.field(a.Field); there {
			different[text] = true
		}
	}
	slices.Sort(values)
	switch {
	case a.Kind == Count:
		return float64(len(values))
	case a.Kind == Sum:
		return sum
	case a.Kind == Distinct:
		return float64(len(different))
	case len(values) == 0:
		return nil
	case a.Kind == Min:
		return values[0]
	case a.Kind == Max:
		return values[len(values)-1]
	case a.Kind == Mean:
		return sum / float64(len(values))
	}
	percent := map[Kind]int{P50: 50, P90: 90, P99: 99}[a.Kind]
	return values[(len(values)*percent+99)/100-1]
}

func TestAnswersAreThoseOfGoingThroughTheEvents(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		s, events := keep(t, r, 1+r.IntN(3000))
		for range 25 {
			q := randomQuery(r)
			snapshot := s.Snapshot()
			got, err := Run(context.Background(), &snapshot, q, 1+r.IntN(4), 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := got.WriteJSON(&out); err != nil {
				t.Fatal(err)
			}
			var answer struct {
				Rows   [][]any
				Total  int `json:"rows_total"`
				Events int
			}
			if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
				t.Fatalf("%v: %s", err, out.Bytes())
			}
			rows, matching := naive(q, events)
			if answer.Events != matching || answer.Total != len(rows) || len(answer.Rows) != len(rows) {
				t.Fatalf("%+v: %d rows of %d events, not %d of %d", q, answer.Total, answer.Events, len(rows), matching)
			}
			for i := range rows {
				if !sameRow(answer.Rows[i], rows[i]) {
					t.Fatalf("%+v row %d: %v, not %v", q, i, answer.Rows[i], rows[i])
				}
			}
		}
	}
}

func sameRow(got, want []any) bool {
	return slices.EqualFunc(got, want, func(a, b any) bool {
		x, number := a.(float64)
		switch b := b.(type) {
		case int64:
			return number && x == float64(b)
		case float64:
			return number && math.Abs(x-b) <= 1e-9*math.Max(1, math.Abs(b))
		}
		return a == b
	})
}

func TestDenseUnitsAreRightToo(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	s, events := keep(t, r, 20_000)
	all := []Aggregate{{Kind: Count}, {Kind: Sum}, {Kind: Min}, {Kind: Max}}
	for _, q := range []*Query{
		{To: 2_000_000, GroupBy: []Field{Key}, Aggregates: all, Limit: 1000},
		{From: 1_050_000, To: 1_100_000, GroupBy: []Field{Key}, Aggregates: all, Limit: 1000},
		{To: 2_000_000, BucketMS: 60_000, GroupBy: []Field{Key}, Aggregates: all, Limit: 1000},
	} {
		snapshot := s.Snapshot()
		got, err := Run(context.Background(), &snapshot, q, 2, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		rows, matching := naive(q, events)
		if got.Events != uint64(matching) || got.RowsTotal != len(rows) {
			t.Fatalf("%d rows of %d events, not %d of %d", got.RowsTotal, got.Events, len(rows), matching)
		}
		keys := len(q.Columns()) - len(all)
		for i, row := range rows[:min(len(rows), q.Limit)] {
			for j := range all {
				if value := got.value(j)(got.rows[i]); math.Abs(value-row[keys+j].(float64)) > 1e-6 {
					t.Fatalf("row %d: %v, not %v", i, value, row)
				}
			}
		}
	}
}

func TestLimitsOfQueries(t *testing.T) {
	s, events := keep(t, rand.New(rand.NewPCG(3, 3)), 3000)
	snapshot := s.Snapshot()
	keys := map[string]bool{}
	for _, e := range events {
		keys[e.key] = true
	}
	count := []Aggregate{{Kind: Count}}
	q := &Query{To: 2_000_000, GroupBy: []Field{Key}, Aggregates: count, Limit: 10}
	for cells, want := range map[int64]error{int64(len(keys)): nil, int64(len(keys)) - 1: LimitError{"groups"}} {
		if _, err := Run(context.Background(), &snapshot, q, 2, cells); err != want {
			t.Errorf("%d cells: %v", cells, err)
		}
	}
	q = &Query{To: BucketsMax * 1000, BucketMS: 1000, Aggregates: count, Limit: 10}
	if _, err := Run(context.Background(), &snapshot, q, 2, 1<<30); err != nil {
		t.Error(err)
	}
	q.To++
	if _, err := Run(context.Background(), &snapshot, q, 2, 1<<30); err != (LimitError{"buckets"}) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, &snapshot, q, 2, 1<<30); err != (LimitError{"buckets"}) {
		t.Error(err)
	}
	q.To--
	if _, err := Run(ctx, &snapshot, q, 2, 1<<30); err != context.Canceled {
		t.Error(err)
	}
}
