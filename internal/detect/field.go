package detect

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// An Answer is what a clause, or one field of it, says to a socket.
type Answer uint8

// The answers.
const (
	No Answer = iota + 1
	NotKnown
	Yes
)

func (a Answer) String() string { return [...]string{"", "differs", "not known", "matches"}[a] }

func yes(ok bool) Answer {
	if ok {
		return Yes
	}
	return No
}

// A field is one thing that a clause can ask for.
type field uint8

// The fields in the order in which a clause tries them: what is cheap and
// known for every socket comes first.
const (
	portField field = iota
	protocolField
	scopeField
	addressField
	netnsField
	untilField
	exeField
	userField
	unitField
	containerField
	numFields
)

func (f field) String() string {
	return [...]string{"port", "protocol", "scope", "address", "netns", "until", "exe", "user", "unit", "container"}[f]
}

// answer asks all fields. Unknown fields never satisfy; they only leave it
// open whether the clause would.
func (c *clause) answer(v *view, now time.Time) Answer {
	a := Yes
	for _, f := range c.asked {
		switch c.ask(f, v, now) {
		case No:
			return No
		case NotKnown:
			a = NotKnown
		}
	}
	return a
}

// ask asks one field.
func (c *clause) ask(f field, v *view, now time.Time) Answer {
	switch f {
	case portField:
		return yes(c.hasPort(v.e.Socket.Port))
	case protocolField:
		return yes(slices.Contains(c.Protocols, v.e.Socket.Protocol))
	case scopeField:
		if v.scope == 0 {
			return NotKnown
		}
		return yes(slices.Contains(c.Scopes, v.scope))
	case addressField:
		if !v.addr.IsValid() {
			return NotKnown
		}
		return yes(slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Contains(v.addr) }))
	case netnsField:
		if s := &v.e.Socket; !s.HostNetns && s.Netns == 0 {
			return NotKnown
		}
		return yes(v.e.Socket.HostNetns)
	case untilField:
		return yes(now.Before(c.Until))
	case exeField:
		return c.askExe(v)
	case userField:
		return c.askUser(v)
	case unitField:
		return c.askUnit(v)
	case containerField:
		return c.askContainer(v)
	}
	return No
}

func (c *clause) hasPort(port uint16) bool {
	for _, r := range c.ports {
		if r.First <= port && port <= r.Last {
			return true
		}
	}
	return false
}

func (c *clause) askExe(v *view) Answer {
	switch {
	case v.exe == isNone, memfd(v.proc):
		return No
	case v.exe == isKnown:
		return yes(matchAny(c.exes, v.proc.Exe))
	case v.tail == "":
		return NotKnown
	}
	// A path that is longer than what the kernel side reports can't be one
	// that ends otherwise, so a long path does not hide behind "not known".
	for i := range c.exes {
		if g := &c.exes[i]; g.segments != nil || strings.HasSuffix(g.text, v.tail) {
			return NotKnown
		}
	}
	return No
}

func (c *clause) askUser(v *view) Answer {
	if v.uid != isKnown {
		return noneOrNotKnown(v.uid)
	}
	a := No
	for i := range c.Users {
		u := &c.Users[i]
		switch {
		case u.Known && v.proc.UID != NoUID:
			if v.proc.UID == u.UID {
				return Yes
			}
		case v.proc.User == "":
			a = NotKnown
		case v.proc.User == u.Name:
			return Yes
		case u.isUID():
			a = NotKnown // against a name that nobody looked up
		}
	}
	return a
}

func (c *clause) askUnit(v *view) Answer {
	if v.unit != isKnown {
		return noneOrNotKnown(v.unit)
	}
	// Whoever runs a user manager names its units as he likes, also
	// ssh.service: such a name counts only together with the user.
	if v.userMgr && len(c.Users) == 0 {
		return No
	}
	return yes(matchAny(c.units, v.proc.Unit))
}

func (c *clause) askContainer(v *view) Answer {
	if v.inCont == notKnown {
		return NotKnown
	}
	if c.InContainer != nil {
		return yes((v.inCont == isKnown) == *c.InContainer)
	}
	if v.inCont == isNone {
		return No
	}
	p := v.proc
	short := familiarImage(p.ContainerImage)
	for i := range c.conts {
		g := &c.conts[i]
		if g.match(p.ContainerID) || g.match(p.ContainerName) || g.match(p.ContainerImage) || g.match(short) ||
			shortID(g.text) && strings.HasPrefix(p.ContainerID, g.text) {
			return Yes
		}
	}
	if p.ContainerID == "" || p.ContainerName == "" || p.ContainerImage == "" {
		return NotKnown
	}
	return No
}

// noneOrNotKnown answers for a property that has no value to compare.
func noneOrNotKnown(k known) Answer {
	if k == isNone {
		return No
	}
	return NotKnown
}

func matchAny(globs []glob, s string) bool {
	for i := range globs {
		if globs[i].match(s) {
			return true
		}
	}
	return false
}

// familiarImage returns the name under which docker(1) and podman(1) show
// an image of Docker Hub: nginx:1.27 for docker.io/library/nginx:1.27.
func familiarImage(image string) string {
	s, ok := strings.CutPrefix(image, "docker.io/")
	if !ok {
		return image
	}
	return strings.TrimPrefix(s, "library/")
}

// shortID reports whether s can be the beginning of a container id that
// docker(1) and podman(1) print.
func shortID(s string) bool {
	if len(s) < 12 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
