package detect

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"portwatch/internal/event"
)

// shownBytes bounds a text that somebody else chose.
const shownBytes = 200

// show returns s fit to stand in a sentence: bounded, and quoted if it holds
// anything but plain characters. A blank is none: a path may read like the
// end of our sentence.
func show(s string) string {
	cut := ""
	if len(s) > shownBytes {
		s, cut = strings.ToValidUTF8(s[:shownBytes], ""), "…"
	}
	if s == "" {
		return `""`
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return strconv.Quote(s) + cut
		}
	}
	return s + cut
}

// port returns tcp/22.
func portOf(s *event.Socket) string {
	return s.Protocol.String() + "/" + strconv.Itoa(int(s.Port))
}

// wants returns what the clause asks of a field: "/usr/sbin/sshd or
// /usr/sbin/nginx".
func (c *clause) wants(f field) string {
	switch f {
	case portField:
		return anyOf(c.Ports, PortRange.String)
	case protocolField:
		return anyOf(c.Protocols, event.Protocol.String)
	case scopeField:
		return anyOf(c.Scopes, event.Scope.String)
	case addressField:
		return anyOf(c.Addresses, showPrefix)
	case netnsField:
		return "host"
	case untilField:
		return showUntil(c.Until)
	case exeField:
		return anyOf(c.Exes, show)
	case userField:
		return anyOf(c.Users, func(u User) string { return show(u.Name) })
	case unitField:
		return anyOf(c.Units, show)
	case containerField:
		switch {
		case c.InContainer == nil:
			return anyOf(c.Containers, show)
		case *c.InContainer:
			return "any"
		}
		return "none"
	}
	return ""
}

// shownValues bounds a list of values.
const shownValues = 4

func anyOf[T any](values []T, show func(T) string) string {
	var b strings.Builder
	for i, v := range values {
		if i == shownValues {
			b.WriteString(" or " + strconv.Itoa(len(values)-i) + " more")
			break
		}
		if i > 0 {
			b.WriteString(" or ")
		}
		b.WriteString(show(v))
	}
	return b.String()
}

// has returns what the socket has for a field: "/usr/bin/nc", "none",
// "not known".
func (v *view) has(f field, now time.Time) string {
	p := v.proc
	switch f {
	case portField:
		return strconv.Itoa(int(v.e.Socket.Port))
	case protocolField:
		return v.e.Socket.Protocol.String()
	case scopeField:
		return orNotKnown(v.scope.String())
	case addressField:
		if !v.addr.IsValid() {
			return notKnownText
		}
		return v.addr.String()
	case netnsField:
		switch s := &v.e.Socket; {
		case s.HostNetns:
			return "host"
		case s.Netns != 0:
			return strconv.FormatUint(uint64(s.Netns), 10)
		}
		return notKnownText
	case untilField:
		return now.Format(time.DateOnly)
	case exeField:
		if v.exe == isNone {
			return kernelText
		}
		return shownOrNotKnown(p.Exe)
	case userField:
		switch {
		case v.uid == isNone:
			return kernelText
		case v.uid == notKnown:
			return notKnownText
		case p.User != "":
			return show(p.User)
		}
		return "uid " + strconv.FormatUint(uint64(p.UID), 10)
	case unitField:
		switch {
		case v.e.Owner == event.OwnerKernel:
			return kernelText
		case v.unit == isNone:
			return "none"
		case v.userMgr:
			return show(p.Unit) + " of a user"
		}
		return shownOrNotKnown(p.Unit)
	case containerField:
		switch {
		case v.inCont == isNone:
			return "none"
		case v.inCont == notKnown:
			return notKnownText
		case p.ContainerName != "":
			return show(p.ContainerName)
		case p.ContainerImage != "":
			return show(p.ContainerImage)
		}
		return show(p.ContainerID)
	}
	return ""
}

const (
	notKnownText = "not known"
	kernelText   = "the kernel itself"
)

func orNotKnown(s string) string {
	if s == "" {
		return notKnownText
	}
	return s
}

func shownOrNotKnown(s string) string {
	if s == "" {
		return notKnownText
	}
	return show(s)
}

// leavesOpen explains a verdict of unknown.
func (c *clause) leavesOpen(v *view, now time.Time, why string) string {
	var b strings.Builder
	b.WriteString(c.where + " would allow " + portOf(&v.e.Socket) + " for")
	sep := " "
	for _, f := range c.asked {
		if c.ask(f, v, now) == NotKnown {
			b.WriteString(sep + f.String() + " " + c.wants(f))
			sep = " and "
		}
	}
	b.WriteString(", but")
	sep = " "
	for _, f := range c.asked {
		if c.ask(f, v, now) == NotKnown {
			b.WriteString(sep + "its " + f.String() + " is not known")
			sep = " and "
		}
	}
	return withWhy(b.String(), why)
}

// askedForText bounds how many clauses of one port are compared to find the
// nearest: a verdict must stay cheap however many there are.
const askedForText = 16

// refuses explains a verdict of unexpected: by the nearest clause of the
// port, if there is one.
func (p *Policy) refuses(g *group, v *view, now time.Time, why string) string {
	var nearest *clause
	var best nearness
	for _, c := range g.all[:min(len(g.all), askedForText)] {
		if n := c.nearness(v, now); nearest == nil || best.less(n) {
			nearest, best = c, n
		}
	}
	if nearest == nil {
		return withWhy("no clause allows "+portOf(&v.e.Socket), why)
	}
	return withWhy(nearest.differs(v, now), why)
}

// differs explains why the clause does not allow a socket on its port. It
// names what was allowed and what came instead.
func (c *clause) differs(v *view, now time.Time) string {
	var want, got strings.Builder
	expired, exeNamed := false, false
	sep := " "
	for _, f := range c.asked {
		if c.ask(f, v, now) != No {
			continue
		}
		if f == untilField {
			expired = true
			continue
		}
		want.WriteString(sep + f.String() + " " + c.wants(f))
		got.WriteString(sep + f.String() + " is " + v.has(f, now))
		exeNamed = exeNamed || f == exeField
		sep = " and "
	}
	s := c.where + " allows " + portOf(&v.e.Socket)
	if want.Len() > 0 {
		s += " for" + want.String()
	}
	if expired {
		s = c.where + " allowed " + portOf(&v.e.Socket) + " until " + showUntil(c.Until)
		if want.Len() > 0 {
			s += " and for" + want.String()
		}
	}
	if got.Len() > 0 {
		s += ", but" + got.String()
		if !exeNamed && v.proc.Exe != "" {
			s += " (exe " + show(v.proc.Exe) + ")"
		}
	}
	return s
}

func withWhy(s, why string) string {
	if why == "" {
		return s
	}
	return s + "; " + why
}

// showPrefix returns an address alone if the prefix holds just that one.
func showPrefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
