package metrics

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"portwatch/internal/event"
)

const (
	maxPorts   = 256
	keepFor    = 60 * time.Second // behind the close, so that a scrape sees it
	keepScrape = 2                // and for this many scrapes
)

var (
	portOpen = prometheus.NewDesc("portwatch_unexpected_port_open",
		"1 for each unexpected port that is open, and for a minute and two scrapes after its close.",
		[]string{"protocol", "port", "exe", "severity"}, nil)
	portsOverflow = prometheus.NewDesc("portwatch_unexpected_port_overflow_total",
		"Unexpected ports left out of portwatch_unexpected_port_open because it has 256 series.", nil, nil)
)

// portKey are the labels of one series.
type portKey struct {
	protocol event.Protocol
	port     uint16
	exe      string
	severity event.Severity
}

type portState struct {
	sockets  int
	closedAt time.Time
	scrapes  int // since the close
}

// ports is the gauge of unexpected open ports, the only metric whose labels
// are chosen by others: bounded, and of its own clock.
type ports struct {
	mu       sync.Mutex
	series   map[portKey]*portState
	overflow uint64
	now      func() time.Time
}

func newPorts() *ports { return &ports{series: make(map[portKey]*portState), now: time.Now} }

func key(s *event.Socket, exe string, sev event.Severity) portKey {
	return portKey{s.Protocol, s.Port, valid(exe), sev}
}

func (p *ports) open(s *event.Socket, exe string, sev event.Severity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := key(s, exe, sev)
	st := p.series[k]
	if st == nil {
		if len(p.series) >= maxPorts && !p.evict() {
			p.overflow++
			return
		}
		st = new(portState)
		p.series[k] = st
	}
	st.sockets++
}

func (p *ports) close(s *event.Socket, exe string, sev event.Severity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.series[key(s, exe, sev)]
	if st == nil || st.sockets == 0 {
		return
	}
	if st.sockets--; st.sockets == 0 {
		st.closedAt, st.scrapes = p.now(), 0
	}
}

// evict makes room by dropping the series that was closed first, if any was.
func (p *ports) evict() bool {
	var oldest portKey
	var at time.Time
	for k, st := range p.series {
		if st.sockets == 0 && (at.IsZero() || st.closedAt.Before(at)) {
			oldest, at = k, st.closedAt
		}
	}
	if at.IsZero() {
		return false
	}
	delete(p.series, oldest)
	p.overflow++
	return true
}

func (p *ports) Describe(ch chan<- *prometheus.Desc) {
	ch <- portOpen
	ch <- portsOverflow
}

func (p *ports) Collect(ch chan<- prometheus.Metric) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for k, st := range p.series {
		if st.sockets == 0 {
			if st.scrapes >= keepScrape && now.Sub(st.closedAt) >= keepFor {
				delete(p.series, k)
				continue
			}
			st.scrapes++
		}
		ch <- prometheus.MustNewConstMetric(portOpen, prometheus.GaugeValue, 1,
			k.protocol.String(), strconv.Itoa(int(k.port)), k.exe, k.severity.String())
	}
	ch <- prometheus.MustNewConstMetric(portsOverflow, prometheus.CounterValue, float64(p.overflow))
}

// maxLabel bounds a label value in bytes.
const maxLabel = 256

// valid makes a label value of what may be any bytes: the client panics on
// one that is not UTF-8.
func valid(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > maxLabel {
		s = strings.ToValidUTF8(s[:maxLabel], "") + "…"
	}
	return s
}
