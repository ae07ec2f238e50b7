package config

import (
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// positions knows where each key of a file stands, by its path: "upstream.quotes.head_ms",
// "route.3.name". A table stands at the first line that names it.
type positions map[string]place

type place struct{ line, column int }

// fault is one at a path, or at the nearest table around it that the file names.
func (p positions) fault(path, what string, args ...any) error {
	where := path
	for {
		if at, ok := p[where]; ok {
			return Fault{Line: at.line, Column: at.column, What: fmt.Sprintf(what, args...)}
		}
		cut := strings.LastIndexByte(where, '.')
		if cut < 0 {
			return Fault{Line: 1, Column: 1, What: fmt.Sprintf(what, args...)}
		}
		where = where[:cut]
	}
}

func (p positions) has(path string) bool {
	_, ok := p[path]
	return ok
}

// locate goes once over the file; what broken TOML there is, the decoder says. Names hold no dots, so that a joined path is unambiguous for every
// file that the checks accept.
func locate(text []byte) positions {
	parser := unstable.Parser{}
	parser.Reset(text)
	found := positions{}
	counts := map[string]int{}
	table := ""
	for parser.NextExpression() {
		node := parser.Expression()
		switch node.Kind {
		case unstable.Table:
			table = found.keys(&parser, node, "")
		case unstable.ArrayTable:
			name, at := keyOf(&parser, node)
			table = fmt.Sprintf("%s.%d", name, counts[name])
			counts[name]++
			found[table] = at
		case unstable.KeyValue:
			found.value(&parser, node, table)
		}
	}
	return found
}

// value notes a key, and those of an inline table behind it.
func (p positions) value(parser *unstable.Parser, node *unstable.Node, table string) {
	path := p.keys(parser, node, table)
	if value := node.Value(); value.Kind == unstable.InlineTable {
		for children := value.Children(); children.Next(); {
			if child := children.Node(); child.Kind == unstable.KeyValue {
				p.value(parser, child, path)
			}
		}
	}
}

// keys notes each part of a dotted key and returns the whole.
func (p positions) keys(parser *unstable.Parser, node *unstable.Node, table string) string {
	path := table
	for keys := node.Key(); keys.Next(); {
		if path != "" {
			path += "."
		}
		path += string(keys.Node().Data)
		if _, known := p[path]; !known {
			p[path] = placeOf(parser, keys.Node())
		}
	}
	return path
}

func keyOf(parser *unstable.Parser, node *unstable.Node) (string, place) {
	var parts []string
	at := place{1, 1}
	for keys := node.Key(); keys.Next(); {
		if len(parts) == 0 {
			at = placeOf(parser, keys.Node())
		}
		parts = append(parts, string(keys.Node().Data))
	}
	return strings.Join(parts, "."), at
}

func placeOf(parser *unstable.Parser, key *unstable.Node) place {
	start := parser.Shape(key.Raw).Start
	return place{start.Line, start.Column}
}
