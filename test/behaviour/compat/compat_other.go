//go:build !amd64

package compat

import "golang.org/x/sys/unix"

// Listen is listen(2): there is no second entry on this architecture.
func Listen(fd, backlog int) error { return unix.Listen(fd, backlog) }
