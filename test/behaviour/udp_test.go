package behaviour

import (
	"testing"

	"golang.org/x/sys/unix"

	"portwatch/internal/event"
)

func TestUDPBindIsToldOnce(t *testing.T) {
	for _, c := range []struct {
		name, addr string
		port       int
		role       event.Role
		verdict    event.Verdict
	}{
		{"IPv4 server", "0.0.0.0", 3001, event.Server, event.Unexpected},
		{"IPv6 server", "::", 3002, event.Server, event.Unexpected},
		{"allowed server", "127.0.0.1", 53, event.Server, event.Allowed},
		{"client", "127.0.0.1", 0, event.Client, event.Allowed},
		{"IPv6 client", "::1", 0, event.Client, event.Allowed},
	} {
		t.Run(c.name, func(t *testing.T) {
			ns := namespace(t)
			s := udp(t, c.addr).bind(c.addr, c.port)
			cookie, port := s.cookie(), s.port()
			ev := ns.one(t, shared, "open", func(e *event.Event) bool { return e.Socket.Cookie == cookie })
			if int(ev.Socket.Port) != port || int(ev.Socket.RequestedPort) != c.port || ev.Socket.Role != c.role || ev.Verdict != c.verdict {
				t.Errorf("port %d, requested %d, role %v, verdict %v; want %d, %d, %v, %v",
					ev.Socket.Port, ev.Socket.RequestedPort, ev.Socket.Role, ev.Verdict, port, c.port, c.role, c.verdict)
			}
			if ev.Socket.Protocol != event.UDP || ev.Socket.Address.String() != c.addr {
				t.Errorf("told as %v %v", ev.Socket.Protocol, ev.Socket.Address)
			}
			s.close()
			end := ns.one(t, shared, "close", func(e *event.Event) bool { return e.Socket.Cookie == cookie && e.Type == event.Close })
			if int(end.Socket.Port) != port {
				t.Errorf("closed port %d, want %d", end.Socket.Port, port)
			}
		})
	}
}

func TestFailedUDPBindIsNotTold(t *testing.T) {
	ns := namespace(t)
	udp(t, "127.0.0.1").bind("127.0.0.1", 3010)
	s := udp(t, "127.0.0.1")
	if err := unix.Bind(s.fd, address("127.0.0.1", 3010)); err != unix.EADDRINUSE {
		t.Fatalf("bind: got %v, want EADDRINUSE", err)
	}
	c := s.cookie()
	s.close()
	ns.marker(t, shared)
	if got := ns.about(shared, c); len(got) != 0 {
		t.Errorf("a failed bind was told: %s", types(got))
	}
}

func TestUDPClientsAreNotTold(t *testing.T) {
	ns := namespace(t)
	sender := udp(t, "127.0.0.1")
	sender.must(unix.Sendto(sender.fd, []byte("query"), 0, address("127.0.0.1", 53)))
	connected := udp(t, "::1")
	connected.must(unix.Connect(connected.fd, address("::1", 53)))
	c1, c2 := sender.cookie(), connected.cookie()
	sender.close()
	connected.close()
	ns.marker(t, shared)
	if got := append(ns.about(shared, c1), ns.about(shared, c2)...); len(got) != 0 {
		t.Errorf("a client that never called bind was told: %s", types(got))
	}
}

func TestServerThatConnectsClosesOnce(t *testing.T) {
	ns := namespace(t)
	s := udp(t, "127.0.0.1").bind("127.0.0.1", 3020)
	c := s.cookie()
	s.must(unix.Connect(s.fd, address("127.0.0.1", 9)))
	s.disconnect()
	s.close()
	ns.one(t, shared, "close", isClose(3020))
	ns.marker(t, shared)
	if got := types(ns.about(shared, c)); got != "open close" {
		t.Errorf("told %q", got)
	}
}

// A socket whose port the kernel chose loses it at a disconnect, and can be
// bound anew. The cgroup tier does not see the disconnect, but it must not
// take the two ports for one.
func TestSocketBoundAnewIsTheNewPort(t *testing.T) {
	ns := namespace(t)
	s := udp(t, "127.0.0.1").bind("127.0.0.1", 0)
	c, first := s.cookie(), s.port()
	s.must(unix.Connect(s.fd, address("127.0.0.1", 9)))
	s.disconnect()
	s.bind("127.0.0.1", 3030)
	ns.one(t, shared, "open of the new port", isOpen(3030))
	s.close()
	ns.one(t, shared, "close of the new port", isClose(3030))
	ns.marker(t, shared)
	if got := types(ns.about(shared, c)); got != "open close open close" {
		t.Errorf("told %q", got)
	}
	if got := len(ns.find(shared, isClose(first))); got != 1 {
		t.Errorf("the close of the first port was told %d times", got)
	}
}

func TestRawSocketIsNotTold(t *testing.T) {
	ns := namespace(t)
	socket(t, unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_UDP).bind("127.0.0.1", 0)
	ns.marker(t, shared)
	if got := ns.find(shared, func(e *event.Event) bool { return e.Socket.Port == unix.IPPROTO_UDP }); len(got) != 0 {
		t.Errorf("a raw socket was told as port %d", unix.IPPROTO_UDP)
	}
}
