package store

import (
	"sync"
	"sync/atomic"

	"analyticsapi/block"
	"analyticsapi/table"
	"analyticsapi/texts"
)

// names numbers the texts of all events held: keys, and the texts of each tag apart. Parts hold the
// numbers. Nothing is forgotten before the next start.
type names struct {
	keys texts.Shared

	lock sync.RWMutex
	tags []*tagTexts // by number of the name

	// Held while texts are added, so that the limits are exact.
	admission sync.Mutex
	count     atomic.Int64 // of keys and texts of tags
}

type tagTexts struct {
	name  string
	texts texts.Shared
}

// Names is the texts known at one moment.
type Names = block.Texts

func (n *names) view() Names {
	n.lock.RLock()
	tags := n.tags[:len(n.tags):len(n.tags)]
	n.lock.RUnlock()
	view := Names{Keys: n.keys.View(), Tags: make([]block.TagTexts, len(tags))}
	for i, tag := range tags {
		view.Tags[i] = block.TagTexts{Name: tag.name, Texts: tag.texts.View()}
	}
	return view
}

// tag returns the number of a tag's name.
func (n *names) tag(name string) (uint32, *tagTexts) {
	n.lock.RLock()
	defer n.lock.RUnlock()
	for i, tag := range n.tags {
		if tag.name == name {
			return uint32(i), tag
		}
	}
	return texts.None, nil
}

// numbers is the numbers of a block's texts, in the order of the block.
type numbers struct {
	keys     []uint32
	tagNames []uint32
	tags     [][]uint32
}

// find returns what is known of a block's texts and how many texts and tag names are new.
func (n *names) find(b *block.Block) (found numbers, missing, tagsMissing int) {
	found = numbers{
		make([]uint32, b.KeyTexts.Len()), make([]uint32, len(b.Tags)), make([][]uint32, len(b.Tags)),
	}
	missing = n.keys.Numbers(found.keys, b.KeyTexts.At)
	for i := range b.Tags {
		found.tags[i] = make([]uint32, b.Tags[i].Texts.Len())
		number, tag := n.tag(b.Tags[i].Name)
		found.tagNames[i] = number
		if tag != nil {
			missing += tag.texts.Numbers(found.tags[i], b.Tags[i].Texts.At)
			continue
		}
		tagsMissing++
		missing += len(found.tags[i])
		for j := range found.tags[i] {
			found.tags[i][j] = texts.None
		}
	}
	return found, missing, tagsMissing
}

// number returns the numbers of a block's texts. New ones are added unless there would be more of
// them than the limits allow.
func (n *names) number(b *block.Block, stringsMax int64, tagsMax int) (numbers, error) {
	found, missing, tagsMissing := n.find(b)
	if missing == 0 && tagsMissing == 0 {
		return found, nil
	}
	n.admission.Lock()
	defer n.admission.Unlock()
	found, missing, tagsMissing = n.find(b)
	if n.count.Load()+int64(missing) > stringsMax {
		return numbers{}, FullError{"strings"}
	}
	if len(n.tags)+tagsMissing > tagsMax {
		return numbers{}, FullError{"tag-names"}
	}
	n.count.Add(int64(missing))
	n.keys.Add(found.keys, b.KeyTexts.At)
	for i := range b.Tags {
		if found.tagNames[i] == texts.None {
			n.lock.Lock()
			n.tags = append(n.tags, &tagTexts{name: b.Tags[i].Name})
			n.lock.Unlock()
		}
		var tag *tagTexts
		found.tagNames[i], tag = n.tag(b.Tags[i].Name)
		tag.texts.Add(found.tags[i], b.Tags[i].Texts.At)
	}
	return found, nil
}

// part makes a part of a block.
func (found numbers) part(b *block.Block) *table.Part {
	raw := &table.Part{
		Rows: b.Rows, MinTime: b.MinTime, MaxTime: b.MaxTime, Times: b.Times, Values: b.Values,
	}
	for i := range b.Tags {
		codes := make([]uint32, 1+len(found.tags[i]))
		for j, number := range found.tags[i] {
			codes[j+1] = number + 1
		}
		raw.Tags = append(raw.Tags, table.Tag{
			Name: found.tagNames[i], Codes: b.Tags[i].Codes, Texts: codes,
		})
	}
	return table.Sort(raw, b.Keys, found.keys)
}
