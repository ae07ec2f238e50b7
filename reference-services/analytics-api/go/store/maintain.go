package store

import (
	"log/slog"
	"os"
	"time"

	"analyticsapi/block"
	"analyticsapi/table"
)

const (
	maintenanceInterval = 2 * time.Second
	// From how many parts on those of a log are merged.
	partsMax = 16
	// A part is merged with those after it if they have at least its rows divided by this.
	mergeRatio = 4
)

// maintain merges parts, turns full logs into segments, and deletes what is too old.
func (s *Store) maintain() {
	s.every(maintenanceInterval, func() {
		s.expire()
		s.sealAll()
		s.mergeNewest()
	})
}

// mergeNewest keeps the parts of the newest log few: each is merged O(log n) times.
func (s *Store) mergeNewest() {
	s.mutex.Lock()
	newest := s.files[len(s.files)-1]
	parts := newest.parts
	s.mutex.Unlock()
	if len(parts) <= partsMax {
		return
	}
	start, rows := len(parts)-1, parts[len(parts)-1].Rows
	for start > 0 && (len(parts)-start < partsMax/2 || parts[start-1].Rows <= mergeRatio*rows) {
		start--
		rows += parts[start].Rows
	}
	s.replace(newest, start, len(parts), table.Merge(parts[start:]))
}

// replace puts one part in the place of several.
func (s *Store) replace(file *file, start, end int, merged *table.Part) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	parts := append([]*table.Part{}, file.parts[:start]...)
	file.parts = append(append(parts, merged), file.parts[end:]...)
	s.publish()
}

// sealAll turns logs that are not written to any more into segments.
func (s *Store) sealAll() {
	for {
		var full *file
		s.mutex.Lock()
		for _, file := range s.files[:len(s.files)-1] {
			if !file.sealed {
				full = file
				break
			}
		}
		s.mutex.Unlock()
		if full == nil {
			return
		}
		if err := s.seal(full); err != nil {
			slog.Warn("a log could not be turned into a segment; it is tried again", "error", err)
			return
		}
	}
}

// seal turns a log into a segment. Its parts do not change meanwhile: only this goroutine merges.
func (s *Store) seal(full *file) error {
	path := logFile.path(s.config.Folder, full.number)
	if full.rows > 0 {
		merged := full.parts[0]
		if len(full.parts) > 1 {
			merged = table.Merge(full.parts)
			s.replace(full, 0, len(full.parts), merged)
		}
		rows := block.OfPart(merged, full.ids, s.names.view())
		head := append(segmentFile.header(full.number), beforeBlock(rows)...)
		target := segmentFile.path(s.config.Folder, full.number)
		if err := s.writeWhole(target, head, rows); err != nil {
			return err
		}
	}
	s.mutex.Lock()
	full.sealed = true
	if full.rows == 0 {
		s.drop(full)
	}
	s.mutex.Unlock()
	return os.Remove(path)
}

// writeWhole writes a file so that it is there whole or not at all.
func (s *Store) writeWhole(path string, pieces ...[]byte) error {
	unfinished := path[:len(path)-len(segmentFile.suffix)] + ".tmp"
	handle, err := os.OpenFile(unfinished, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	for _, piece := range pieces {
		if err == nil {
			_, err = handle.Write(piece)
		}
	}
	if err == nil {
		err = handle.Sync()
	}
	if closed := handle.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(unfinished, path)
	}
	if err != nil {
		_ = os.Remove(unfinished)
		return err
	}
	return syncFolder(s.config.Folder)
}

// expire deletes segments of which every event is too old, and logs that are not written to any more.
func (s *Store) expire() {
	oldest, _ := s.Window()
	var gone []*file
	s.mutex.Lock()
	for _, file := range s.files[:len(s.files)-1] {
		if file.rows > 0 && file.newest < oldest {
			gone = append(gone, file)
		}
	}
	for _, file := range gone {
		s.drop(file)
	}
	if len(gone) > 0 {
		s.publish()
	}
	s.mutex.Unlock()
	for _, file := range gone {
		s.events.Add(-int64(file.rows))
		s.ids.forget(file.ids)
		kind := logFile
		if file.sealed {
			kind = segmentFile
		}
		if err := os.Remove(kind.path(s.config.Folder, file.number)); err != nil {
			slog.Warn("a file that is too old could not be deleted", "error", err)
		}
	}
}

// drop takes a file out of the list. The mutex must be held.
func (s *Store) drop(gone *file) {
	var files []*file
	for _, file := range s.files {
		if file != gone {
			files = append(files, file)
		}
	}
	s.files = files
}
