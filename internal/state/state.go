// Package state owns the file in the state folder: what outlives a restart, a
// kill -9 and a reboot. Nobody waits for the disk: changes are remembered and
// written together a moment later. A file that is damaged is put aside, a
// disk that is full is tried again; neither stops the detection.
package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// gather is how long changes are gathered before they are written:
	// what is delivered meanwhile costs no write at all.
	gather = 10 * time.Millisecond

	firstRetry = time.Second
	lastRetry  = 30 * time.Second

	fileName = "portwatch.db"
)

// A Store is the file. All methods do nothing on a nil Store, which is what
// there is if no state is kept, and are safe for concurrent use.
type Store struct {
	log  *slog.Logger
	path string

	mu      sync.Mutex
	pending map[name]change // not yet taken to be written
	writing map[name]change // taken, and not yet on disk
	asked   uint64          // how many times Sync asked
	synced  uint64          // up to which of them everything is on disk
	err     error           // of the last write
	closed  bool

	wake    chan struct{}
	stop    chan struct{}
	written chan struct{} // closed and replaced after each try to write
	done    chan struct{}
	db      *bbolt.DB // of run, once that is started
}

// name is where a value is kept. Without a key it means the whole bucket.
type name struct{ bucket, key string }

// change is what becomes of a name.
type change struct {
	encode func() ([]byte, error) // nil if it is deleted
	fresh  bool                   // the name was never used before
}

// ErrBusy says that another portwatch uses the folder.
var ErrBusy = errors.New("it is in use by another portwatch")

// Open opens the file in dir, which is made if need be. What it finds damaged
// is put aside and a new file begun.
func Open(dir string, log *slog.Logger) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	path := filepath.Join(dir, fileName)
	db, err := open(path, log)
	if err != nil {
		return nil, fmt.Errorf("state folder %s: %w", dir, err)
	}
	s := &Store{
		log: log, path: path, db: db,
		pending: make(map[name]change),
		wake:    make(chan struct{}, 1), stop: make(chan struct{}),
		written: make(chan struct{}), done: make(chan struct{}),
	}
	go s.run()
	return s, nil
}

// Put keeps under key in bucket what encode returns when it is written. What
// encode uses must not change.
func (s *Store) Put(bucket, key string, encode func() ([]byte, error)) {
	s.change(name{bucket, key}, change{encode: encode})
}

// Add is Put for a key that was never used before: if it is deleted soon, the
// disk never hears of it.
func (s *Store) Add(bucket, key string, encode func() ([]byte, error)) {
	s.change(name{bucket, key}, change{encode: encode, fresh: true})
}

// Delete forgets what is kept under key in bucket.
func (s *Store) Delete(bucket, key string) { s.change(name{bucket, key}, change{}) }

// DeleteBucket forgets all of a bucket.
func (s *Store) DeleteBucket(bucket string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	for n := range s.pending {
		if n.bucket == bucket {
			delete(s.pending, n)
		}
	}
	s.mu.Unlock()
	s.change(name{bucket: bucket}, change{})
}

func (s *Store) change(n name, c change) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, waits := s.pending[n]; waits && old.fresh && c.encode == nil {
		delete(s.pending, n)
		return
	}
	s.pending[n] = c
	signal(s.wake)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Err returns why the last write failed; nil if it did not.
func (s *Store) Err() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Sync returns when everything that was changed before is on disk, or when
// ctx ends.
func (s *Store) Sync(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	s.asked++
	mine := s.asked
	s.mu.Unlock()
	for {
		s.mu.Lock()
		reached, written, err := s.synced >= mine, s.written, s.err
		s.mu.Unlock()
		if reached {
			return nil
		}
		signal(s.wake)
		select {
		case <-written:
		case <-s.done:
			return cmp.Or(err, errors.New("the state is closed"))
		case <-ctx.Done():
			return cmp.Or(err, ctx.Err())
		}
	}
}

// Close writes what is not yet written and closes the file. A disk that hangs
// is left to itself when ctx ends.
func (s *Store) Close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.stop)
	}
	s.mu.Unlock()
	select {
	case <-s.done:
		return s.Err()
	case <-ctx.Done():
		return fmt.Errorf("write the state: %w", ctx.Err())
	}
}
