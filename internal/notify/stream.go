package notify

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// streamItems bounds what waits for a slow reader of the output: some
	// 10 MB of events.
	streamItems = 8192

	// streamWait is how long an offer waits for a reader that is slow. What
	// happens meanwhile stays on the kernel's ring buffer, which folds what
	// it has no room for: better than to throw lines away here.
	streamWait = 250 * time.Millisecond
)

// stream writes to standard output or any other writer.
type stream struct {
	name   string
	out    io.Writer
	encode func([]byte, item) []byte

	mu        sync.Mutex
	queue     []item
	stuck     bool // an offer waited in vain: drop at once until there is room
	closed    bool
	delivered uint64
	failed    uint64
	dropped   uint64
	told      uint64        // of the dropped, how many a line has told of
	wake      chan struct{} // something is queued
	room      chan struct{} // the queue was taken
	done      chan struct{}
}

func newStream(name string, out io.Writer, encode func([]byte, item) []byte) *stream {
	s := &stream{
		name: name, out: out, encode: encode,
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go s.run()
	return s
}

func (s *stream) offer(it item) {
	s.mu.Lock()
	if len(s.queue) >= streamItems && !s.stuck {
		s.mu.Unlock()
		s.waitForRoom()
		s.mu.Lock()
	}
	if len(s.queue) >= streamItems || s.closed {
		s.dropped++
		s.stuck = true
		s.mu.Unlock()
		return
	}
	s.queue = append(s.queue, it)
	s.mu.Unlock()
	signal(s.wake)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *stream) waitForRoom() {
	t := time.NewTimer(streamWait)
	defer t.Stop()
	select {
	case <-s.room:
	case <-t.C:
	}
}

// run writes what is queued, all of it with one write(2).
func (s *stream) run() {
	defer close(s.done)
	var spare []item
	var buf []byte
	for {
		s.mu.Lock()
		batch, closed := s.queue, s.closed
		s.queue = spare[:0]
		s.stuck = false
		dropped := s.dropped - s.told
		s.told = s.dropped
		s.mu.Unlock()
		signal(s.room)
		if len(batch) == 0 && dropped == 0 {
			if closed {
				return
			}
			<-s.wake
			continue
		}
		buf = buf[:0]
		for _, it := range batch {
			buf = s.encode(buf, it)
		}
		if dropped > 0 {
			buf = s.encode(buf, item{status: &Status{Time: time.Now(), Status: "lost", Fields: map[string]any{
				"lost": dropped, "receiver": s.name, "reason": "the reader of the output is too slow",
			}}})
		}
		_, err := s.out.Write(buf)
		s.mu.Lock()
		if err != nil {
			s.failed += uint64(len(batch))
		} else {
			s.delivered += uint64(len(batch))
		}
		s.mu.Unlock()
		clear(batch) // events are not to be kept alive
		spare = batch
		if cap(buf) > 1<<20 {
			buf = nil
		}
	}
}

func (s *stream) stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Name: s.name, Delivered: s.delivered, Failed: s.failed, Dropped: s.dropped, Queued: len(s.queue)}
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
		return fmt.Errorf("write the last lines of %s: %w", s.name, ctx.Err())
	}
}
