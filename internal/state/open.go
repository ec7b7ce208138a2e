package state

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"
)

// lockWait is how long a portwatch that is about to end has to let go of the
// file.
const lockWait = 5 * time.Second

// open opens the file at path. One that cannot be read to its end is put
// aside. A mark lies beside the file while it is looked at: where that ended
// the process, as a page that is not what it should be can, the next start
// finds the mark and does not look again.
func open(path string, log *slog.Logger) (*bbolt.DB, error) {
	mark := path + ".opening"
	if _, err := os.Stat(mark); err == nil && free(path) {
		putAside(path, errors.New("reading it ended portwatch the last time"), log)
	}
	db, err := lock(path)
	if err != nil && damaged(err) {
		putAside(path, err, log)
		db, err = lock(path)
	}
	if err != nil {
		return nil, err
	}
	if f, err := os.Create(mark); err == nil {
		f.Close()
	}
	defer os.Remove(mark)
	err = guard(func() error { return db.View(readAll) })
	if err == nil {
		return db, nil
	}
	db.Close()
	putAside(path, err, log)
	return lock(path)
}

func lock(path string) (db *bbolt.DB, err error) {
	err = guard(func() error {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistMapType})
		return err
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, ErrBusy
	}
	return db, err
}

// free reports whether no process has the file open: a mark beside it is not
// that of a portwatch that looks at it right now.
func free(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return true
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

// damaged reports whether err is about what the file holds rather than about
// the way to it.
func damaged(err error) bool {
	var path *fs.PathError
	return !errors.Is(err, ErrBusy) && !errors.As(err, &path)
}

// putAside makes room for a new file. Only the last damaged one is kept.
func putAside(path string, why error, log *slog.Logger) {
	aside := path + ".damaged"
	log.Error("the state is damaged: what was queued is lost, a new one is begun", "file", path, "kept_as", aside, "err", why)
	if err := os.Rename(path, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Error("put damaged state aside", "err", err)
	}
	os.Remove(path + ".opening")
}

// readAll reads every byte that is kept.
func readAll(tx *bbolt.Tx) error {
	return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
		var sum byte
		return b.ForEach(func(k, v []byte) error {
			for _, c := range k {
				sum ^= c
			}
			for _, c := range v {
				sum ^= c
			}
			return nil
		})
	})
}

// guard turns into an error what the library makes of a damaged file: a panic
// or a page that is beyond the file's end.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged: %v", p)
		}
	}()
	return f()
}

// Load calls each for every value of a bucket, in the order of the keys. The
// value is each's to keep. What is pending is not in it: load first.
func (s *Store) Load(bucket string, each func(key string, value []byte)) error {
	if s == nil {
		return nil
	}
	return guard(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(bucket))
			if b == nil {
				return nil
			}
			return b.ForEach(func(k, v []byte) error {
				each(string(k), append([]byte(nil), v...))
				return nil
			})
		})
	})
}

// Buckets returns the names of the buckets that have something on disk.
func (s *Store) Buckets() ([]string, error) {
	var names []string
	if s == nil {
		return nil, nil
	}
	err := guard(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(n []byte, _ *bbolt.Bucket) error {
				names = append(names, string(n))
				return nil
			})
		})
	})
	return names, err
}
