// Package document keeps JSON documents in memory as trees.
package document

import (
	"crypto/sha256"
	"encoding/hex"

	"fastjson/jsontree"
)

// BytesMax is the most bytes that the served form of a document may have.
const BytesMax = 256 * 1024

// Document is one state of a document. It never changes.
type Document struct {
	Root jsontree.Value
	hash [16]byte // of the served form: half of SHA-256 is far more than chance can meet
	// The length of the served form, and that of the texts that strings of the tree are parts of.
	servedBytes, textBytes int
}

// New makes a document of a tree, its served form, and the length of the texts that its strings
// are parts of. A tree that would keep much more text alive than it needs is copied.
func New(root jsontree.Value, served []byte, textBytes int) *Document {
	if textBytes > textShareMax*len(served) {
		root, textBytes = root.Compact(), len(served)
	}
	d := &Document{Root: root, servedBytes: len(served), textBytes: textBytes}
	sum := sha256.Sum256(served)
	copy(d.hash[:], sum[:])
	return d
}

// A tree may keep so many times the bytes of its served form alive as text, so that the limit on
// the served forms limits the memory.
const textShareMax = 2

// ETag is the document's strong entity tag. Equal served forms have equal tags.
func (d *Document) ETag() string {
	tag := make([]byte, 0, 2*len(d.hash)+len(`""`))
	tag = append(tag, '"')
	tag = hex.AppendEncode(tag, d.hash[:])
	return string(append(tag, '"'))
}

// Served returns the served form.
func (d *Document) Served() []byte { return d.Root.Append(make([]byte, 0, d.servedBytes)) }

// Patched makes a document of a tree that shares parts with this one and with a text of so many
// bytes.
func (d *Document) Patched(root jsontree.Value, served []byte, textBytes int) *Document {
	return New(root, served, d.textBytes+textBytes)
}
