package metrics

import "github.com/prometheus/client_golang/prometheus"

var (
	openSockets = prometheus.NewDesc("portwatch_open_sockets",
		"Sockets open now.", []string{"protocol", "scope"}, nil)
	refused = prometheus.NewDesc("portwatch_inventory_refused_total",
		"Sockets that were judged but not remembered because too many are open.", nil, nil)
	firing = prometheus.NewDesc("portwatch_alerts_firing",
		"Alerts firing now.", []string{"severity"}, nil)
	lost = prometheus.NewDesc("portwatch_lost_events_total",
		"Events that the kernel side could not send. Every loss is followed by a reconciliation.", []string{"reason"}, nil)
	queueLength = prometheus.NewDesc("portwatch_notification_queue_length",
		"Notifications that wait to be delivered.", []string{"receiver"}, nil)
	queueAge = prometheus.NewDesc("portwatch_notification_queue_oldest_age_seconds",
		"Age of the notification that has waited longest.", []string{"receiver"}, nil)
	notifications = prometheus.NewDesc("portwatch_notifications_total",
		"Notifications by what became of them.", []string{"receiver", "result"}, nil)
)

// scrape collects what is known at the time of asking only.
type scrape struct{ *Metrics }

func (s *scrape) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{openSockets, refused, firing, lost, queueLength, queueAge, notifications} {
		ch <- d
	}
}

func (s *scrape) Collect(ch chan<- prometheus.Metric) {
	st := s.state()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	for _, p := range allProtocols {
		for _, sc := range allScopes {
			gauge(openSockets, float64(st.Open[p][sc]), p.String(), sc.String())
		}
	}
	counter(refused, st.Refused)
	for _, sev := range allSeverities {
		gauge(firing, float64(st.Firing[sev]), sev.String())
	}
	for _, r := range allReasons {
		counter(lost, st.Lost[r], r)
	}
	for _, r := range st.Receiver {
		name := valid(r.Name)
		gauge(queueLength, float64(r.Queued), name)
		gauge(queueAge, r.OldestAge.Seconds(), name)
		for result, n := range r.Results {
			counter(notifications, n, name, result)
		}
	}
}
