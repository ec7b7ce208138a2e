package behaviour

import (
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"portwatch/internal/event"
)

func TestTCPListenIsToldOnce(t *testing.T) {
	for _, c := range []struct {
		name, addr string
		port       int
		bound      bool
		scope      event.Scope
		dual       bool
	}{
		{"IPv4 wildcard", "0.0.0.0", 2001, true, event.Wildcard, false},
		{"IPv4 loopback", "127.0.0.1", 2002, true, event.Loopback, false},
		{"IPv6 dual stack", "::", 2003, true, event.Wildcard, true},
		{"IPv6 loopback", "::1", 2004, true, event.Loopback, false},
		{"bind(0)", "127.0.0.1", 0, true, event.Loopback, false},
		{"listen without bind", "0.0.0.0", 0, false, event.Wildcard, false},
		{"IPv6 listen without bind", "::", 0, false, event.Wildcard, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ns := namespace(t)
			s := tcp(t, c.addr)
			cookie := s.cookie()
			if c.bound {
				s.bind(c.addr, c.port)
			}
			s.listen()
			port := s.port()
			ev := ns.one(t, shared, "open", func(e *event.Event) bool { return e.Socket.Cookie == cookie })
			got := ev.Socket
			if int(got.Port) != port || got.Protocol != event.TCP || got.Address.String() != c.addr || got.Scope != c.scope || got.DualStack != c.dual {
				t.Errorf("got %s %v, scope %v, dual stack %v; want %s port %d, scope %v, dual stack %v",
					got.Protocol, got.AddrPort(), got.Scope, got.DualStack, c.addr, port, c.scope, c.dual)
			}
			if int(got.RequestedPort) != c.port || got.Backlog != 7 {
				t.Errorf("requested port %d and backlog %d, want %d and 7", got.RequestedPort, got.Backlog, c.port)
			}
			if ev.Origin != event.Live || ev.Type != event.Open || ev.Latency <= 0 {
				t.Errorf("got %v %v after %v, want a live open with its latency", ev.Origin, ev.Type, ev.Latency)
			}
			s.close()
			end := ns.one(t, shared, "close", func(e *event.Event) bool { return e.Socket.Cookie == cookie && e.Type == event.Close })
			if int(end.Socket.Port) != port {
				t.Errorf("closed port %d, want %d", end.Socket.Port, port)
			}
			if !end.OpenedAt.Equal(ev.Time) || end.Time.Before(ev.Time) {
				t.Errorf("opened at %v, closed at %v; the open event was of %v", end.OpenedAt, end.Time, ev.Time)
			}
		})
	}
}

func TestV6OnlyIsNotDualStack(t *testing.T) {
	ns := namespace(t)
	s := tcp(t, "::")
	s.must(unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1))
	s.bind("::", 2010).listen()
	if ev := ns.one(t, shared, "open", isOpen(2010)); ev.Socket.DualStack {
		t.Error("told as dual stack")
	}
}

func TestMPTCPListenIsToldOnce(t *testing.T) {
	ns := namespace(t)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_MPTCP)
	if err != nil {
		t.Fatalf("this kernel has no MPTCP: %v", err)
	}
	s := &sock{t, fd}
	s.bind("127.0.0.1", 2020).listen()
	if ev := ns.one(t, shared, "open", isOpen(2020)); !ev.Socket.MPTCP || ev.Socket.Protocol != event.TCP {
		t.Errorf("told as %v, MPTCP %v", ev.Socket.Protocol, ev.Socket.MPTCP)
	}
	s.close()
	ns.one(t, shared, "close", isClose(2020))
	ns.marker(t, shared)
	if got := len(ns.find(shared, isOpen(2020))); got != 1 {
		t.Errorf("told %d times", got)
	}
}

func TestGoListenerIsToldOnce(t *testing.T) {
	ns := namespace(t)
	l, err := net.Listen("tcp", "127.0.0.1:2021")
	if err != nil {
		t.Fatal(err)
	}
	ns.one(t, shared, "open", isOpen(2021))
	l.Close()
	ns.one(t, shared, "close", isClose(2021))
}

