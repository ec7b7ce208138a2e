package detect

import (
	"slices"
	"strconv"
	"strings"

	"portwatch/internal/event"
)

// bind returns the clause that allows a socket and as little else as can be
// said of it.
func bind(e *event.Event) *Clause {
	c := bindWho(e)
	s := &e.Socket
	c.Ports = []PortRange{portsOf(s, e.Origin)}
	if s.Protocol != 0 {
		c.Protocols = []event.Protocol{s.Protocol}
	}
	if scope := scopeOf(e); scope != 0 && !anywhere(scope) {
		c.Scopes = []event.Scope{scope}
	}
	return &c
}

// bindWho returns the fields about who opened a socket.
func bindWho(e *event.Event) Clause {
	var v view
	v.look(e)
	var c Clause
	p := v.proc
	if v.exe == isKnown && !memfd(p) && strings.HasPrefix(p.Exe, "/") {
		c.Exes = []string{escapeGlob(p.Exe)}
	}
	named := false
	switch {
	case v.inCont == isKnown:
		c.Containers, named = []string{escapeGlob(containerOf(p))}, true
	case v.unit == isKnown && lasting(p.Unit) && (!v.userMgr || v.uid == isKnown):
		c.Units, named = []string{escapeGlob(p.Unit)}, !v.userMgr
	}
	// A path proves little by itself: inside a user namespace anybody can
	// put a file there. The unit or the container proves who; else the user.
	if !named && v.uid == isKnown {
		c.Users = []User{userOf(p)}
	}
	return c
}

// containerOf returns the name that a container keeps when it is made anew:
// of a pod that is the image, else its name.
func containerOf(p *event.Process) string {
	if p.PodUID != "" && p.ContainerImage != "" {
		return p.ContainerImage
	}
	for _, s := range []string{p.ContainerName, p.ContainerImage, p.ContainerID} {
		if s != "" {
			return s
		}
	}
	return ""
}

// lasting reports whether a unit has the same name after the next start.
// Scopes are made for a session or a run and numbered.
func lasting(unit string) bool {
	return !strings.HasSuffix(unit, ".scope") && !strings.HasPrefix(unit, "run-")
}

// userOf returns the user by name, or by uid if the name would be read as
// one or can't be written.
func userOf(p *event.Process) User {
	_, err := strconv.ParseUint(p.User, 10, 32)
	if p.User == "" || err == nil || p.User != strings.ToValidUTF8(p.User, "") {
		return User{Name: strconv.FormatUint(uint64(p.UID), 10), UID: p.UID, Known: true}
	}
	return User{Name: p.User, UID: p.UID, Known: true}
}

// scopeOf returns the scope of a socket, 0 if it is not known.
func scopeOf(e *event.Event) event.Scope {
	var v view
	v.look(e)
	return v.scope
}

// anywhere reports whether peers may come from anywhere, so that a clause
// has no use for the scope.
func anywhere(s event.Scope) bool { return s == event.Wildcard || s == event.Public }

// ephemeral is the range from which Linux chooses a port when nobody asked
// for one, unless the administrator changed it.
var ephemeral = PortRange{32768, 60999}

// portsOf returns the port of a socket, or the range from which the kernel
// chose it: the next start gets another one. Only a hook saw what was asked
// for.
func portsOf(s *event.Socket, origin event.Origin) PortRange {
	if origin == event.Live && s.RequestedPort == 0 && ephemeral.First <= s.Port && s.Port <= ephemeral.Last {
		return ephemeral
	}
	return PortRange{s.Port, s.Port}
}

// joinPorts sorts ranges and joins those that touch.
func joinPorts(ports []PortRange) []PortRange {
	ports = slices.Clone(ports)
	slices.SortFunc(ports, func(a, b PortRange) int { return int(a.First) - int(b.First) })
	var all []PortRange
	for _, r := range ports {
		if n := len(all); n > 0 && int(r.First) <= int(all[n-1].Last)+1 {
			all[n-1].Last = max(all[n-1].Last, r.Last)
			continue
		}
		all = append(all, r)
	}
	return all
}
