package store

import (
	"log/slog"
	"os"
	"time"

	"analyticsapi/block"
	"analyticsapi/table"
)

// pending is a batch on its way to the log.
type pending struct {
	batch Batch
	block []byte
	part  *table.Part
	ids   []block.ID
	done  chan error
}

// write commits batches in groups until the store closes.
func (s *Store) write() {
	ticker := time.NewTicker(maintenanceInterval)
	defer ticker.Stop()
	for {
		select {
		case first := <-s.queue:
			s.commitGroup(s.group(first))
		case <-ticker.C:
			s.rotateOld()
		case <-s.closing:
			for {
				select {
				case first := <-s.queue:
					s.commitGroup(s.group(first))
				default:
					return
				}
			}
		}
	}
}

// group returns a batch with those that wait behind it.
func (s *Store) group(first *pending) []*pending {
	group, bodies := []*pending{first}, first.batch.BodyBytes
	for bodies < frameBodiesMax {
		select {
		case next := <-s.queue:
			group = append(group, next)
			bodies += next.batch.BodyBytes
		default:
			return group
		}
	}
	return group
}

func (s *Store) commitGroup(group []*pending) {
	err := s.append(group)
	if err == nil {
		s.show(group)
	}
	for _, p := range group {
		p.done <- err
	}
	if err == nil {
		s.rotate()
		select {
		case s.work <- struct{}{}:
		default:
		}
	}
}

// append writes one frame and makes it durable.
func (s *Store) append(group []*pending) error {
	if s.failed.Load() {
		return ErrLogFailed
	}
	size := frameBytes
	for _, p := range group {
		size += 4 + len(p.block)
	}
	frame := make([]byte, frameBytes, size)
	for _, p := range group {
		frame = appendBlock(frame, p.block)
	}
	sealFrame(frame)
	if _, err := s.log.WriteAt(frame, s.logBytes); err != nil {
		slog.Error("a batch could not be written", "error", err)
		if undo := s.log.Truncate(s.logBytes); undo != nil {
			return s.fail("what was written of a batch could not be taken back", undo)
		}
		return FullError{"disk"}
	}
	if s.config.Sync {
		if err := s.log.Sync(); err != nil {
			return s.fail("a batch could not be made durable", err)
		}
	}
	s.logBytes += int64(len(frame))
	s.commits.Add(1)
	return nil
}

func (s *Store) fail(what string, err error) error {
	slog.Error(what+"; batches are refused until a restart", "error", err)
	s.failed.Store(true)
	return ErrLogFailed
}

// show makes a group visible to queries and tails, as one.
func (s *Store) show(group []*pending) {
	s.mutex.Lock()
	newest := s.files[len(s.files)-1]
	for _, p := range group {
		newest.add(p.part, p.ids)
	}
	s.publish()
	s.mutex.Unlock()
	for _, p := range group {
		s.watchers.send(p.batch.Events)
	}
}

// rotate begins a new log when the newest is full.
func (s *Store) rotate() {
	s.mutex.Lock()
	newest := s.files[len(s.files)-1]
	s.mutex.Unlock()
	if newest.rows >= s.config.logEvents || s.logBytes >= logBytesMax {
		s.newLog(newest.number + 1)
	}
}

// rotateOld begins a new log when every event of the newest is too old: a store that is full takes
// nothing that would fill its log, and must not stay full for that.
func (s *Store) rotateOld() {
	oldest, _ := s.Window()
	s.mutex.Lock()
	newest := s.files[len(s.files)-1]
	old := newest.rows > 0 && newest.newest < oldest
	s.mutex.Unlock()
	if old {
		s.newLog(newest.number + 1)
	}
}

func (s *Store) newLog(number uint64) {
	log, err := s.createLog(number)
	if err != nil {
		slog.Warn("no new log could be made; the one that is there is written to until it can", "error", err)
		return
	}
	_ = s.log.Close()
	s.log, s.logBytes = log, headerBytes
	s.mutex.Lock()
	s.files = append(s.files, &file{number: number})
	s.mutex.Unlock()
}

// createLog makes an empty log.
func (s *Store) createLog(number uint64) (*os.File, error) {
	path := logFile.path(s.config.Folder, number)
	log, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if _, err = log.Write(logFile.header(number)); err == nil {
		err = log.Sync()
	}
	if err == nil {
		err = syncFolder(s.config.Folder)
	}
	if err != nil {
		_ = log.Close()
		_ = os.Remove(path)
		return nil, err
	}
	return log, nil
}
