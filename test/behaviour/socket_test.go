package behaviour

import (
	"net/netip"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"portwatch/internal/event"
)

// namespace puts the test on a thread of its own in a new network namespace
// with a loopback interface, and returns its inode number.
func namespace(t testing.TB) in {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("unshare the network namespace: %v", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	ifr.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		t.Fatalf("set lo up: %v", err)
	}
	return in(inum(t, "/proc/thread-self/ns/net"))
}

func inum(t testing.TB, path string) uint32 {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(st.Sys().(*unixStat).Ino)
}

// A sock is a socket of the test, closed at its end unless that was done.
type sock struct {
	t  testing.TB
	fd int
}

func socket(t testing.TB, family, kind, protocol int) *sock {
	t.Helper()
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		t.Fatalf("socket: %v", err)
	}
	s := &sock{t, fd}
	t.Cleanup(s.close)
	return s
}

func (s *sock) close() {
	if s.fd >= 0 {
		unix.Close(s.fd)
		s.fd = -1
	}
}

func (s *sock) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func address(a string, port int) unix.Sockaddr {
	addr := netip.MustParseAddr(a)
	if addr.Is4() {
		return &unix.SockaddrInet4{Addr: addr.As4(), Port: port}
	}
	return &unix.SockaddrInet6{Addr: addr.As16(), Port: port}
}

func family(a string) int {
	if netip.MustParseAddr(a).Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func (s *sock) bind(a string, port int) *sock {
	s.t.Helper()
	s.must(unix.Bind(s.fd, address(a, port)))
	return s
}

func (s *sock) listen() *sock {
	s.t.Helper()
	s.must(unix.Listen(s.fd, 7))
	return s
}

// disconnect is connect(2) with AF_UNSPEC.
func (s *sock) disconnect() {
	s.t.Helper()
	var unspec [16]byte
	s.must(rawConnect(s.fd, unspec[:]))
}

// port returns the port that the socket has.
func (s *sock) port() int {
	s.t.Helper()
	sa, err := unix.Getsockname(s.fd)
	s.must(err)
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return sa.Port
	case *unix.SockaddrInet6:
		return sa.Port
	}
	s.t.Fatalf("address of another family: %T", sa)
	return 0
}

// cookie returns the socket's cookie, as portwatch is to tell it.
func (s *sock) cookie() uint64 {
	s.t.Helper()
	c, err := unix.GetsockoptUint64(s.fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	s.must(err)
	return c
}

func tcp(t testing.TB, addr string) *sock { return socket(t, family(addr), unix.SOCK_STREAM, 0) }
func udp(t testing.TB, addr string) *sock { return socket(t, family(addr), unix.SOCK_DGRAM, 0) }

// marker opens a port and waits until it is told. What was done before it and
// was not told by then was not reported: the ring buffer keeps the order.
func (ns in) marker(t testing.TB, w *watch) {
	t.Helper()
	s := tcp(t, "127.0.0.1").listen()
	c := s.cookie()
	ns.one(t, w, "marker", func(e *event.Event) bool { return e.Socket.Cookie == c && e.Type == event.Open })
	s.close()
	ns.one(t, w, "marker's end", func(e *event.Event) bool { return e.Socket.Cookie == c && e.Type == event.Close })
}

// about returns what was told of the socket with that cookie.
func (ns in) about(w *watch, cookie uint64) []*event.Event {
	return ns.find(w, func(e *event.Event) bool { return e.Socket.Cookie == cookie })
}

// types returns the events as a word: "open close open".
func types(events []*event.Event) string {
	s := ""
	for i, e := range events {
		if i > 0 {
			s += " "
		}
		s += e.Type.String()
	}
	return s
}
