package store

import "encoding/binary"

// A record is one entry as it lies in a segment:
//
//	0  flags, 1 byte
//	1  length of the key, 2 bytes
//	3  database, 1 byte
//	4  length of the value, 4 bytes
//	8  time of expiry in ms since 1970, 8 bytes, 0 for never: only with flagExpiry
//	   bytes reserved for the value, 4 bytes: only with flagSlack
//	   key, value, and bytes up to a multiple of 4
//
// A record may be followed by others in the same slice.
type record []byte

const (
	flagDead   = 1 << 0 // left behind by a change, to be reclaimed
	flagExpiry = 1 << 1
	flagSlack  = 1 << 2
	flagHash   = 1 << 3
	flagMain   = 1 << 4 // has left the small queue
	freqShift  = 6      // the access counter, 2 bits

	freqMax     = 3
	headBytes   = 8
	expiryBytes = 8
	slackBytes  = 4
	alignment   = 4
)

var le = binary.LittleEndian

func (r record) has(flag byte) bool { return r[0]&flag != 0 }
func (r record) db() int            { return int(r[3]) }
func (r record) keyLen() int        { return int(le.Uint16(r[1:])) }
func (r record) valueLen() int      { return int(le.Uint32(r[4:])) }
func (r record) freq() int          { return int(r[0] >> freqShift) }

func (r record) accessed() {
	if r[0] < freqMax<<freqShift {
		r[0] += 1 << freqShift
	}
}

// keyAt is where the key begins.
func (r record) keyAt() int {
	at := headBytes
	if r.has(flagExpiry) {
		at += expiryBytes
	}
	if r.has(flagSlack) {
		at += slackBytes
	}
	return at
}

func (r record) key() []byte {
	at := r.keyAt()
	return r[at : at+r.keyLen()]
}

func (r record) value() []byte {
	at := r.keyAt() + r.keyLen()
	end := at + r.valueLen()
	return r[at:end:end]
}

// capacity is the count of bytes that the value may have in this place.
func (r record) capacity() int {
	if r.has(flagSlack) {
		at := headBytes
		if r.has(flagExpiry) {
			at += expiryBytes
		}
		return int(le.Uint32(r[at:]))
	}
	return r.size() - r.keyAt() - r.keyLen()
}

// size is the count of bytes that the record takes.
func (r record) size() int {
	n := r.keyAt() + r.keyLen()
	if r.has(flagSlack) {
		n += int(le.Uint32(r[r.keyAt()-slackBytes:]))
	} else {
		n += r.valueLen()
	}
	return aligned(n)
}

func aligned(n int) int { return (n + alignment - 1) &^ (alignment - 1) }

// expiry is the time of expiry, 0 for never.
func (r record) expiry() int64 {
	if !r.has(flagExpiry) {
		return 0
	}
	return int64(le.Uint64(r[headBytes:]))
}

// shape is what decides the size of a record.
type shape struct {
	keyLen, valueLen int
	// Bytes to reserve for the value when more than valueLen, for one that grows.
	capacity int
	expiry   bool
}

func (s shape) size() int {
	n := headBytes + s.keyLen + max(s.valueLen, s.capacity)
	if s.expiry {
		n += expiryBytes
	}
	if s.capacity > s.valueLen {
		n += slackBytes
	}
	return aligned(n)
}

// write lays out a record, all but its value.
func (r record) write(s shape, flags byte, db int, key []byte, expiry int64) {
	if s.expiry {
		flags |= flagExpiry
		le.PutUint64(r[headBytes:], uint64(expiry))
	}
	if s.capacity > s.valueLen {
		flags |= flagSlack
	}
	r[0] = flags
	le.PutUint16(r[1:], uint16(len(key)))
	r[3] = byte(db)
	le.PutUint32(r[4:], uint32(s.valueLen))
	at := r.keyAt()
	if s.capacity > s.valueLen {
		le.PutUint32(r[at-slackBytes:], uint32(s.capacity))
	}
	copy(r[at:], key)
}
