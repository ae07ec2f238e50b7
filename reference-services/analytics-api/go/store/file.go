package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"analyticsapi/block"
)

const (
	version     = 1
	headerBytes = 24
	frameBytes  = 8 // before the blocks of a frame
)

// kind is a kind of file.
type kind struct{ magic, suffix string }

var (
	logFile     = kind{"EVENTLOG", ".log"}
	segmentFile = kind{"EVENTSEG", ".seg"}
)

func (k kind) path(folder string, number uint64) string {
	return filepath.Join(folder, fmt.Sprintf("%016x%s", number, k.suffix))
}

func (k kind) header(number uint64) []byte {
	header := append(make([]byte, 0, headerBytes), k.magic...)
	header = binary.LittleEndian.AppendUint32(header, version)
	header = binary.LittleEndian.AppendUint64(header, number)
	return binary.LittleEndian.AppendUint32(header, crc32.Checksum(header, block.Castagnoli))
}

// damage is what makes a file unusable.
type damage struct {
	path   string
	at     int
	detail string
}

func (d *damage) Error() string { return fmt.Sprintf("%s: at byte %d: %s", d.path, d.at, d.detail) }

// checkHeader says what is wrong with a file's header.
func (k kind) checkHeader(path string, bytes []byte, number uint64) error {
	if len(bytes) < headerBytes {
		return &damage{path, len(bytes), "the header is not whole"}
	}
	if string(bytes[:8]) != k.magic {
		return &damage{path, 0, "this is not a file of this kind: it does not begin with " + k.magic}
	}
	if found := binary.LittleEndian.Uint32(bytes[8:]); found != version {
		return fmt.Errorf("%s: version %d, this program reads version %d", path, found, version)
	}
	if !headerSumRight(bytes) {
		return &damage{path, 20, "the checksum of the header is wrong"}
	}
	if found := binary.LittleEndian.Uint64(bytes[12:]); found != number {
		return &damage{path, 12, fmt.Sprintf("the header says number %016x", found)}
	}
	return nil
}

func headerSumRight(bytes []byte) bool {
	return len(bytes) >= headerBytes &&
		crc32.Checksum(bytes[:20], block.Castagnoli) == binary.LittleEndian.Uint32(bytes[20:])
}

// frame returns the blocks' bytes of the frame at a place, nil if it is not whole or its checksum is
// wrong, and where the frame says that it ends.
func frame(bytes []byte, at int) (blocks []byte, end int) {
	if len(bytes)-at < frameBytes {
		return nil, len(bytes)
	}
	length := int(binary.LittleEndian.Uint32(bytes[at:]))
	end = at + frameBytes + length
	if length == 0 || end > len(bytes) {
		return nil, end
	}
	sum := crc32.Update(0, block.Castagnoli, bytes[at:at+4])
	sum = crc32.Update(sum, block.Castagnoli, bytes[at+frameBytes:end])
	if sum != binary.LittleEndian.Uint32(bytes[at+4:]) {
		return nil, end
	}
	return bytes[at+frameBytes : end], end
}

// sealFrame fills in the head of a frame, whose blocks stand after room for it.
func sealFrame(frame []byte) {
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-frameBytes))
	sum := crc32.Update(0, block.Castagnoli, frame[:4])
	sum = crc32.Update(sum, block.Castagnoli, frame[frameBytes:])
	binary.LittleEndian.PutUint32(frame[4:], sum)
}

// beforeBlock is what stands before the one block of a segment's frame. The block is as large as the
// rows themselves: a frame around it would be one copy more in memory.
func beforeBlock(rows []byte) []byte {
	before := binary.LittleEndian.AppendUint32(make([]byte, 0, frameBytes+4), uint32(len(rows)+4))
	length := binary.LittleEndian.AppendUint32(nil, uint32(len(rows)))
	sum := crc32.Update(0, block.Castagnoli, before)
	sum = crc32.Update(sum, block.Castagnoli, length)
	sum = crc32.Update(sum, block.Castagnoli, rows)
	return append(binary.LittleEndian.AppendUint32(before, sum), length...)
}

func appendBlock(frame, bytes []byte) []byte {
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(bytes)))
	return append(frame, bytes...)
}

// eachBlock reads the blocks of a frame that begins at a place of a file.
func eachBlock(path string, at int, blocks []byte, take func(*block.Block)) error {
	at += frameBytes
	for len(blocks) > 0 {
		if len(blocks) < 4 {
			return &damage{path, at, "the length of a block is not whole"}
		}
		length := int(binary.LittleEndian.Uint32(blocks))
		if length > len(blocks)-4 {
			return &damage{path, at, "a block goes beyond its frame"}
		}
		read, err := block.Read(blocks[4 : 4+length])
		if err != nil {
			return &damage{path, at + 4 + err.(*block.Error).At, err.(*block.Error).Detail}
		}
		take(read)
		blocks = blocks[4+length:]
		at += 4 + length
	}
	return nil
}

// syncFolder makes durable which files a folder has.
func syncFolder(folder string) error {
	handle, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer handle.Close()
	return handle.Sync()
}
