package texts

import "sync"

// Shared is a Dict for many goroutines. Texts are never removed.
type Shared struct {
	lock sync.RWMutex
	dict Dict
}

// View is the texts that a Shared had at some time.
type View struct {
	text []byte
	ends []uint32
}

// View returns the texts known now.
func (s *Shared) View() View {
	s.lock.RLock()
	defer s.lock.RUnlock()
	return View{s.dict.Text, s.dict.Ends}
}

// Len is the number of texts.
func (v View) Len() int { return len(v.ends) }

// At returns text number id.
func (v View) At(id uint32) []byte {
	start := uint32(0)
	if id > 0 {
		start = v.ends[id-1]
	}
	return v.text[start:v.ends[id]]
}

// Find returns the number of text, if it has one.
func (s *Shared) Find(text []byte) (uint32, bool) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	return s.dict.Find(text)
}

// Numbers puts in numbers those of texts and returns how many have none yet, which is None.
func (s *Shared) Numbers(numbers []uint32, text func(int) []byte) (missing int) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	for i := range numbers {
		number, ok := s.dict.Find(text(i))
		if !ok {
			number = None
			missing++
		}
		numbers[i] = number
	}
	return missing
}

// Add replaces every None in numbers by the number of its text, which is added.
func (s *Shared) Add(numbers []uint32, text func(int) []byte) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for i, number := range numbers {
		if number == None {
			numbers[i] = s.dict.Number(text(i))
		}
	}
}
