// Package metrics is what Prometheus sees of portwatch. All series are in
// this file; their labels come from closed sets and every one is present at 0
// from the start, so that the very first increase is seen. The one exception,
// portwatch_unexpected_port_open, is bounded (see ports.go): whoever opens
// ports must not choose our memory use.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"portwatch/internal/event"
)

var (
	allTypes      = []event.Type{event.Open, event.Close}
	allOrigins    = []event.Origin{event.Live, event.Snapshot, event.Repair}
	allProtocols  = []event.Protocol{event.TCP, event.UDP}
	allVerdicts   = []event.Verdict{event.Allowed, event.Unexpected, event.Unknown}
	allScopes     = []event.Scope{event.Loopback, event.LinkLocal, event.Private, event.Public, event.Wildcard}
	allSeverities = []event.Severity{event.Info, event.Low, event.Medium, event.High, event.Critical}
	allStatuses   = []string{"firing", "resolved"}
	allReasons    = []string{"ring_full_open", "ring_full_close", "overflow_full", "other"}
)

// State is what is asked for at each scrape.
type State struct {
	Open     map[event.Protocol]map[event.Scope]int
	Firing   map[event.Severity]int
	Lost     map[string]uint64 // by reason
	Receiver []Receiver
	Refused  uint64 // sockets the inventory had no room for
}

// Receiver is the state of one receiver of notifications.
type Receiver struct {
	Name      string
	Queued    int
	OldestAge time.Duration
	Results   map[string]uint64 // delivered, failed, dropped
}

// Hook is a hook and whether it is attached.
type Hook struct {
	Name     string
	Attached bool
}

// Metrics counts. Its methods are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	state    func() State
	ports    *ports

	events     *prometheus.CounterVec
	verdicts   *prometheus.CounterVec
	unexpected *prometheus.CounterVec
	alerts     *prometheus.CounterVec
	repairs    *prometheus.CounterVec
	hooks      *prometheus.GaugeVec
	ruleErrors *prometheus.CounterVec
	latency    prometheus.Histogram

	canaryLatency  prometheus.Histogram
	canaryFailures prometheus.Counter
	reconciles     prometheus.Counter

	reloadOK   prometheus.Gauge
	reloadTime prometheus.Gauge
	config     *prometheus.GaugeVec
}

// latencyBuckets reach from 10 us to 10 s: the usual way takes some 100 us.
var latencyBuckets = []float64{1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1, 10}

