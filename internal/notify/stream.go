package notify

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// streamItems bounds what waits for a slow reader of the output: half a
	// second of a flood, some 30 MB if the reader is stuck.
	streamItems = 32768

	// streamBytes is how much is written at once: what a pipe holds.
	streamBytes = 64 << 10

	// pipeBytes is PIPE_BUF: a pipe that is ready has room for that much.
	pipeBytes = 4096

	// calmAfter tells single events from a flood: in a flood the reader of
	// the ring buffer has more urgent things to do than to write.
	calmAfter = 200 * time.Microsecond
	calmItems = 4 // an event and its alerts

	// spareItems bounds the memory kept from one batch to the next.
	spareItems = 1024
)

// stream writes to standard output or any other writer. What does not fit
// into its queue is counted, and said by a line when there is room again.
type stream struct {
	name   string
	out    io.Writer
	encode func([]byte, *item) []byte

	mu      sync.Mutex
	queue   []item
	writing int       // items that were taken from the queue and are not yet written
	oldest  time.Time // when the first of those was offered
	closed  bool
	counts  Stats
	told    uint64 // of the dropped, how many a line has told of
	last    time.Time
	burst   int // items offered without a pause

	// ready reports that a short line can be written without waiting. If
	// so it is written by whoever offers it: to wake another goroutine for
	// it takes longer than all the rest of its way. Of one goroutine at a
	// time: whoever set writing.
	ready func() bool
	own   []byte

	wake chan struct{} // something is queued, or it is closed
	done chan struct{}
}

func newStream(name string, out io.Writer, encode func([]byte, *item) []byte) *stream {
	s := &stream{
		name: name, out: out, encode: encode, ready: readiness(out),
		counts: Stats{Name: name}, wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go s.run()
	return s
}

func (s *stream) offer(it item) {
	s.mu.Lock()
	if it.at.Sub(s.last) > calmAfter {
		s.burst = 0
	}
	s.last = it.at
	s.burst++
	if s.burst <= calmItems && s.ready != nil && len(s.queue) == 0 && s.writing == 0 && !s.closed && s.ready() {
		s.writing, s.oldest = 1, it.at
		s.mu.Unlock()
		s.writeOne(it)
		return
	}
	full := len(s.queue) >= streamItems || s.closed
	if full {
		s.counts.Dropped++
	} else {
		s.queue = append(s.queue, it)
	}
	s.mu.Unlock()
	if !full {
		signal(s.wake)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run writes what is queued until the stream is closed and empty.
func (s *stream) run() {
	defer close(s.done)
	var batch []item
	var buf []byte
	for {
		var dropped uint64
		var closed bool
		batch, dropped, closed = s.take(batch)
		if dropped > 0 {
			// Last, as what was dropped came after what was queued.
			batch = append(batch, item{at: time.Now(), status: &Status{Time: time.Now(), Status: "lost", Fields: map[string]any{
				"lost": dropped, "receiver": s.name, "reason": "the reader of the output is too slow",
			}}})
		}
		if len(batch) == 0 {
			if closed {
				return
			}
			<-s.wake
			continue
		}
		buf = s.write(batch, buf)
		clear(batch) // events are not to be kept alive
		if cap(batch) > spareItems {
			batch = nil
		}
	}
}

// writeOne writes an item at once if it is short enough not to have to wait.
func (s *stream) writeOne(it item) {
	s.own = s.encode(s.own[:0], &it)
	if len(s.own) > pipeBytes {
		s.mu.Lock()
		s.writing--
		s.queue = append(s.queue, it)
		s.mu.Unlock()
		signal(s.wake)
		return
	}
	var err error
	if len(s.own) > 0 {
		_, err = s.out.Write(s.own)
	}
	s.written([]item{it}, err)
}

// take takes what is queued, and leaves spare in its place.
func (s *stream) take(spare []item) (batch []item, dropped uint64, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch, s.queue = s.queue, spare[:0]
	if s.writing == 0 && len(batch) > 0 {
		s.oldest = batch[0].at
	}
	s.writing += len(batch)
	dropped, s.told = s.counts.Dropped-s.told, s.counts.Dropped
	return batch, dropped, s.closed
}

// write writes a batch with as few write(2) as possible, and returns buf to
// be used again.
func (s *stream) write(batch []item, buf []byte) []byte {
	for start := 0; start < len(batch); {
		buf = buf[:0]
		end := start
		for ; end < len(batch) && len(buf) < streamBytes; end++ {
			buf = s.encode(buf, &batch[end])
		}
		var err error
		if len(buf) > 0 {
			_, err = s.out.Write(buf)
		}
		s.written(batch[start:end], err)
		start = end
	}
	return buf
}

func (s *stream) written(items []item, err error) {
	at := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = max(0, s.writing-len(items))
	if err != nil {
		s.counts.Failed += uint64(len(items))
		return
	}
	s.counts.Delivered += uint64(len(items))
	for i := range items {
		if d, ok := items[i].latency(at); ok {
			s.counts.Latency.observe(d)
		}
	}
}

func (s *stream) stats() Stats {
	at := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.counts
	st.Queued = len(s.queue) + s.writing
	switch {
	case s.writing > 0:
		st.OldestAge = at.Sub(s.oldest)
	case len(s.queue) > 0:
		st.OldestAge = at.Sub(s.queue[0].at)
	}
	return st
}

func (s *stream) close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	signal(s.wake)
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("write the last %d lines of %s: %w", s.stats().Queued, s.name, ctx.Err())
	}
}
