package notify

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// readiness returns a function that tells whether a line can be written to
// out without waiting, nil if that cannot be known. Of a pipe, a socket or a
// terminal poll(2) knows: it says yes if there is room for PIPE_BUF bytes,
// which is more than a line has. A file is always ready, and may wait for its
// disk all the same.
func readiness(out io.Writer) func() bool {
	f, ok := out.(*os.File)
	if !ok {
		return nil
	}
	st, err := f.Stat()
	if err != nil || st.Mode()&(os.ModeNamedPipe|os.ModeSocket|os.ModeCharDevice) == 0 {
		return nil
	}
	fds := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLOUT}}
	return func() bool {
		n, err := unix.Poll(fds, 0)
		return err == nil && n == 1 && fds[0].Revents == unix.POLLOUT
	}
}
