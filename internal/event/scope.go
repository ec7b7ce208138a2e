package event

import "net/netip"

// carrierNAT is RFC 6598's shared address space: not reachable from the
// internet, so private to us though netip does not count it as such.
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

// ScopeOf returns how far away the peers may be that can reach addr. An
// IPv4 address in IPv6 form counts as the IPv4 address.
func ScopeOf(addr netip.Addr) Scope {
	addr = addr.Unmap()
	switch {
	case addr.IsUnspecified():
		return Wildcard
	case addr.IsLoopback():
		return Loopback
	case addr.IsLinkLocalUnicast(), addr.IsLinkLocalMulticast(), addr.IsInterfaceLocalMulticast():
		return LinkLocal
	case addr.IsPrivate(), carrierNAT.Contains(addr):
		return Private
	}
	return Public
}
