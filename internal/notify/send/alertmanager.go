package send

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"portwatch/internal/event"
	"portwatch/internal/notify/format"
)

const (
	alertsPath = "api/v2/alerts"

	// DefaultResend is how often Alertmanager is told again what still
	// fires: it forgets an alert whose end it was told is over.
	DefaultResend = time.Minute

	// forgetAfter is how many times in a row that may fail before
	// Alertmanager takes an alert for resolved.
	forgetAfter = 4

	refreshBatch = 64
)

// Alertmanager posts alerts to the second version of Alertmanager's API.
type Alertmanager struct {
	client *client
	resend time.Duration
	active map[string]*postable // by fingerprint: what it was told is firing
	due    time.Time
}

// postable is an alert in Alertmanager's API. The labels are what it knows an
// alert by: they must stay the same until it is resolved.
type postable struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// NewAlertmanager returns a way to the Alertmanager at h.
func NewAlertmanager(h HTTP, resend time.Duration) (*Alertmanager, error) {
	c, err := newClient(h)
	if err != nil {
		return nil, err
	}
	return &Alertmanager{client: c, resend: cmp.Or(resend, DefaultResend), active: make(map[string]*postable)}, nil
}

// Send delivers; see Sender.
func (a *Alertmanager) Send(ctx context.Context, messages []*format.Message) (int, error) {
	return one(messages, func(m *format.Message) error {
		if m.Alert == nil {
			return nil // it knows of alerts alone
		}
		p, fp := newPostable(m), m.Alert.Fingerprint
		post := []*postable{p}
		if old := a.active[fp]; old != nil && !maps.Equal(old.Labels, p.Labels) {
			// Its severity rose, which makes it another alert there.
			ended := *old
			ended.EndsAt = time.Now()
			post = append(post, &ended)
		}
		if !m.Resolved() {
			p.EndsAt = time.Now().Add(forgetAfter * a.resend)
		}
		if err := a.post(ctx, post); err != nil {
			return err
		}
		if m.Resolved() {
			delete(a.active, fp)
			return nil
		}
		if len(a.active) == 0 {
			a.due = time.Now().Add(a.resend)
		}
		a.active[fp] = p
		return nil
	})
}

// RefreshAt returns when what fires is to be told again.
func (a *Alertmanager) RefreshAt() time.Time {
	if len(a.active) == 0 {
		return time.Time{}
	}
	return a.due
}

// Refresh tells again what fires.
func (a *Alertmanager) Refresh(ctx context.Context) error {
	end := time.Now().Add(forgetAfter * a.resend)
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(a.active)), refreshBatch) {
		var post []*postable
		for _, fp := range chunk {
			p := a.active[fp]
			p.EndsAt = end
			post = append(post, p)
		}
		if err := a.post(ctx, post); err != nil {
			return err
		}
	}
	a.due = time.Now().Add(a.resend)
	return nil
}

// Resume takes what an earlier run told is firing.
func (a *Alertmanager) Resume(active []*format.Message) {
	for _, m := range active {
		if m.Alert != nil && !m.Resolved() {
			a.active[m.Alert.Fingerprint] = newPostable(m)
		}
	}
	a.due = time.Now()
}

// Batch returns 1: a request that is refused must not be for the alert of
// another.
func (a *Alertmanager) Batch() int { return 1 }

// Close lets go of idle connections.
func (a *Alertmanager) Close() error { return a.client.close() }

func (a *Alertmanager) post(ctx context.Context, alerts []*postable) error {
	body, err := json.Marshal(alerts)
	if err != nil {
		return permanent(err)
	}
	return a.client.post(ctx, alertsPath, body)
}

func newPostable(m *format.Message) *postable {
	al := m.Alert
	p := &postable{
		Labels: map[string]string{
			"alertname":   alertName(al.Rule),
			"severity":    strings.ToLower(al.Severity.String()),
			"rule":        al.Rule,
			"fingerprint": al.Fingerprint,
		},
		Annotations: map[string]string{"summary": cmp.Or(m.Title, al.Title), "description": format.Text(m)},
		StartsAt:    al.FirstSeen,
		EndsAt:      al.ResolvedAt,
	}
	set := func(to map[string]string, name, value string) {
		if value != "" {
			to[name] = strings.ToValidUTF8(value, "\uFFFD")
		}
	}
	set(p.Labels, "instance", al.Host)
	runbook := "runbook"
	if strings.HasPrefix(al.Runbook, "https://") || strings.HasPrefix(al.Runbook, "http://") {
		runbook = "runbook_url"
	}
	set(p.Annotations, runbook, al.Runbook)
	set(p.Annotations, "reference", al.Reference)
	if ev := al.Event; ev != nil {
		set(p.Annotations, "port", strconv.Itoa(int(ev.Socket.Port)))
		set(p.Annotations, "protocol", ev.Socket.Protocol.String())
		set(p.Annotations, "address", ev.Socket.LocalAddress())
		if pr := ev.Process; pr != nil {
			set(p.Annotations, "process", format.Who(ev))
			set(p.Annotations, "exe", event.Printable(pr.Exe, 500))
			set(p.Annotations, "unit", pr.Unit)
			set(p.Annotations, "container", pr.ContainerID)
		}
	}
	return p
}

// alertName is what Alertmanager groups by: the rule; that of the allow-list
// has a name that says what it is about.
func alertName(rule string) string {
	if rule == "allow" {
		return "UnexpectedPortOpened"
	}
	return rule
}
