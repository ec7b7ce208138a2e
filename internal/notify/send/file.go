package send

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"portwatch/internal/notify/format"
)

// File appends a line for each message. Whoever rotates the file may rename,
// remove or empty it: what comes next goes to the file that has the name.
type File struct {
	path   string
	encode format.Format
	f      *os.File
}

// NewFile returns a way to the file at path, which is made if need be.
func NewFile(path string, encode format.Format) *File { return &File{path: path, encode: encode} }

// fileMode lets the group read: alerts name command lines.
const fileMode = 0o640

// Send delivers; see Sender. When it returns, the lines are on the disk.
func (f *File) Send(_ context.Context, messages []*format.Message) (int, error) {
	if err := f.open(); err != nil {
		return 0, err
	}
	var lines []byte
	for i, m := range messages {
		line, err := f.encode(m)
		if err != nil && i == 0 {
			return 0, permanent(err)
		}
		if err != nil {
			messages = messages[:i] // the next call is about it
			break
		}
		lines = append(append(lines, line...), '\n')
	}
	if err := f.write(lines); err != nil {
		f.Close()
		return 0, err
	}
	if err := f.f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // a pipe has nothing to sync
		f.Close()
		return 0, fmt.Errorf("sync: %w", err)
	}
	return len(messages), nil
}

// Batch returns how many lines share one write and one sync.
func (f *File) Batch() int { return 1024 }

// Close closes the file.
func (f *File) Close() error {
	if f.f == nil {
		return nil
	}
	err := f.f.Close()
	f.f = nil
	return err
}

// open has f.f be the file that has the name now.
func (f *File) open() error {
	if f.f != nil {
		have, err1 := f.f.Stat()
		want, err2 := os.Stat(f.path)
		if err1 == nil && err2 == nil && os.SameFile(have, want) {
			return nil
		}
		f.Close()
	}
	// O_NONBLOCK: a pipe that nobody reads is an error and no wait.
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NONBLOCK, fileMode)
	if err != nil {
		return err
	}
	f.f = file
	return nil
}

// write appends lines, all of them or none: half a line would spoil the next.
func (f *File) write(lines []byte) error {
	st, err := f.f.Stat()
	if err != nil {
		return err
	}
	n, err := f.f.Write(lines)
	if err == nil || n == 0 || !st.Mode().IsRegular() {
		return err
	}
	return errors.Join(err, f.f.Truncate(st.Size()))
}
