package store

// Outcome says how setting fields went.
type Outcome int

// The outcomes.
const (
	Stored Outcome = iota
	NoMemory
	TooLarge
)

func (v *View) hasher() hasher { return hasher{v.store.seed} }

// Fields is the fields of a hash.
func (e Entry) Fields() Fields { return Fields(e.r.value()) }

// Field is the value of a field.
func (v *View) Field(f Fields, name []byte) (value []byte, ok bool) {
	at, _ := f.find(v.hasher(), name)
	if at < 0 {
		return nil, false
	}
	_, value, _ = f.element(at)
	return value, true
}

// SetFields sets fields, given as pairs of name and value, of a hash which may be absent: all or
// none of them. It says how many are new.
func (v *View) SetFields(key []byte, pairs [][]byte) (added int, o Outcome) {
	var f Fields
	expiry := int64(0)
	e, found := v.Find(key)
	if found {
		f, expiry = e.Fields(), e.Expiry()
	}
	h := v.hasher()
	newly, elements, bytes, long := 0, 0, f.Bytes(), false
	for i := 0; i < len(pairs); i += 2 {
		name, value := pairs[i], pairs[i+1]
		elements += elementBytes(name, value)
		long = long || len(name) > ListBytesMax || len(value) > ListBytesMax
		if at, _ := f.find(h, name); at < 0 {
			newly++
			bytes += len(name) + len(value)
		} else {
			_, old, _ := f.element(at)
			bytes += len(value) - len(old)
		}
	}
	if f.Len()+newly > FieldsMax || bytes > FieldsBytesMax {
		return 0, TooLarge
	}
	table := f.Table() || long || f.Len()+newly > ListCountMax
	inPlace := found && table == f.Table() && f.room(newly, elements)
	if !inPlace {
		f = f.rebuilt(h, table, newly, elements)
	}
	for i := 0; i < len(pairs); i += 2 {
		if f.put(h, pairs[i], pairs[i+1]) {
			added++
		}
	}
	if inPlace {
		v.Changed(key)
	} else if !v.Replace(key, f, Hash, expiry) {
		return 0, NoMemory
	}
	return added, Stored
}

// RemoveFields removes fields of a live hash, and the hash with the last of them. It says how many
// there were.
func (v *View) RemoveFields(key []byte, names [][]byte) (removed int) {
	e, found := v.Find(key)
	if !found {
		return 0
	}
	f := e.Fields()
	for _, name := range names {
		if f.remove(v.hasher(), name) {
			removed++
		}
	}
	switch {
	case removed == 0:
	case f.Len() == 0:
		v.Delete(key)
	case f.sparse():
		// Without memory for the copy it stays as large as it is.
		if !v.Replace(key, f.rebuilt(v.hasher(), f.Table(), 0, 0), Hash, e.Expiry()) {
			v.Changed(key)
		}
	default:
		v.Changed(key)
	}
	return removed
}
