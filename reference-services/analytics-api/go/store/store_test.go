package store

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"analyticsapi/block"
	"analyticsapi/ndjson"
	"analyticsapi/table"
)

func configOf(folder string) Config {
	return Config{
		Folder: folder, EventsMax: 1 << 40, StringsMax: 1 << 40, Now: func() int64 { return 1_000_000 },
	}
}

func open(t *testing.T, config Config) *Store {
	t.Helper()
	s, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t *testing.T, body string) *ndjson.Batch {
	t.Helper()
	var batch ndjson.Batch
	if report := ndjson.Parse([]byte(body), &batch, 0, ndjson.TimeMax); report.Refused > 0 {
		t.Fatal(report.Faults[0])
	}
	return &batch
}

func put(s *Store, t *testing.T, body, id string) (bool, error) {
	t.Helper()
	batch := Batch{Events: parse(t, body), BodyBytes: len(body)}
	if id != "" {
		batch.ID = &block.ID{Name: id, Bytes: uint32(len(body)), Sum: crc32.Checksum([]byte(body), block.Castagnoli)}
	}
	return s.Append(context.Background(), batch)
}

// body has rows events, numbered from first, so that they can be told apart.
func body(first, rows int) string {
	var out strings.Builder
	for i := first; i < first+rows; i++ {
		fmt.Fprintf(&out, `{"ts":%d,"key":"k%d","value":%d,"tags":{"t":"v%d"}}`+"\n", 1000+i*7%500, i%13, i, i%3)
	}
	return out.String()
}

// dump is all events as texts, sorted.
func dump(s *Store) (events []string) {
	snapshot := s.Snapshot()
	for _, part := range snapshot.Parts {
		events = append(events, dumpPart(part, snapshot.Names)...)
	}
	slices.Sort(events)
	return events
}

func dumpPart(part *table.Part, names Names) (events []string) {
	for i, key := range part.Keys.All() {
		for row := part.Starts.At(i); row < part.Starts.At(i+1); row++ {
			event := fmt.Sprintf("%012.1f %d %s", part.Values[row], part.Times.At(int(row)), names.Keys.At(key))
			for _, tag := range part.Tags {
				if text := tag.Texts[tag.Codes.At(int(row))]; text > 0 {
					event += fmt.Sprintf(" %s=%s", names.Tags[tag.Name].Name, names.Tags[tag.Name].Texts.At(text-1))
				}
			}
			events = append(events, event)
		}
	}
	return events
}

func TestEventsOutliveARestart(t *testing.T) {
	config := configOf(t.TempDir())
	s := open(t, config)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			if _, err := put(s, t, body(i*50, 50), ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	want := dump(s)
	if len(want) != 2000 {
		t.Fatalf("%d events", len(want))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, config)
	defer s.Close()
	if got := dump(s); !slices.Equal(got, want) {
		t.Fatalf("%d events after the restart, or others", len(got))
	}
}

func TestAFullLogBecomesASegmentWithTheSameEvents(t *testing.T) {
	config := configOf(t.TempDir())
	config.logEvents = 500
	s := open(t, config)
	for i := range 5 {
		if _, err := put(s, t, body(i*100, 100), fmt.Sprint("batch-", i)); err != nil {
			t.Fatal(err)
		}
	}
	want := dump(s)
	waitFor(t, func() bool { return s.Figures().Segments == 1 })
	segment := filepath.Join(config.Folder, "0000000000000001.seg")
	if got := dump(s); !slices.Equal(got, want) {
		t.Fatalf("%d events, not %d", len(got), len(want))
	}
	s.Close()
	s = open(t, config)
	if got := dump(s); !slices.Equal(got, want) {
		t.Fatalf("%d events after the restart, not %d", len(got), len(want))
	}
	if duplicate, err := put(s, t, body(300, 100), "batch-3"); !duplicate || err != nil {
		t.Fatalf("a batch of the segment is not known: %v", err)
	}
	s.Close()
	everyFlipIsRefused(t, config, segment)
}

// everyFlipIsRefused: a segment with a wrong bit, or cut short, does not open.
func everyFlipIsRefused(t *testing.T, config Config, path string) {
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 5))
	for round := range 300 {
		broken := slices.Clone(whole)
		if round%2 == 0 {
			broken[r.IntN(len(broken))] ^= 1 << r.IntN(8)
		} else {
			broken = broken[:r.IntN(len(broken))]
		}
		if err := os.WriteFile(path, broken, 0o666); err != nil {
			t.Fatal(err)
		}
		if s, err := Open(config); err == nil {
			s.Close()
			t.Fatalf("round %d: a broken segment is opened", round)
		} else if !strings.HasPrefix(err.Error(), path+": ") {
			t.Fatalf("the error does not begin with the path: %v", err)
		}
	}
}