func TestListenAgainIsNotTold(t *testing.T) {
	ns := namespace(t)
	s := tcp(t, "127.0.0.1").bind("127.0.0.1", 2030).listen()
	s.must(unix.Listen(s.fd, 100))
	ns.marker(t, shared)
	if got := types(ns.about(shared, s.cookie())); got != "open" {
		t.Errorf("told %q, want one open", got)
	}
}

func TestFailedListenIsNotTold(t *testing.T) {
	ns := namespace(t)
	a := tcp(t, "127.0.0.1")
	b := tcp(t, "127.0.0.1")
	for _, s := range []*sock{a, b} {
		s.must(unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
		s.bind("127.0.0.1", 2040)
	}
	a.listen()
	if err := unix.Listen(b.fd, 1); err != unix.EADDRINUSE {
		t.Fatalf("second listen: got %v, want EADDRINUSE", err)
	}
	ns.marker(t, shared)
	if got := ns.about(shared, b.cookie()); len(got) != 0 {
		t.Errorf("a failed listen was told: %s", types(got))
	}
	if got := types(ns.about(shared, a.cookie())); got != "open" {
		t.Errorf("the other socket: told %q, want open", got)
	}
}

func TestBindAloneIsNotTold(t *testing.T) {
	ns := namespace(t)
	s := tcp(t, "127.0.0.1").bind("127.0.0.1", 2041)
	ns.marker(t, shared)
	if got := ns.about(shared, s.cookie()); len(got) != 0 {
		t.Errorf("a TCP bind was told: %s", types(got))
	}
}

func TestConnectionsAreNotTold(t *testing.T) {
	ns := namespace(t)
	s := tcp(t, "127.0.0.1").bind("127.0.0.1", 2042).listen()
	for range 20 {
		c := tcp(t, "127.0.0.1")
		c.must(unix.Connect(c.fd, address("127.0.0.1", 2042)))
		fd, _, err := unix.Accept(s.fd)
		s.must(err)
		unix.Close(fd)
		c.close()
	}
	ns.marker(t, shared)
	if got := ns.find(shared, func(e *event.Event) bool { return e.Socket.Port == 2042 }); types(got) != "open" {
		t.Errorf("told %q for one listener and 20 connections", types(got))
	}
}

func TestShutdownClosesAndListenOpensAgain(t *testing.T) {
	ns := namespace(t)
	s := tcp(t, "127.0.0.1").bind("127.0.0.1", 2050).listen()
	c := s.cookie()
	s.must(unix.Shutdown(s.fd, unix.SHUT_RD))
	s.listen()
	s.disconnect()
	s.listen()
	s.close()
	shared.until(t, "the last close", func() bool {
		return len(ns.findLocked(shared, func(e *event.Event) bool { return e.Socket.Cookie == c && e.Type == event.Close })) == 3
	})
	if got := types(ns.about(shared, c)); got != "open close open close open close" {
		t.Errorf("told %q", got)
	}
}

func TestSharedSocketIsOpenUntilItsLastHolderCloses(t *testing.T) {
	ns := namespace(t)
	s := tcp(t, "127.0.0.1").bind("127.0.0.1", 2060).listen()
	c := s.cookie()
	child := spawn(t, "hold", s.file())
	s.close()
	ns.marker(t, shared)
	if got := types(ns.about(shared, c)); got != "open" {
		t.Fatalf("told %q while a child holds the socket", got)
	}
	child.kill()
	end := ns.one(t, shared, "close", isClose(2060))
	if end.Process == nil || int(end.Process.PID) != os.Getpid() {
		t.Errorf("the close names %+v, want the opener %d", end.Process, os.Getpid())
	}
}

func TestSocketInFlightIsOpen(t *testing.T) {
	ns := namespace(t)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := tcp(t, "127.0.0.1").bind("127.0.0.1", 2061).listen()
	c := s.cookie()
	s.must(unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(s.fd), nil, 0))
	s.close()
	ns.marker(t, shared)
	if got := types(ns.about(shared, c)); got != "open" {
		t.Errorf("told %q while the socket is in flight", got)
	}
	unix.Close(pair[0])
	unix.Close(pair[1])
	ns.one(t, shared, "close", isClose(2061))
}

func TestKilledProcessClosesItsPort(t *testing.T) {
	ns := namespace(t)
	child := spawn(t, "listen 127.0.0.1 2070")
	ns.one(t, shared, "open", isOpen(2070))
	child.kill()
	ns.one(t, shared, "close", isClose(2070))
}

