// Package store keeps events: durably in a folder of logs and segments, and in memory in columns.
package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"analyticsapi/block"
	"analyticsapi/ndjson"
	"analyticsapi/table"
)

// Config is what a store is opened with.
type Config struct {
	Folder     string
	EventsMax  int64
	StringsMax int64
	// Events older than this, in ms, are gone; 0 keeps all.
	RetentionMS int64
	// A batch is on the disk, not only with the kernel, when it is acknowledged.
	Sync bool
	// Now is ms since the Unix epoch.
	Now func() int64

	logEvents int // from how many on a log is full; 0 for logEventsMax
}

const (
	tagNamesMax = ndjson.TagNamesMax
	idsMax      = 65_536 // batch ids remembered
	// A log that has as much is full.
	logEventsMax = 1 << 20
	logBytesMax  = 64 << 20
	// Bodies whose batches are committed together, and one batch more.
	frameBodiesMax = 64 << 20
	// How far ahead of the clock an event may be when there is a retention.
	aheadMS = 24 * 60 * 60 * 1000
)

// What Append can refuse with, besides a FullError.
var (
	// ErrLogFailed says that the disk failed in a way after which nothing is sure.
	ErrLogFailed = errors.New("the log failed; batches are refused until a restart")
	// ErrIDReused says that a batch's id was used for another body.
	ErrIDReused = errors.New("the batch id was used for another body")
	// ErrClosed says that the store is closing.
	ErrClosed = errors.New("the store is closing")
)

// FullError says which limit has no room for a batch.
type FullError struct {
	Limit string // events, strings, tag-names or disk
}

func (e FullError) Error() string { return "no room left: " + e.Limit }

// Store is events in memory and in a folder.
type Store struct {
	config Config
	names  names
	lockfd *os.File

	// Files in the order of their numbers; the last is the log that is written to.
	mutex sync.Mutex
	files []*file
	ids   ids

	snapshot atomic.Pointer[[]*table.Part]
	events   atomic.Int64 // held, and of batches on their way
	cutBytes atomic.Int64
	commits  atomic.Uint64

	queue    chan *pending
	work     chan struct{} // asks for a look at what is to be merged or sealed
	log      *os.File      // of the last file; the writer's
	logBytes int64
	failed   atomic.Bool

	closing  chan struct{}
	running  sync.WaitGroup
	watchers watchers
}

// file is a log or segment.
type file struct {
	number uint64
	sealed bool // a segment
	parts  []*table.Part
	ids    []block.ID
	rows   int
	newest int64 // the greatest time, ms
}

func (f *file) add(part *table.Part, ids []block.ID) {
	f.parts = append(f.parts, part)
	f.ids = append(f.ids, ids...)
	f.rows += part.Rows
	f.newest = max(f.newest, part.MaxTime)
}

// Open loads a folder, which is made if it is missing.
func Open(config Config) (*Store, error) {
	if err := os.MkdirAll(config.Folder, 0o777); err != nil {
		return nil, err
	}
	if config.logEvents == 0 {
		config.logEvents = logEventsMax
	}
	s := &Store{
		config: config, queue: make(chan *pending, 1024), work: make(chan struct{}, 1),
		closing: make(chan struct{}), ids: newIDs(),
	}
	lock, err := os.OpenFile(filepath.Join(config.Folder, "LOCK"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s is in use", config.Folder)
		}
		return nil, fmt.Errorf("%s: %w", lock.Name(), err)
	}
	s.lockfd = lock
	if err := s.load(); err != nil {
		lock.Close()
		return nil, err
	}
	s.running.Go(s.write)
	s.running.Go(s.maintain)
	return s, nil
}

// Close commits what waits, and gives the folder up.
func (s *Store) Close() error {
	close(s.closing)
	s.running.Wait()
	return errors.Join(s.log.Close(), s.lockfd.Close())
}

// Snapshot is all events of whole batches at one moment.
type Snapshot struct {
	Parts []*table.Part
	Names Names
	// Events before this time are gone, though they may be there still.
	Oldest int64
}

// Snapshot returns what there is now.
func (s *Store) Snapshot() Snapshot {
	parts := *s.snapshot.Load()
	oldest, _ := s.Window()
	return Snapshot{parts, s.names.view(), oldest}
}

// Window is the times, in ms, that an event may have.
func (s *Store) Window() (oldest, newest int64) {
	if s.config.RetentionMS == 0 {
		return 0, ndjson.TimeMax
	}
	now := s.config.Now()
	return max(0, now-s.config.RetentionMS), min(ndjson.TimeMax, now+aheadMS)
}

// publish makes the parts of all files what queries see. The mutex must be held.
func (s *Store) publish() {
	var parts []*table.Part
	for _, file := range s.files {
		parts = append(parts, file.parts...)
	}
	s.snapshot.Store(&parts)
}

// Figures are what the metrics show.
type Figures struct {
	Events, Strings, Segments, Logs, CutBytes int64
	Commits                                   uint64
}

// Figures returns the present ones.
func (s *Store) Figures() Figures {
	f := Figures{Strings: s.names.count.Load(), CutBytes: s.cutBytes.Load(), Commits: s.commits.Load()}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, file := range s.files {
		f.Events += int64(file.rows)
		if file.sealed {
			f.Segments++
		} else {
			f.Logs++
		}
	}
	return f
}

// Batch is a batch to be kept.
type Batch struct {
	Events    *ndjson.Batch // at least one
	BodyBytes int
	ID        *block.ID // nil if it has no name
}

// Append keeps a batch. When it returns without an error the batch is durable and visible.
// duplicate says that it was kept before, under the same name.
func (s *Store) Append(ctx context.Context, batch Batch) (duplicate bool, err error) {
	if batch.ID == nil {
		return false, s.keep(batch)
	}
	mine, err := s.ids.claim(ctx, *batch.ID)
	if !mine {
		return err == nil, err
	}
	err = s.keep(batch)
	s.ids.settle(*batch.ID, err == nil)
	return false, err
}

// keep keeps a batch if there is room.
func (s *Store) keep(batch Batch) error {
	if s.failed.Load() {
		return ErrLogFailed
	}
	if batch.Events.TagNamesFull {
		return FullError{"tag-names"}
	}
	rows := int64(batch.Events.Rows())
	if s.events.Add(rows) > s.config.EventsMax {
		s.events.Add(-rows)
		return FullError{"events"}
	}
	err := s.commit(batch)
	if err != nil {
		s.events.Add(-rows)
	}
	return err
}

func (s *Store) commit(batch Batch) error {
	bytes := block.OfBatch(batch.Events, batch.ID)
	read, err := block.Read(bytes)
	if err != nil {
		return err
	}
	numbers, err := s.names.number(read, s.config.StringsMax, tagNamesMax)
	if err != nil {
		return err
	}
	p := &pending{
		batch: batch, block: bytes, part: numbers.part(read), ids: read.IDs, done: make(chan error, 1),
	}
	select {
	case s.queue <- p:
	case <-s.closing:
		return ErrClosed
	}
	return <-p.done
}

// every runs work now and then until the store closes.
func (s *Store) every(interval time.Duration, work func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-ticker.C:
		case <-s.work:
		}
		work()
	}
}
