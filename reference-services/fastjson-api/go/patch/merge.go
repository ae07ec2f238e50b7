// Package patch changes JSON trees: JSON Merge Patch (RFC 7396) and JSON Patch (RFC 6902).
package patch

import (
	"strings"

	"fastjson/jsontree"
)

// Merge returns the target after a merge patch (RFC 7396, section 2). Parts that the patch does
// not name are shared with the target. It goes as deep as the patch, whose depth parsing limits.
func Merge(target, patch jsontree.Value) jsontree.Value {
	if patch.Kind() != jsontree.Object {
		return patch
	}
	names, items := target.Names(), target.Items()
	if target.Kind() != jsontree.Object {
		names, items = nil, nil
	}
	patchNames, patchItems := patch.Names(), patch.Items()
	mergedNames := make([]string, 0, len(names)+len(patchNames))
	mergedItems := make([]jsontree.Value, 0, len(names)+len(patchNames))
	put := func(name string, item jsontree.Value) {
		mergedNames, mergedItems = append(mergedNames, name), append(mergedItems, item)
	}
	// Both run in the order of their names.
	for len(patchNames) > 0 {
		order := 1
		if len(names) > 0 {
			order = strings.Compare(names[0], patchNames[0])
		}
		if order < 0 {
			put(names[0], items[0])
			names, items = names[1:], items[1:]
			continue
		}
		name, change := patchNames[0], patchItems[0]
		var old jsontree.Value
		if order == 0 {
			name, old = names[0], items[0]
			names, items = names[1:], items[1:]
		}
		if change.Kind() != jsontree.Null {
			put(name, Merge(old, change))
		}
		patchNames, patchItems = patchNames[1:], patchItems[1:]
	}
	return jsontree.ObjectOf(append(mergedNames, names...), append(mergedItems, items...))
}