func TestEndOfNamespaceClosesItsPorts(t *testing.T) {
	// The namespace is the child's own and ends with it.
	child := spawn(t, "namespace-listen 127.0.0.1 2071")
	ns := in(child.number())
	ns.one(t, shared, "open", isOpen(2071))
	child.kill()
	ns.one(t, shared, "close", isClose(2071))
}

func TestReusePortWorkersAreOneAlert(t *testing.T) {
	ns := namespace(t)
	var workers []*sock
	for range 3 {
		s := tcp(t, "0.0.0.0")
		s.must(unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
		workers = append(workers, s.bind("0.0.0.0", 2080).listen())
	}
	workers = append(workers, tcp(t, "::1").bind("::1", 2080).listen())
	shared.until(t, "all workers", func() bool { return len(ns.findLocked(shared, isOpen(2080))) == 4 })
	if ev := ns.find(shared, isOpen(2080))[0]; !ev.Socket.ReusePort {
		t.Error("SO_REUSEPORT was not told")
	}
	if got := len(alertsOf(shared, 2080, "firing")); got != 1 {
		t.Errorf("%d alerts for four sockets of one service, want 1", got)
	}
	for _, s := range workers[1:] {
		s.close()
	}
	ns.marker(t, shared)
	if got := len(alertsOf(shared, 2080, "resolved")); got != 0 {
		t.Error("resolved while a worker listens")
	}
	workers[0].close()
	shared.until(t, "resolved", func() bool { return len(alertsOfLocked(shared, 2080, "resolved")) == 1 })
}

func TestUnexpectedPortIsAHighAlertAndResolved(t *testing.T) {
	ns := namespace(t)
	s := tcp(t, "0.0.0.0").bind("0.0.0.0", 21).listen()
	ev := ns.one(t, shared, "open", isOpen(21))
	if ev.Verdict != event.Unexpected || ev.Severity != event.High || ev.Explain == "" {
		t.Errorf("verdict %v, severity %v, explain %q", ev.Verdict, ev.Severity, ev.Explain)
	}
	shared.until(t, "alert", func() bool { return len(alertsOfLocked(shared, 21, "firing")) == 1 })
	if a := alertsOf(shared, 21, "firing")[0]; a.Title != "Unexpected Port Opened: 21" || a.Severity != event.High {
		t.Errorf("alert %q, severity %v", a.Title, a.Severity)
	}
	s.close()
	shared.until(t, "resolved", func() bool { return len(alertsOfLocked(shared, 21, "resolved")) == 1 })
}

func TestAllowedPortIsNoAlert(t *testing.T) {
	ns := namespace(t)
	for _, port := range []int{22, 53, 80, 443, 47760} {
		tcp(t, "0.0.0.0").bind("0.0.0.0", port).listen()
		if ev := ns.one(t, shared, "open", isOpen(port)); ev.Verdict != event.Allowed {
			t.Errorf("port %d: verdict %v: %s", port, ev.Verdict, ev.Explain)
		}
	}
	ns.marker(t, shared)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	for _, a := range shared.alerts {
		if p := a.Event.Socket.Port; p == 22 || p == 443 {
			t.Errorf("alert %q for an allowed port", a.Title)
		}
	}
}

func TestLoopbackIsALowAlert(t *testing.T) {
	ns := namespace(t)
	tcp(t, "127.0.0.1").bind("127.0.0.1", 2090).listen()
	if ev := ns.one(t, shared, "open", isOpen(2090)); ev.Severity != event.Low {
		t.Errorf("severity %v, want LOW", ev.Severity)
	}
}

func TestLatencyIsBelowTenMilliseconds(t *testing.T) {
	ns := namespace(t)
	best := time.Hour
	for port := 2100; port < 2120; port++ {
		tcp(t, "127.0.0.1").bind("127.0.0.1", port).listen()
		best = min(best, ns.one(t, shared, "open", isOpen(port)).Latency)
	}
	// The best of twenty: an emulated machine has its moments.
	if best > 10*time.Millisecond {
		t.Errorf("the fastest of 20 verdicts took %v", best)
	}
}
