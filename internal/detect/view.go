package detect

import (
	"net/netip"
	"strings"

	"portwatch/internal/event"
)

// truncated is how a path begins that was too long for the kernel side to
// report whole.
const truncated = "…/"

// known says what is known of one property of the opener.
type known uint8

const (
	notKnown known = iota
	isNone         // it is known that there is none
	isKnown
)

// A view is an event with what clauses ask for made ready once.
type view struct {
	e       *event.Event
	proc    *event.Process // empty if nothing is known of the opener
	addr    netip.Addr
	scope   event.Scope
	exe     known
	uid     known
	unit    known
	inCont  known  // isKnown in a container, isNone outside
	tail    string // of a truncated path
	userMgr bool   // the unit belongs to a user's own service manager
}

// look makes the view of an event.
func (v *view) look(e *event.Event) {
	v.e, v.proc = e, e.Process
	if v.proc == nil {
		v.proc = new(event.Process)
	}
	v.addr = e.Socket.Address.Unmap().WithZone("")
	v.scope = e.Socket.Scope
	if v.scope == 0 && v.addr.IsValid() {
		v.scope = event.ScopeOf(v.addr)
	}
	if e.Owner == event.OwnerKernel {
		v.exe, v.uid, v.unit, v.inCont = isNone, isNone, isNone, isNone
		return
	}
	p := e.Process
	if p == nil {
		return
	}

	switch {
	case p.Exe == "":
	case strings.HasPrefix(p.Exe, truncated):
		v.tail = p.Exe[len(truncated)-1:]
	default:
		v.exe = isKnown
	}
	// Without a known owner a uid of 0 may as well be one that nobody read.
	if p.User != "" || p.UID != NoUID && (e.Owner == event.OwnerKnown || p.UID != 0) {
		v.uid = isKnown
	}
	switch {
	case p.Unit != "":
		v.unit, v.userMgr = isKnown, inUserManager(p)
	case p.Cgroup != "":
		v.unit = isNone
	}
	switch {
	case p.ContainerID != "" || p.ContainerName != "":
		v.inCont = isKnown
	case p.Cgroup != "":
		v.inCont = isNone
	}
}

// inUserManager reports whether a user's own service manager gave the unit
// its name. The unit of that manager itself is the system's word.
func inUserManager(p *event.Process) bool {
	_, below, found := strings.Cut(p.Cgroup, "/user@")
	if !found {
		return false
	}
	manager, _, _ := strings.Cut(below, "/")
	instance, ok := strings.CutPrefix(p.Unit, "user@")
	return !ok || instance != manager
}

// memfd reports whether the executable never was in a folder. The name of a
// memfd is free to choose, so it must not pass for a path.
func memfd(p *event.Process) bool {
	return strings.HasPrefix(p.Exe, "memfd:") || p.ExeDeleted && strings.HasPrefix(p.Exe, "/memfd:")
}
