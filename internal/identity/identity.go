// Package identity adds to the kernel's capture what only user space knows of
// the opener of a socket.
package identity

import (
	"bytes"
	"os"
	"os/user"
	"strconv"
	"strings"

	"portwatch/internal/event"
)

// Options choose where a Resolver looks; the zero value is this machine.
type Options struct{ Proc string }

// A Resolver completes events. It is not safe for concurrent use.
type Resolver struct {
	proc  string
	users map[uint32]string
}

// New returns a resolver.
func New(opts Options) *Resolver {
	if opts.Proc == "" {
		opts.Proc = "/proc"
	}
	return &Resolver{proc: opts.Proc, users: make(map[uint32]string)}
}

// Enrich completes the opener of ev.
func (r *Resolver) Enrich(ev *event.Event) {
	p := ev.Process
	if p == nil || p.User != "" {
		return
	}
	q := *p
	q.User = r.user(p.UID)
	if q.Cmdline == "" && q.PID != 0 {
		if b, err := os.ReadFile(r.proc + "/" + strconv.Itoa(int(q.PID)) + "/cmdline"); err == nil {
			q.Cmdline = strings.TrimRight(string(bytes.ReplaceAll(b, []byte{0}, []byte{' '})), " ")
		}
	}
	ev.Process = &q
}

func (r *Resolver) user(uid uint32) string {
	name, ok := r.users[uid]
	if !ok {
		if u, err := user.LookupId(strconv.Itoa(int(uid))); err == nil {
			name = u.Username
		}
		if len(r.users) < 4096 {
			r.users[uid] = name
		}
	}
	return name
}
