package detect

import (
	"net/netip"
	"slices"

	"portwatch/internal/event"
)

// covers reports whether c surely allows everything that d allows.
func (c *clause) covers(d *clause) bool {
	return (len(c.Ports) == 0 || len(d.Ports) > 0 && portsWithin(d.ports, c.ports)) &&
		within(d.Protocols, c.Protocols, allProtocols) &&
		within(d.Scopes, c.Scopes, allScopes) &&
		coverEach(c.Addresses, d.Addresses, prefixCovers) &&
		(!c.HostNetns || d.HostNetns) &&
		(c.Until.IsZero() || !d.Until.IsZero() && !d.Until.After(c.Until)) &&
		coverEach(c.exes, d.exes, globCovers) &&
		coverEach(c.Users, d.Users, sameUser) &&
		coverEach(c.units, d.units, globCovers) &&
		// With a user beside it, a unit may be one of the user's own.
		(len(c.units) == 0 || len(c.Users) > 0 || len(d.Users) == 0) &&
		c.coversContainer(d)
}

func (c *clause) coversContainer(d *clause) bool {
	switch {
	case c.InContainer != nil:
		return d.InContainer != nil && *d.InContainer == *c.InContainer || len(d.conts) > 0 && *c.InContainer
	case len(c.conts) > 0:
		return len(d.conts) > 0 && coverEach(c.conts, d.conts, globCovers)
	}
	return true
}

// overlaps reports whether nothing that both ask for keeps them apart, so
// that both may allow the same socket. A clause without a port meets nearly
// all others; that is not worth a word.
func (c *clause) overlaps(d *clause) bool {
	return (len(c.Ports) == 0) == (len(d.Ports) == 0) &&
		meet(c.ports, d.ports, func(a, b PortRange) bool { return a.First <= b.Last && b.First <= a.Last }) &&
		meet(c.Protocols, d.Protocols, same) &&
		meet(c.Scopes, d.Scopes, same) &&
		meet(c.Addresses, d.Addresses, netip.Prefix.Overlaps) &&
		meet(c.exes, d.exes, globsMeet) &&
		meet(c.Users, d.Users, sameUser) &&
		meet(c.units, d.units, globsMeet) &&
		meet(c.conts, d.conts, globsMeet) &&
		(c.InContainer == nil || d.InContainer == nil || *c.InContainer == *d.InContainer) &&
		(len(d.conts) == 0 || c.InContainer == nil || *c.InContainer) &&
		(len(c.conts) == 0 || d.InContainer == nil || *d.InContainer)
}

// coverEach reports whether each value of d is covered by one of c. No
// values ask for nothing.
func coverEach[T any](c, d []T, covers func(c, d T) bool) bool {
	if len(c) == 0 {
		return true
	}
	if len(d) == 0 {
		return false
	}
	for _, v := range d {
		if !slices.ContainsFunc(c, func(w T) bool { return covers(w, v) }) {
			return false
		}
	}
	return true
}

func meet[T any](c, d []T, both func(c, d T) bool) bool {
	return len(c) == 0 || len(d) == 0 ||
		slices.ContainsFunc(c, func(v T) bool { return slices.ContainsFunc(d, func(w T) bool { return both(v, w) }) })
}

func same[T comparable](a, b T) bool { return a == b }

var (
	allProtocols = []event.Protocol{event.TCP, event.UDP}
	allScopes    = []event.Scope{event.Loopback, event.LinkLocal, event.Private, event.Public, event.Wildcard}
)

// within reports whether every value of some is in others; none at all stand
// for all.
func within[T comparable](some, others, all []T) bool {
	if len(others) == 0 {
		return true
	}
	if len(some) == 0 {
		some = all
	}
	return !slices.ContainsFunc(some, func(v T) bool { return !slices.Contains(others, v) })
}

// portsWithin reports whether some lie in others, which are joined.
func portsWithin(some, others []PortRange) bool {
	return !slices.ContainsFunc(some, func(r PortRange) bool {
		return !slices.ContainsFunc(others, func(o PortRange) bool { return o.First <= r.First && r.Last <= o.Last })
	})
}

func prefixCovers(c, d netip.Prefix) bool { return c.Bits() <= d.Bits() && c.Contains(d.Addr()) }

func sameUser(a, b User) bool {
	return a.Known && b.Known && a.UID == b.UID || a.Name == b.Name
}

// globCovers reports whether c surely matches all that d matches.
func globCovers(c, d glob) bool {
	return c.text == d.text || d.segments == nil && c.match(d.text) || c.text == "/**"
}

// globsMeet reports whether a text surely exists that both match.
func globsMeet(c, d glob) bool { return globCovers(c, d) || globCovers(d, c) }
