package identity

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"portwatch/internal/event"
)

// Covers returns the addresses at which the socket of ev takes packets: its
// own, or if that is a wildcard all that its network namespace has now, of
// the device that it is bound to. It may be called at any time.
func (r *Resolver) Covers(ev *event.Event) ([]netip.Addr, error) {
	s := &ev.Socket
	if !s.Address.Unmap().IsUnspecified() {
		return []netip.Addr{s.Address.Unmap()}, nil
	}
	v4 := s.DualStack || s.Address.Unmap().Is4()
	v6 := s.Address.Is6() && !s.Address.Is4In6()
	var all []netip.Addr
	var err error
	if s.Netns == 0 || s.Netns == r.proc.netns {
		all, err = addresses(s.Ifindex)
	} else {
		all, err = r.addressesElsewhere(s, ev.Process, v4)
	}
	if err != nil {
		return nil, fmt.Errorf("list the addresses of network namespace %d: %w", s.Netns, err)
	}
	all = slices.DeleteFunc(all, func(a netip.Addr) bool { return a.Is4() && !v4 || a.Is6() && !v6 })
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all), nil
}

// addresses lists those of our own network namespace.
func addresses(ifindex uint32) (all []netip.Addr, err error) {
	var found []net.Addr
	if ifindex == 0 {
		found, err = net.InterfaceAddrs()
	} else {
		var device *net.Interface
		if device, err = net.InterfaceByIndex(int(ifindex)); err == nil {
			found, err = device.Addrs()
		}
	}
	for _, a := range found {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, prefix.Addr().Unmap())
		}
	}
	return all, err
}

var (
	errNamespaceGone = errors.New("no process that can be asked is in it")
	errByDevice      = errors.New("which device has which IPv4 address is not shown there")
	errTooLong       = errors.New("too many routes")
)

func (r *Resolver) addressesElsewhere(s *event.Socket, p *event.Process, v4 bool) (all []netip.Addr, err error) {
	b := r.net(s.Netns, p, "if_inet6", netFileBytes)
	for line := range bytes.Lines(b) {
		if a, ok := parseIfInet6(line); ok && (s.Ifindex == 0 || s.Ifindex == a.ifindex) {
			all = append(all, a.addr)
		}
	}
	if !v4 {
		if b == nil {
			err = errNamespaceGone
		}
		return all, err
	}
	if s.Ifindex != 0 {
		return nil, errByDevice
	}
	b = r.net(s.Netns, p, "fib_trie", netFileBytes)
	switch len(b) {
	case 0:
		// Empty before the namespace has an address; else it is gone.
		if r.net(s.Netns, p, "dev", netFileBytes) == nil {
			return nil, errNamespaceGone
		}
	case netFileBytes:
		return nil, errTooLong
	}
	return append(all, parseFibTrie(b)...), nil
}

// An ifInet6 is a line of /proc/net/if_inet6.
type ifInet6 struct {
	addr    netip.Addr
	ifindex uint32
	device  string
}

func parseIfInet6(line []byte) (a ifInet6, ok bool) {
	f := bytes.Fields(line)
	var addr [16]byte
	if len(f) != 6 || len(f[0]) != 2*len(addr) {
		return a, false
	}
	if _, err := hex.Decode(addr[:], f[0]); err != nil {
		return a, false
	}
	ifindex, err := strconv.ParseUint(string(f[1]), 16, 32)
	if err != nil {
		return a, false
	}
	return ifInet6{netip.AddrFrom16(addr), uint32(ifindex), string(f[5])}, true
}

// parseFibTrie returns the local addresses of /proc/net/fib_trie: a leaf is
// followed by what leads there, "/32 host LOCAL" for an address of the host.
func parseFibTrie(b []byte) (all []netip.Addr) {
	var leaf netip.Addr
	for line := range bytes.Lines(b) {
		text := bytes.TrimSpace(line)
		if a, ok := bytes.CutPrefix(text, []byte("|-- ")); ok {
			leaf, _ = netip.ParseAddr(string(a))
			continue
		}
		if leaf.IsValid() && bytes.Equal(text, []byte("/32 host LOCAL")) {
			all = append(all, leaf)
		}
	}
	return all
}