func TestATornTailIsCutAndNothingElse(t *testing.T) {
	config := configOf(t.TempDir())
	path := filepath.Join(config.Folder, "0000000000000001.log")
	s := open(t, config)
	var ends []int64
	var states [][]string
	for i := range 4 {
		if _, err := put(s, t, body(i*10, 10), ""); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, s.logBytes)
		states = append(states, dump(s))
	}
	s.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for length := headerBytes; length <= len(whole); length++ {
		if err := os.WriteFile(path, whole[:length], 0o666); err != nil {
			t.Fatal(err)
		}
		s := open(t, config)
		frames, _ := slices.BinarySearch(ends, int64(length)+1)
		kept, want := int64(headerBytes), []string(nil)
		if frames > 0 {
			kept, want = ends[frames-1], states[frames-1]
		}
		if got := dump(s); !slices.Equal(got, want) || s.Figures().CutBytes != int64(length)-kept {
			t.Fatalf("%d bytes: %d events, cut %d", length, len(got), s.Figures().CutBytes)
		}
		s.Close()
		if info, _ := os.Stat(path); info.Size() != kept {
			t.Fatalf("%d bytes are left of %d", info.Size(), length)
		}
	}
	// Within a frame that a good one follows it is damage.
	for at := int64(headerBytes); at < ends[2]; at++ {
		broken := slices.Clone(whole)
		broken[at] ^= 0x10
		if err := os.WriteFile(path, broken, 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := Open(config)
		if err != nil {
			continue
		}
		got := dump(s)
		s.Close()
		// A wrong length hides the frames after it: then all before it must be there, and no more.
		if !slices.ContainsFunc(append(states, nil), func(state []string) bool { return slices.Equal(got, state) }) {
			t.Fatalf("byte %d wrong: %d events", at, len(got))
		}
		if inLength := slices.ContainsFunc(append([]int64{headerBytes}, ends...), func(start int64) bool {
			return at >= start && at < start+4
		}); !inLength {
			t.Fatalf("byte %d wrong, and the log is opened", at)
		}
	}
}

func TestBatchIDs(t *testing.T) {
	config := configOf(t.TempDir())
	s := open(t, config)
	var all sync.WaitGroup
	var mutex sync.Mutex
	stored := 0
	for range 20 {
		all.Go(func() {
			duplicate, err := put(s, t, body(0, 10), "same")
			if err != nil {
				t.Error(err)
			}
			mutex.Lock()
			defer mutex.Unlock()
			if !duplicate {
				stored++
			}
		})
	}
	all.Wait()
	if _, err := put(s, t, body(0, 11), "same"); !errors.Is(err, ErrIDReused) {
		t.Errorf("another body: %v", err)
	}
	if stored != 1 || len(dump(s)) != 10 {
		t.Errorf("stored %d times, %d events", stored, len(dump(s)))
	}
	s.Close()
	s = open(t, config)
	defer s.Close()
	if duplicate, err := put(s, t, body(0, 10), "same"); !duplicate || err != nil {
		t.Errorf("after a restart: %v %v", duplicate, err)
	}
}

func TestLimitsRefuseWholeBatches(t *testing.T) {
	config := configOf(t.TempDir())
	config.EventsMax, config.StringsMax = 30, 20
	s := open(t, config)
	defer s.Close()
	if _, err := put(s, t, body(0, 20), ""); err != nil { // 13 keys and 3 texts
		t.Fatal(err)
	}
	for range 2 { // a name is not remembered for a batch that is refused
		if duplicate, err := put(s, t, body(0, 11), "full"); duplicate || !errors.Is(err, FullError{"events"}) {
			t.Errorf("events: %v", err)
		}
	}
	if _, err := put(s, t, strings.ReplaceAll(body(0, 5), `:"k`, `:"other`), ""); !errors.Is(err, FullError{"strings"}) {
		t.Errorf("strings: %v", err)
	}
	names := ""
	for i := range 64 {
		names += fmt.Sprintf(`{"ts":1,"key":"k1","value":1,"tags":{"n%d":"v1"}}`+"\n", i)
	}
	s.config.EventsMax, s.config.StringsMax = 1000, 1000
	if _, err := put(s, t, names, ""); !errors.Is(err, FullError{"tag-names"}) {
		t.Errorf("tag names: %v", err)
	}
	if _, err := put(s, t, body(0, 10), ""); err != nil || len(dump(s)) != 30 {
		t.Errorf("what fits: %v, %d events", err, len(dump(s)))
	}
}

func TestSegmentsThatAreTooOldGo(t *testing.T) {
	config := configOf(t.TempDir())
	var now atomic.Int64
	now.Store(10_000)
	config.Now = now.Load
	config.RetentionMS = 5_000
	config.logEvents = 1
	s := open(t, config)
	defer s.Close()
	if _, err := put(s, t, `{"ts":6000,"key":"k","value":1}`, "gone"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return s.Figures().Segments == 1 })
	now.Store(11_001)
	waitFor(t, func() bool { return s.Figures().Segments == 0 })
	if f := s.Figures(); f.Events != 0 || f.Segments != 0 || s.events.Load() != 0 {
		t.Errorf("%+v", f)
	}
	if duplicate, err := put(s, t, `{"ts":6000,"key":"k","value":1}`, "gone"); duplicate || err != nil {
		t.Errorf("the name is not forgotten: %v", err)
	}
}

// waitFor waits for what happens in the background.
func waitFor(t *testing.T, happened func() bool) {
	t.Helper()
	for range 1000 {
		if happened() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it did not happen within 10 s")
}

func TestAFolderInUseIsRefused(t *testing.T) {
	config := configOf(t.TempDir())
	s := open(t, config)
	defer s.Close()
	if _, err := Open(config); err == nil || err.Error() != config.Folder+" is in use" {
		t.Errorf("%v", err)
	}
}

func TestMergingKeepsEveryEvent(t *testing.T) {
	config := configOf(t.TempDir())
	s := open(t, config)
	defer s.Close()
	for i := range 100 {
		if _, err := put(s, t, body(i, 1+i%3), ""); err != nil {
			t.Fatal(err)
		}
	}
	want := dump(s)
	waitFor(t, func() bool { return len(*s.snapshot.Load()) <= partsMax })
	if got := dump(s); !slices.Equal(got, want) {
		t.Errorf("%d events, not %d", len(got), len(want))
	}
	for _, part := range *s.snapshot.Load() {
		for i := range part.Keys.Len() {
			for row := part.Starts.At(i) + 1; row < part.Starts.At(i+1); row++ {
				if part.Times.At(int(row)) < part.Times.At(int(row-1)) {
					t.Fatal("rows of a key are not sorted by time")
				}
			}
		}
	}
}
