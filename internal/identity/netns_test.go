package identity

import (
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"portwatch/internal/event"
)

// inNetns starts a process in a network namespace of its own, after the
// commands of setup ran there.
func inNetns(t *testing.T, setup string) (p *event.Process, netns uint32) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root makes network namespaces")
	}
	p = running(t, exec.Command("unshare", "-n", "sh", "-c", "set -e; "+setup+"; exec cat"))
	return p, nsInum(readlink("/proc/" + strconv.Itoa(int(p.PID)) + "/ns/net"))
}

func wildcard(p *event.Process, netns uint32) *event.Event {
	return &event.Event{Type: event.Open, Owner: event.OwnerKnown, Process: p, Socket: event.Socket{
		Protocol: event.TCP, Family: event.IPv6, Address: netip.IPv6Unspecified(), Port: 80,
		Scope: event.Wildcard, Netns: netns, DualStack: true,
	}}
}

func TestAWildcardWithOnlyLoopbackIsLoopback(t *testing.T) {
	r := New(Options{})
	alone, netns := inNetns(t, "ip link set lo up")
	ev := wildcard(alone, netns)
	r.Enrich(ev)
	if ev.Socket.Scope != event.Loopback {
		t.Errorf("scope %v in a namespace with only loopback, want loopback", ev.Socket.Scope)
	}

	// The device called lo is not always the loopback device.
	other, netns := inNetns(t, "ip link set lo name x && ip link add lo type bridge")
	ev = wildcard(other, netns)
	r.Enrich(ev)
	if ev.Socket.Scope != event.Wildcard {
		t.Errorf("scope %v with another device, want wildcard", ev.Socket.Scope)
	}
}

func TestAWildcardIsAWildcardIfNothingElseIsKnown(t *testing.T) {
	alone, netns := inNetns(t, "true")
	host := wildcard(alone, netns)
	host.Socket.HostNetns = true // its devices may just not be there yet
	elsewhere := wildcard(alone, netns+1<<20)
	gone := *alone
	gone.PID = 1 << 31
	for what, ev := range map[string]*event.Event{
		"the host's": host, "a process that went elsewhere": elsewhere, "a process that is gone": wildcard(&gone, netns),
	} {
		New(Options{}).Enrich(ev)
		if ev.Socket.Scope != event.Wildcard {
			t.Errorf("%s: scope %v, want wildcard", what, ev.Socket.Scope)
		}
	}
}

func TestTheDeviceIsNamed(t *testing.T) {
	r := New(Options{})
	own := &event.Event{Socket: event.Socket{Ifindex: 1, Netns: r.proc.netns, HostNetns: true}}
	r.Enrich(own)
	if own.Socket.Device != "lo" {
		t.Errorf("device 1 is %q here, want lo", own.Socket.Device)
	}
	p, netns := inNetns(t, "ip link add up0 type bridge && ip link set up0 up && ip addr add 10.9.8.7/24 dev up0")
	for ifindex, want := range map[uint32]string{2: "up0", 9: ""} {
		ev := wildcard(p, netns)
		ev.Socket.Ifindex = ifindex
		r.Enrich(ev)
		if ev.Socket.Device != want {
			t.Errorf("device %d is %q there, want %q", ifindex, ev.Socket.Device, want)
		}
	}
}

func TestCovers(t *testing.T) {
	r := New(Options{})
	p, netns := inNetns(t, "ip link set lo up && ip link add d0 type bridge && ip link set d0 up && ip addr add 10.9.8.7/24 dev d0 && ip addr add 2001:db8::7/64 dev d0 nodad")
	at := func(change func(*event.Socket)) *event.Event {
		ev := wildcard(p, netns)
		change(&ev.Socket)
		return ev
	}
	for _, c := range []struct {
		what string
		ev   *event.Event
		want []string // link-local ones left out: they are random
	}{
		{"dual stack", wildcard(p, netns), []string{"10.9.8.7", "127.0.0.1", "2001:db8::7", "::1"}},
		{"IPv6 only", at(func(s *event.Socket) { s.DualStack = false }), []string{"2001:db8::7", "::1"}},
		{"IPv4", at(func(s *event.Socket) { s.Address, s.DualStack = netip.IPv4Unspecified(), false }), []string{"10.9.8.7", "127.0.0.1"}},
		{"one address", at(func(s *event.Socket) { s.Address = netip.MustParseAddr("10.0.0.1") }), []string{"10.0.0.1"}},
		{"IPv6 by device", at(func(s *event.Socket) { s.Ifindex, s.DualStack = 2, false }), []string{"2001:db8::7"}},
		{"ours by device", at(func(s *event.Socket) { s.Ifindex, s.Netns = 1, r.proc.netns; s.Address = netip.IPv4Unspecified() }), []string{"127.0.0.1"}},
	} {
		all, err := r.Covers(c.ev)
		var got []string
		for _, a := range all {
			if !a.IsLinkLocalUnicast() {
				got = append(got, a.String())
			}
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s covers %v, %v, want %v", c.what, got, err, c.want)
		}
	}
	if _, err := r.Covers(at(func(s *event.Socket) { s.Ifindex = 2 })); err == nil {
		t.Error("addresses by device of another namespace were found")
	}
	gone := wildcard(nil, netns)
	if _, err := r.Covers(gone); err == nil || !strings.Contains(err.Error(), strconv.Itoa(int(netns))) {
		t.Errorf("error %v for a namespace that nobody is in", err)
	}
}

func FuzzAddresses(f *testing.F) {
	f.Add([]byte("00000000000000000000000000000001 01 80 10 80       lo\n"))
	f.Add([]byte("  |-- 127.0.0.1\n   /32 host LOCAL\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, ok := parseIfInet6(b); ok && !a.addr.Is6() {
			t.Fatalf("%v", a)
		}
		for _, a := range parseFibTrie(b) {
			if !a.IsValid() {
				t.Fatal("not an address")
			}
		}
		parseStat(b)
		parseMountinfo(b)
	})
}

func FuzzPasswd(f *testing.F) {
	f.Add([]byte("root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/:\n+::::::\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for uid, name := range parsePasswd(b) {
			if name == "" || len(name) > nameBytes || strings.ContainsAny(name, ":\n") {
				t.Fatalf("uid %d is %q", uid, name)
			}
		}
	})
}
