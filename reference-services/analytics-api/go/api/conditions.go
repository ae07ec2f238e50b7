package api

import (
	"fmt"

	"analyticsapi/query"
)

// where reads the conditions.
func (q *question) where() ([]query.Condition, *invalid) {
	if value, there := q.members["where"]; there {
		list, ok := value.([]any)
		if !ok {
			return nil, wrong("/where", "it must be a list of conditions")
		}
		for i, item := range list {
			where := fmt.Sprintf("/where/%d", i)
			members, ok := item.(map[string]any)
			if !ok {
				return nil, wrong(where, "a condition is an object of field, op and values")
			}
			q.conditions = append(q.conditions, condition{where, members})
		}
	}
	var all []query.Condition
	texts := 0
	for i, c := range q.conditions {
		if i == conditionsMax {
			return nil, wrong(q.at("where"), "there are more than %d conditions", conditionsMax)
		}
		made, fault := q.condition(c, &texts)
		if fault != nil {
			return nil, fault
		}
		all = append(all, made)
	}
	return all, nil
}

// in is the pointer of a condition's member.
func (q *question) in(c condition, parts ...any) string {
	if q.flat {
		return c.where
	}
	pointer := c.where
	for _, part := range parts {
		pointer += "/" + fmt.Sprint(part)
	}
	return pointer
}

func (q *question) condition(c condition, texts *int) (made query.Condition, fault *invalid) {
	known := true
	for _, name := range []string{"field", "op", "values"} {
		if _, there := c.members[name]; !there {
			q.lacks(q.in(c, name))
			known = false
		}
	}
	byValue := false
	if value, there := c.members["field"]; there {
		name, _ := value.(string)
		field, ok := fieldOf(name)
		byValue = name == "value"
		if !ok && !byValue {
			return made, wrong(q.in(c, "field"), "a field is key, tags.NAME or value")
		}
		made.Field = field
	}
	if value, there := c.members["op"]; there {
		name, _ := value.(string)
		op, ok := ops[name]
		_, hasField := c.members["field"]
		if !ok || hasField && (op >= query.GT) != byValue {
			return made, wrong(q.in(c, "op"), "an op is in, not_in or prefix; for value gt, gte, lt or lte")
		}
		made.Op = op
	}
	if value, there := c.members["values"]; there && known {
		list, ok := value.([]any)
		if byValue {
			if ok && len(list) == 1 {
				made.Number, ok = finite(list[0])
				if !ok {
					return made, wrong(q.in(c, "values", 0), "it must be a number")
				}
			} else {
				return made, wrong(q.in(c, "values"), "it must have one number")
			}
		} else if !ok || len(list) == 0 || *texts+len(list) > conditionTextsMax {
			return made, wrong(q.in(c, "values"), "it must have 1 to %d texts, over all conditions", conditionTextsMax)
		} else if fault := q.values(c, list, &made); fault != nil {
			return made, fault
		} else {
			*texts += len(list)
		}
	}
	return made, unknown(c.members, c.where, []string{"field", "op", "values"})
}

func (q *question) values(c condition, list []any, made *query.Condition) *invalid {
	for i, item := range list {
		text, ok := item.(string)
		absent := item == nil && made.Field != query.Key && made.Op != query.Prefix
		if !ok && !absent || len(text) > conditionBytesMax {
			return wrong(q.in(c, "values", i), "it must be a text of up to %d bytes; null only for absent tags in in and not_in", conditionBytesMax)
		}
		if absent {
			made.Absent = true
		} else {
			made.Texts = append(made.Texts, text)
		}
	}
	return nil
}