// New returns the metrics of a run; state is called at each scrape.
func New(version, revision string, state func() State) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		state:    state,
		ports:    newPorts(),
		events: counters("portwatch_events_total",
			"Sockets seen to open or close.", "type", "protocol", "origin"),
		verdicts: counters("portwatch_verdicts_total",
			"Verdicts of the policy on open sockets.", "verdict", "protocol"),
		unexpected: counters("portwatch_unexpected_opens_total",
			"Sockets opened that nothing allows.", "protocol", "severity"),
		alerts: counters("portwatch_alerts_total",
			"Notifications of alerts.", "severity", "status"),
		repairs: counters("portwatch_repairs_total",
			"Sockets whose open or close was found by reconciliation because its event was lost.", "type"),
		ruleErrors: counters("portwatch_rule_errors_total",
			"Errors raised by rules.", "rule"),
		hooks: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "portwatch_hook_attached", Help: "Whether a hook in the kernel is attached (1) or was refused (0).",
		}, []string{"hook"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "portwatch_detection_latency_seconds", Buckets: latencyBuckets,
			Help: "From the kernel's time stamp of an open to its verdict.",
		}),
		canaryLatency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "portwatch_canary_latency_seconds", Buckets: latencyBuckets,
			Help: "From the listen(2) of the self-test to its verdict.",
		}),
		canaryFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "portwatch_canary_failures_total", Help: "Self-tests whose listener was not seen.",
		}),
		reconciles: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "portwatch_reconciliations_total", Help: "Comparisons of the inventory with the kernel's lists.",
		}),
		reloadOK: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "portwatch_config_last_reload_successful", Help: "Whether the last reading of the configuration succeeded.",
		}),
		reloadTime: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "portwatch_config_last_reload_success_timestamp_seconds", Help: "When the configuration in force was read.",
		}),
		config: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "portwatch_config_info", Help: "The configuration in force.",
		}, []string{"sha256"}),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "portwatch_build_info", Help: "The version of portwatch.",
	}, []string{"version", "revision"})
	build.WithLabelValues(version, revision).Set(1)
	m.registry.MustRegister(m.events, m.verdicts, m.unexpected, m.alerts, m.repairs, m.ruleErrors, m.hooks, m.latency,
		m.canaryLatency, m.canaryFailures, m.reconciles, m.reloadOK, m.reloadTime, m.config, build, m.ports, &scrape{m},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.zero()
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// zero makes every series exist.
func (m *Metrics) zero() {
	for _, p := range allProtocols {
		for _, t := range allTypes {
			for _, o := range allOrigins {
				m.events.WithLabelValues(t.String(), p.String(), o.String())
			}
		}
		for _, v := range allVerdicts {
			m.verdicts.WithLabelValues(v.String(), p.String())
		}
		for _, s := range allSeverities {
			m.unexpected.WithLabelValues(p.String(), s.String())
		}
	}
	for _, s := range allSeverities {
		for _, st := range allStatuses {
			m.alerts.WithLabelValues(s.String(), st)
		}
	}
	for _, t := range allTypes {
		m.repairs.WithLabelValues(t.String())
	}
}

// Event counts an event and, for an open one, its verdict.
func (m *Metrics) Event(ev *event.Event) {
	p := ev.Socket.Protocol.String()
	m.events.WithLabelValues(ev.Type.String(), p, ev.Origin.String()).Inc()
	if ev.Origin == event.Repair {
		m.repairs.WithLabelValues(ev.Type.String()).Inc()
	}
	if ev.Type != event.Open {
		return
	}
	m.verdicts.WithLabelValues(ev.Verdict.String(), p).Inc()
	if ev.Verdict == event.Unexpected {
		m.unexpected.WithLabelValues(p, ev.Severity.String()).Inc()
	}
	if ev.Origin == event.Live {
		m.latency.Observe(ev.Latency.Seconds())
	}
}

// Opened and Closed keep account of an unexpected open port.
func (m *Metrics) Opened(s *event.Socket, exe string, sev event.Severity) { m.ports.open(s, exe, sev) }

// Closed is the end of what Opened was told.
func (m *Metrics) Closed(s *event.Socket, exe string, sev event.Severity) { m.ports.close(s, exe, sev) }

// Alert counts the notification of an alert; status is firing or resolved.
func (m *Metrics) Alert(sev event.Severity, status string) {
	m.alerts.WithLabelValues(sev.String(), status).Inc()
}

// Rules makes the error counters of the loaded rules exist.
func (m *Metrics) Rules(ids []string) {
	for _, id := range ids {
		m.ruleErrors.WithLabelValues(valid(id))
	}
}

// RuleError counts an error that a rule raised.
func (m *Metrics) RuleError(id string) { m.ruleErrors.WithLabelValues(valid(id)).Inc() }

// Hooks says which hooks are attached.
func (m *Metrics) Hooks(hooks []Hook) {
	m.hooks.Reset()
	for _, h := range hooks {
		g := m.hooks.WithLabelValues(h.Name)
		if h.Attached {
			g.Set(1)
		}
	}
}

// Reconciled counts a comparison of the inventory with the kernel's lists.
func (m *Metrics) Reconciled() { m.reconciles.Inc() }

// Canary records a self-test that was seen after d.
func (m *Metrics) Canary(d time.Duration) { m.canaryLatency.Observe(d.Seconds()) }

// CanaryFailed records a self-test that was not seen.
func (m *Metrics) CanaryFailed() { m.canaryFailures.Inc() }

// Reloaded records the reading of a configuration with that SHA-256.
func (m *Metrics) Reloaded(sha256 string, at time.Time) {
	m.reloadOK.Set(1)
	m.reloadTime.Set(float64(at.UnixMilli()) / 1e3)
	m.config.Reset()
	m.config.WithLabelValues(sha256).Set(1)
}

// ReloadFailed records a configuration that was refused.
func (m *Metrics) ReloadFailed() { m.reloadOK.Set(0) }

// Handler serves the metrics as text or as OpenMetrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: 4})
}
