package metrics

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"portwatch/internal/event"
)

func scrapeBody(t *testing.T, m *Metrics) string {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	return rec.Body.String()
}

func newMetrics() *Metrics { return New("1.0", "abc", func() State { return State{} }) }

// A counter that is born at 1 never makes increase() fire.
func TestEverySeriesIsThereAtZero(t *testing.T) {
	body := scrapeBody(t, newMetrics())
	for _, want := range []string{
		`portwatch_events_total{origin="live",protocol="tcp",type="open"} 0`,
		`portwatch_events_total{origin="repair",protocol="udp",type="close"} 0`,
		`portwatch_verdicts_total{protocol="udp",verdict="unknown"} 0`,
		`portwatch_unexpected_opens_total{protocol="tcp",severity="HIGH"} 0`,
		`portwatch_open_sockets{protocol="tcp",scope="wildcard"} 0`,
		`portwatch_alerts_total{severity="CRITICAL",status="resolved"} 0`,
		`portwatch_alerts_firing{severity="HIGH"} 0`,
		`portwatch_detection_latency_seconds_count 0`,
		`portwatch_lost_events_total{reason="overflow_full"} 0`,
		`portwatch_repairs_total{type="close"} 0`,
		`portwatch_unexpected_port_overflow_total 0`,
		`portwatch_build_info{revision="abc",version="1.0"} 1`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("missing: %s", want)
		}
	}
}

func TestOpenPortsAreKeptForTwoScrapesAndAMinute(t *testing.T) {
	m := newMetrics()
	now := time.Unix(1e9, 0)
	m.ports.now = func() time.Time { return now }
	s := &event.Socket{Protocol: event.TCP, Port: 21}
	series := `portwatch_unexpected_port_open{exe="/usr/sbin/vsftpd",port="21",protocol="tcp",severity="HIGH"} 1`
	has := func() bool { return strings.Contains(scrapeBody(t, m), series) }
	m.Opened(s, "/usr/sbin/vsftpd", event.High)
	m.Opened(s, "/usr/sbin/vsftpd", event.High) // another socket of the service
	m.Closed(s, "/usr/sbin/vsftpd", event.High)
	now = now.Add(time.Hour)
	for range 3 {
		if !has() {
			t.Fatal("gone while a socket is open")
		}
	}
	m.Closed(s, "/usr/sbin/vsftpd", event.High)
	now = now.Add(2 * time.Minute)
	for range 2 {
		if !has() {
			t.Error("gone before two scrapes saw it")
		}
	}
	if has() {
		t.Error("still there after two scrapes and two minutes")
	}
	m.Opened(s, "/usr/sbin/vsftpd", event.High)
	m.Closed(s, "/usr/sbin/vsftpd", event.High)
	for range 3 {
		if !has() {
			t.Error("gone within a minute")
		}
	}
}

func TestWhoeverOpensPortsDoesNotChooseOurMemory(t *testing.T) {
	m := newMetrics()
	for port := range 1000 {
		m.Opened(&event.Socket{Protocol: event.TCP, Port: uint16(port + 1)}, "/tmp/x", event.Critical)
	}
	body := scrapeBody(t, m)
	if got := strings.Count(body, "\nportwatch_unexpected_port_open{"); got != maxPorts {
		t.Errorf("%d series, want %d", got, maxPorts)
	}
	if want := "portwatch_unexpected_port_overflow_total " + strconv.Itoa(1000-maxPorts) + "\n"; !strings.Contains(body, want) {
		t.Errorf("missing: %s", want)
	}
}

func TestHostileExecutableIsALabel(t *testing.T) {
	m := newMetrics()
	m.Opened(&event.Socket{Protocol: event.UDP, Port: 1}, "/tmp/\xff\n\""+strings.Repeat("x", 5000), event.High)
	body := scrapeBody(t, m)
	if !strings.Contains(body, `exe="/tmp/�\n\"xxx`) {
		t.Error("the series is missing")
	}
	for line := range strings.Lines(body) {
		if len(line) > 1000 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}
