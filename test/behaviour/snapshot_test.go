package behaviour

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"portwatch/internal/event"
	"portwatch/internal/probe"
)

func itoa(n int) string { return strconv.Itoa(n) }

// scrape returns what Prometheus would be told.
func scrape(t testing.TB, w *watch) string {
	t.Helper()
	rec := httptest.NewRecorder()
	w.metrics.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if rec.Code != 200 {
		t.Fatalf("/metrics: %d %s", rec.Code, rec.Body)
	}
	return rec.Body.String()
}

// second starts another monitor: one that finds open what the test opened
// before it.
func second(t testing.TB) *watch {
	t.Helper()
	w, err := start(probe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return w
}

func TestOpenBeforeTheStartIsFound(t *testing.T) {
	ns := namespace(t)
	v4 := tcp(t, "0.0.0.0").bind("0.0.0.0", 5001).listen()
	tcp(t, "::").bind("::", 5002).listen()
	server := udp(t, "0.0.0.0").bind("0.0.0.0", 5003)
	client := udp(t, "127.0.0.1")
	client.must(unix.Connect(client.fd, address("127.0.0.1", 53)))
	mp := &sock{t, -1}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_MPTCP)
	if err != nil {
		t.Fatal(err)
	}
	mp.fd = fd
	t.Cleanup(mp.close)
	mp.bind("127.0.0.1", 5004).listen()
	child := spawn(t, "namespace-listen 127.0.0.1 5005")
	other := in(child.number())
	flight := inFlight(t, 5006)

	w := second(t)
	for _, c := range []struct {
		ns   in
		port int
		role event.Role
	}{{ns, 5001, 0}, {ns, 5002, 0}, {ns, 5003, event.Server}, {ns, 5004, 0}, {other, 5005, 0}, {ns, 5006, 0}} {
		ev := c.ns.one(t, w, "port "+itoa(c.port), isOpen(c.port))
		if ev.Origin != event.Snapshot || ev.Socket.Role != c.role {
			t.Errorf("port %d: origin %v, role %v", c.port, ev.Origin, ev.Socket.Role)
		}
		if c.port == 5006 {
			if ev.Owner != event.OwnerUnknown {
				t.Errorf("socket in flight: owner %v, want unknown", ev.Owner)
			}
			continue
		}
		if ev.Owner != event.OwnerKnown || ev.Process.Exe != self(t) || ev.Process.Cmdline == "" {
			t.Errorf("port %d: owner %v, %+v", c.port, ev.Owner, ev.Process)
		}
	}
	if p := other.one(t, w, "port 5005", isOpen(5005)).Process; int(p.PID) != child.cmd.Process.Pid {
		t.Errorf("port 5005: pid %d, want %d", p.PID, child.cmd.Process.Pid)
	}
	if got := ns.about(w, client.cookie()); len(got) != 0 {
		t.Errorf("a UDP client was told: %s", types(got))
	}

	v4.close()
	server.close()
	mp.close()
	child.kill()
	unix.Close(flight)
	for port, ns := range map[int]in{5001: ns, 5003: ns, 5004: ns, 5005: other, 5006: ns} {
		ns.one(t, w, "close of "+itoa(port), isClose(port))
	}
}

// inFlight makes a listener that no process holds: it is on its way over a
// unix socket, which is returned.
func inFlight(t testing.TB, port int) int {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := tcp(t, "127.0.0.1").bind("127.0.0.1", port).listen()
	s.must(unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(s.fd), nil, 0))
	s.close()
	unix.Close(pair[0])
	t.Cleanup(func() { unix.Close(pair[1]) })
	return pair[1]
}

func TestMetricsCount(t *testing.T) {
	ns := namespace(t)
	tcp(t, "0.0.0.0").bind("0.0.0.0", 5020).listen()
	ns.one(t, shared, "open", isOpen(5020))
	body := scrape(t, shared)
	for _, want := range []string{
		`portwatch_unexpected_port_open{exe="` + self(t) + `",port="5020",protocol="tcp",severity="HIGH"} 1`,
		`portwatch_repairs_total{type="open"} `,
		`portwatch_lost_events_total{reason="ring_full_open"} `,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	for _, name := range []string{"portwatch_events_total", "portwatch_detection_latency_seconds_count", "portwatch_hook_attached", "portwatch_open_sockets", "portwatch_alerts_firing"} {
		if !strings.Contains(body, name) {
			t.Errorf("/metrics lacks %s", name)
		}
	}
}
