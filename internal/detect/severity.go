package detect

import (
	"strings"
	"time"

	"portwatch/internal/event"
)

type severityRule struct {
	*clause
	severity event.Severity
}

// severity ranks a socket that is not allowed, and returns what moved the
// rank away from that of its scope.
func (p *Policy) severity(v *view, now time.Time) (_ event.Severity, why string) {
	for i := range p.ranked {
		if r := &p.ranked[i]; r.answer(v, now) == Yes {
			return r.severity, "severity by " + r.where
		}
	}
	if why := v.trust(); why != "" {
		return event.Critical, why
	}
	return p.severities[v.scope], ""
}

// trust returns why the executable of an event must not be trusted, or "".
func (v *view) trust() string {
	p := v.proc
	switch {
	case memfd(p):
		return "the executable was never in a folder (memfd)"
	case p.ExeDeleted:
		return "the executable is deleted"
	}
	for _, dir := range worldWritable {
		if strings.HasPrefix(p.Exe, dir) {
			return "the executable is in " + dir[:len(dir)-1] + ", where anybody may write"
		}
	}
	return ""
}

// worldWritable are the folders in which anybody may write on every Linux.
var worldWritable = [...]string{"/tmp/", "/var/tmp/", "/dev/shm/", "/dev/mqueue/", "/run/lock/", "/var/lock/"}
