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

// showPrefix returns an address alone if the prefix holds just that one.
func showPrefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
