package state

import (
	"cmp"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// run writes until the store is closed.
func (s *Store) run() {
	defer close(s.done)
	defer s.db.Close()
	retry := time.Duration(0)
	for {
		stopping := false
		select {
		case <-s.wake:
			stopping = s.wait(max(gather, retry))
		case <-s.stop:
			stopping = true
		}
		switch err := s.write(); {
		case err == nil:
			retry = 0
		case retry == 0:
			retry = firstRetry
			signal(s.wake)
		default:
			retry = min(2*retry, lastRetry)
			signal(s.wake)
		}
		if stopping {
			return
		}
	}
}

// wait returns after d, or earlier if the store is closed.
func (s *Store) wait(d time.Duration) (closed bool) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return false
	case <-s.stop:
		return true
	}
}

// write writes what is pending in one transaction.
func (s *Store) write() error {
	s.mu.Lock()
	s.writing, s.pending = s.pending, make(map[name]change)
	asked := s.asked
	s.mu.Unlock()

	var err error
	if len(s.writing) > 0 {
		err = guard(func() error { return s.db.Update(s.apply) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.synced = asked
		if s.err != nil {
			s.log.Info("the state is written again", "file", s.path)
		}
	} else {
		for n, c := range s.writing { // what changed since is newer
			_, newer := s.pending[n]
			_, gone := s.pending[name{bucket: n.bucket}]
			if !newer && !gone {
				s.pending[n] = c
			}
		}
		if s.err == nil {
			s.log.Error("write state: kept in memory and tried again; a restart now would forget it", "file", s.path, "err", err)
		}
	}
	s.err, s.writing = err, nil
	close(s.written)
	s.written = make(chan struct{})
	return err
}

// apply makes the changes; a bucket is deleted before anything is put into
// it. A value that cannot be encoded is left out: trying again would not help.
func (s *Store) apply(tx *bbolt.Tx) error {
	names := make([]name, 0, len(s.writing))
	for n := range s.writing {
		names = append(names, n)
	}
	slices.SortFunc(names, func(x, y name) int {
		return cmp.Or(cmp.Compare(x.bucket, y.bucket), cmp.Compare(x.key, y.key))
	})
	for _, n := range names {
		if err := s.applyOne(tx, n, s.writing[n]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) applyOne(tx *bbolt.Tx, n name, c change) error {
	bucket := []byte(n.bucket)
	if n.key == "" {
		if tx.Bucket(bucket) == nil {
			return nil
		}
		return tx.DeleteBucket(bucket)
	}
	if c.encode == nil {
		if b := tx.Bucket(bucket); b != nil {
			return b.Delete([]byte(n.key))
		}
		return nil
	}
	value, err := c.encode()
	if err != nil {
		s.log.Error("encode state", "bucket", n.bucket, "err", err)
		return nil
	}
	b, err := tx.CreateBucketIfNotExists(bucket)
	if err != nil {
		return err
	}
	return b.Put([]byte(n.key), value)
}
