package store

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"analyticsapi/block"
)

// load reads the folder. Files that were half made are deleted, a torn tail is cut.
func (s *Store) load() error {
	s.publish()
	segments, logs, err := s.list()
	if err != nil {
		return err
	}
	for number := range segments {
		if logs[number] {
			delete(logs, number)
			defer func() { _ = os.Remove(logFile.path(s.config.Folder, number)) }()
		}
	}
	newestLog := uint64(0)
	for number := range logs {
		newestLog = max(newestLog, number)
	}
	all := slices.Sorted(maps.Keys(segments))
	all = append(all, slices.Sorted(maps.Keys(logs))...)
	slices.Sort(all)
	for _, number := range all {
		if segments[number] {
			err = s.loadSegment(number)
		} else {
			err = s.loadLog(number, number == newestLog)
		}
		if err != nil {
			return err
		}
	}
	if err := s.openLog(newestLog); err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.publish()
	return nil
}

// list finds the numbers of the files, and deletes those that are unfinished.
func (s *Store) list() (segments, logs map[uint64]bool, err error) {
	entries, err := os.ReadDir(s.config.Folder)
	if err != nil {
		return nil, nil, err
	}
	segments, logs = make(map[uint64]bool), make(map[uint64]bool)
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasSuffix(name, ".tmp") {
			if err := os.Remove(filepath.Join(s.config.Folder, name)); err != nil {
				return nil, nil, err
			}
			continue
		}
		base := strings.TrimSuffix(name, filepath.Ext(name))
		number, err := strconv.ParseUint(base, 16, 64)
		if err != nil || number == 0 || fmt.Sprintf("%016x", number) != base {
			continue
		}
		switch filepath.Ext(name) {
		case segmentFile.suffix:
			segments[number] = true
		case logFile.suffix:
			logs[number] = true
		}
	}
	return segments, logs, nil
}

func (s *Store) loadSegment(number uint64) error {
	path := segmentFile.path(s.config.Folder, number)
	bytes, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := segmentFile.checkHeader(path, bytes, number); err != nil {
		return err
	}
	blocks, end := frame(bytes, headerBytes)
	if blocks == nil {
		return &damage{path, headerBytes, "the checksum of the frame is wrong, or it is not whole"}
	}
	if end != len(bytes) {
		return &damage{path, end, "bytes follow the frame"}
	}
	if first := binary.LittleEndian.Uint32(blocks[:min(4, len(blocks))]); int(first)+4 != len(blocks) {
		return &damage{path, headerBytes + frameBytes, "a segment has one block"}
	}
	into := &file{number: number, sealed: true}
	s.files = append(s.files, into)
	return eachBlock(path, headerBytes, blocks, func(b *block.Block) { s.loadBlock(into, b) })
}

func (s *Store) loadBlock(into *file, b *block.Block) {
	// Limits hold for what comes, not for what is there.
	found, err := s.names.number(b, 1<<62, 1<<30)
	if err != nil {
		return
	}
	into.add(found.part(b), b.IDs)
	s.events.Add(int64(b.Rows))
	for _, id := range b.IDs {
		s.ids.load(id)
	}
}

func (s *Store) loadLog(number uint64, newest bool) error {
	path := logFile.path(s.config.Folder, number)
	bytes, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	into := &file{number: number}
	s.files = append(s.files, into)
	if newest && len(bytes) <= headerBytes && !headerSumRight(bytes) {
		return s.cut(path, 0, len(bytes), number)
	}
	if err := logFile.checkHeader(path, bytes, number); err != nil {
		return err
	}
	for at := headerBytes; at < len(bytes); {
		blocks, end := frame(bytes, at)
		if blocks == nil {
			if !newest {
				return &damage{path, at, "the checksum of a frame is wrong, or it is not whole"}
			}
			if after, _ := frame(bytes, min(end, len(bytes))); after != nil {
				return &damage{path, at, "the checksum of a frame is wrong, and a whole one follows it"}
			}
			return s.cut(path, at, len(bytes)-at, number)
		}
		if err := eachBlock(path, at, blocks, func(b *block.Block) { s.loadBlock(into, b) }); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// cut takes a torn tail off the newest log.
func (s *Store) cut(path string, at, bytes int, number uint64) error {
	log, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := log.Truncate(int64(at)); err != nil {
		return err
	}
	if at == 0 {
		if _, err := log.WriteAt(logFile.header(number), 0); err != nil {
			return err
		}
	}
	if err := log.Sync(); err != nil {
		return err
	}
	if bytes > 0 {
		fmt.Fprintf(os.Stderr, "cut %d bytes at byte %d of %s\n", bytes, at, path)
	}
	s.cutBytes.Add(int64(bytes))
	return nil
}

// openLog opens the newest log for writing, or makes one behind all files.
func (s *Store) openLog(newestLog uint64) error {
	last := uint64(0)
	if len(s.files) > 0 {
		last = s.files[len(s.files)-1].number
	}
	var err error
	if newestLog == 0 || newestLog < last {
		s.files = append(s.files, &file{number: last + 1})
		s.log, err = s.createLog(last + 1)
		s.logBytes = headerBytes
		return err
	}
	s.log, err = os.OpenFile(logFile.path(s.config.Folder, newestLog), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := s.log.Stat()
	if err != nil {
		return err
	}
	s.logBytes = info.Size()
	return nil
}
