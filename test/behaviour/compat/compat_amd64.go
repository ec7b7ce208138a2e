// Package compat makes system calls as a 32-bit program on a 64-bit kernel
// makes them.
package compat

import "golang.org/x/sys/unix"

func listen(fd, backlog uint32) int32

// Listen is listen(2) through the 32-bit entry. A kernel without one answers
// with SIGSEGV.
func Listen(fd, backlog int) error {
	if n := listen(uint32(fd), uint32(backlog)); n < 0 {
		return unix.Errno(-n)
	}
	return nil
}
