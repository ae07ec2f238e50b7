package api

import (
	"slices"
	"strconv"
	"strings"

	"analyticsapi/query"
)

var queryMembers = []string{
	"from", "to", "bucket", "group_by", "where", "aggregates", "top", "fill", "order", "limit", "format",
}

var queryParameters = append([]string{"top.k", "top.by"}, queryMembers...)

var kinds = map[string]query.Kind{
	"count": query.Count, "sum": query.Sum, "min": query.Min, "max": query.Max, "mean": query.Mean,
	"p50": query.P50, "p90": query.P90, "p99": query.P99,
}

// asked is a query and how its answer is wanted.
type asked struct {
	query.Query
	csv bool
}

// ask reads a query.
func (q *question) ask() (a asked, fault *invalid) {
	steps := []func(*asked) *invalid{
		func(a *asked) (fault *invalid) { a.From, a.To, fault = q.window(true); return },
		q.bucket, q.groupBy,
		func(a *asked) (fault *invalid) { a.Where, fault = q.where(); return },
		q.aggregates, q.top, q.fill, q.order,
		func(a *asked) *invalid {
			limit, fault := q.number("limit", 1, rowsMax, rowsDefault)
			a.Limit = int(limit)
			return fault
		},
		q.format,
	}
	for _, step := range steps {
		if fault := step(&a); fault != nil {
			return a, fault
		}
	}
	return a, q.missing
}

func (q *question) bucket(a *asked) *invalid {
	value, there := q.members["bucket"]
	if !there {
		return nil
	}
	text, _ := value.(string)
	width, ok := ParseDuration(text)
	if !ok || width < bucketMSMin || width > dayMS {
		return wrong(q.at("bucket"), "a bucket is a whole number with s, m, h or d, from 1s to 1d")
	}
	a.BucketMS = width
	return nil
}

// ParseDuration reads a whole number with s, m, h or d as ms.
func ParseDuration(text string) (ms int64, ok bool) {
	if len(text) < 2 || len(text) > 12 || strings.Trim(text[:len(text)-1], "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text[:len(text)-1], 10, 64)
	unit, ok := map[byte]int64{'s': 1000, 'm': 60_000, 'h': 3_600_000, 'd': dayMS}[text[len(text)-1]]
	return n * unit, ok && err == nil
}

func (q *question) groupBy(a *asked) *invalid {
	return q.texts("group_by", 0, query.FieldsMax, func(name string) (same, fault string) {
		field, ok := fieldOf(name)
		if !ok {
			return "", "a field is key or tags.NAME"
		}
		a.GroupBy = append(a.GroupBy, field)
		return name, ""
	})
}

func (q *question) aggregates(a *asked) *invalid {
	fault := q.texts("aggregates", 1, aggregatesMax, func(name string) (same, fault string) {
		kind, ok := kinds[name]
		aggregate := query.Aggregate{Kind: kind}
		if inner, found := strings.CutPrefix(name, "distinct("); found && strings.HasSuffix(inner, ")") {
			aggregate.Kind = query.Distinct
			aggregate.Field, ok = fieldOf(inner[:len(inner)-1])
		}
		if !ok {
			return "", "allowed are count, sum, min, max, mean, p50, p90, p99, distinct(key) and distinct(tags.NAME)"
		}
		a.Aggregates = append(a.Aggregates, aggregate)
		return name, ""
	})
	if _, there := q.members["aggregates"]; !there {
		a.Aggregates = []query.Aggregate{{Kind: query.Count}}
	}
	return fault
}

func (q *question) top(a *asked) *invalid {
	value, there := q.members["top"]
	if !there {
		return nil
	}
	top, ok := value.(map[string]any)
	if !ok {
		return wrong(q.at("top"), "it must be an object of k and by")
	}
	if len(a.GroupBy) == 0 {
		return wrong(q.at("top"), "it needs group_by")
	}
	if k, there := top["k"]; there {
		n, ok := whole(k, 1, topMax)
		if !ok {
			return wrong(q.at("top", "k"), "it must be a whole number from 1 to %d", topMax)
		}
		a.TopK = int(n)
	} else {
		q.lacks(q.at("top", "k"))
	}
	if by, there := top["by"]; there {
		name, _ := by.(string)
		a.TopBy = -1
		for i, aggregate := range a.Aggregates {
			if aggregate.Name() == name {
				a.TopBy = i
			}
		}
		if a.TopBy < 0 {
			return wrong(q.at("top", "by"), "it must be one of the aggregates")
		}
	} else {
		q.lacks(q.at("top", "by"))
	}
	return unknown(top, "/top", []string{"k", "by"})
}

func (q *question) fill(a *asked) *invalid {
	value, there := q.members["fill"]
	if !there {
		return nil
	}
	fill, ok := value.(bool)
	if !ok {
		return wrong(q.at("fill"), "it must be true or false")
	}
	if fill && a.BucketMS == 0 {
		return wrong(q.at("fill"), "it needs bucket")
	}
	a.Fill = fill
	return nil
}

func (q *question) order(a *asked) *invalid {
	columns := a.Columns()
	return q.texts("order", 0, orderMax, func(name string) (same, fault string) {
		plain, falling := strings.CutPrefix(name, "-")
		column := slices.Index(columns, plain)
		if column < 0 {
			return "", "it must be a column of the answer: " + strings.Join(columns, ", ")
		}
		a.Order = append(a.Order, query.Order{Column: column, Falling: falling})
		return plain, ""
	})
}

func (q *question) format(a *asked) *invalid {
	value, there := q.members["format"]
	if !there {
		return nil
	}
	text, _ := value.(string)
	if text != "json" && text != "csv" {
		return wrong(q.at("format"), "it must be json or csv")
	}
	a.csv = text == "csv"
	return nil
}
