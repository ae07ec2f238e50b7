package document

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"fastjson/jsontree"
)

func document(t *testing.T, text string) *Document {
	t.Helper()
	root, err := jsontree.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return New(root, root.Append(nil), len(text))
}

func TestETagIsAHashOfTheServedForm(t *testing.T) {
	if got := document(t, " null").ETag(); got != `"74234e98afe7498fb5daf1f36ac2d78a"` {
		t.Errorf("got %s", got)
	}
	a, b := document(t, `{"b":1,"a":"\u00e9"}`), document(t, `{ "a":"é", "b":1 }`)
	if a.ETag() != b.ETag() || string(a.Served()) != string(b.Served()) {
		t.Errorf("%s and %s", a.Served(), b.Served())
	}
}

func TestLimitsCountWhatWouldBeThere(t *testing.T) {
	store := NewStore(Limits{DocumentsMax: 2, BytesMax: 10})
	for _, c := range []struct {
		id, text string // no text stands for no document
		want     error
	}{
		{"a", "12345", nil},
		{"b", "12345", nil},
		{"c", "1", ErrTooManyDocuments},
		{"a", "123456", ErrTooManyBytes},
		{"a", "1", nil},
		{"b", "123456789", nil},
		{"b", "1234567890", ErrTooManyBytes},
		{"b", "", nil},
		{"c", "123456789", nil},
		{"d", "123456789", ErrTooManyDocuments},
	} {
		var to *Document
		if c.text != "" {
			to = document(t, c.text)
		}
		if err := store.Swap(c.id, store.Get(c.id), to); !errors.Is(err, c.want) {
			t.Errorf("%s = %s: got %v, want %v", c.id, c.text, err, c.want)
		}
	}
	if store.Get("b") != nil || string(store.Get("c").Served()) != "123456789" {
		t.Error("the store holds other documents")
	}
}

func TestASwapNeedsTheDocumentItBeganWith(t *testing.T) {
	store := NewStore(DefaultLimits())
	first := document(t, "1")
	if err := store.Swap("a", first, document(t, "2")); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v for a document that is not there", err)
	}
	if err := store.Swap("a", nil, first); err != nil {
		t.Fatal(err)
	}
	if err := store.Swap("a", nil, document(t, "2")); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v for a document that is there", err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 20 {
		all.Go(func() {
			if store.Swap("a", first, document(t, "3")) == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if won != 1 {
		t.Errorf("%d swaps won", won)
	}
}

// A tree must not keep a long text alive for a short served form.
func TestTextIsCopiedWhenMostOfItIsNotServed(t *testing.T) {
	d := document(t, strings.Repeat(" ", 1_000)+`["a","b",{"c":1}]`)
	if want := len(d.Served()); d.textBytes != want {
		t.Errorf("keeps %d bytes of text for %d", d.textBytes, want)
	}
	long, short := document(t, `["`+strings.Repeat("x", 1_000)+`","y"]`), document(t, `["y"]`)
	patched := long.Patched(withoutFirst(t, long), short.Served(), 10)
	if patched.textBytes != len(short.Served()) || string(patched.Served()) != `["y"]` {
		t.Errorf("keeps %d bytes of text for %s", patched.textBytes, patched.Served())
	}
	if again := short.Patched(short.Root, short.Served(), 5); again.textBytes != 10 {
		t.Errorf("keeps %d bytes of text, want the two texts' 10", again.textBytes)
	}
}

// withoutFirst is a document's array without its first item.
func withoutFirst(t *testing.T, d *Document) jsontree.Value {
	t.Helper()
	editor := jsontree.Edit(d.Root)
	if _, ok := editor.Remove(jsontree.Pointer{"0"}); !ok {
		t.Fatal("nothing to remove")
	}
	return editor.Root()
}
