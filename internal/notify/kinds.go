package notify

import (
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"text/template"
	"time"

	"portwatch/internal/notify/format"
	"portwatch/internal/notify/send"
)

// kinds are the types of receivers: each reads its own fields and returns
// what opens the way.
func kinds() map[string]func(*decoder) func() (send.Sender, error) {
	return map[string]func(*decoder) func() (send.Sender, error){
		"stdout":       stdoutKind,
		"file":         fileKind,
		"webhook":      webhookKind,
		"alertmanager": alertmanagerKind,
		"forward":      forwardKind,
		"syslog":       syslogKind,
		"journald":     journaldKind,
		"url":          urlKind,
	}
}

// format reads the name of a format; other is what stands for none.
func (d *decoder) format(other string) format.Format {
	name := other
	names := append(format.Names(), other)
	slices.Sort(names)
	d.oneOf("format", &name, slices.Compact(names)...)
	f, err := format.Named(name)
	if err != nil {
		return nil
	}
	return f
}

func (d *decoder) template(name string, to **template.Template) {
	n, ok := d.scalar(name)
	if !ok {
		return
	}
	t, err := newTemplate(name, n.Value)
	if err != nil {
		d.fail(n, "%v", err)
	}
	*to = t
}

func (d *decoder) tls() (t send.TLS, found bool) {
	m := d.mapping("tls")
	if m == nil {
		return t, false
	}
	m.path("ca_file", &t.CAFile)
	m.path("cert_file", &t.CertFile)
	m.path("key_file", &t.KeyFile)
	m.text("server_name", &t.ServerName)
	m.boolean("insecure_skip_verify", &t.Insecure)
	if (t.CertFile == "") != (t.KeyFile == "") {
		m.fail(nil, "cert_file and key_file go together")
	}
	d.take(m, "tls")
	return t, true
}

// http reads what all receivers over HTTP have.
func (d *decoder) http() send.HTTP {
	var h send.HTTP
	h.TLS, _ = d.tls()
	d.secret("proxy", &h.Proxy)
	return h
}

func (d *decoder) httpWithURL() send.HTTP {
	h := d.http()
	d.secret("url", &h.URL)
	d.required("url or url_file", h.URL.IsZero())
	d.secret("token", &h.Token)
	h.Headers = make(map[string]send.Secret)
	for _, name := range []string{"headers", "headers_files"} {
		m := d.mapping(name)
		if m == nil {
			continue
		}
		for _, header := range slices.Sorted(maps.Keys(m.fields)) {
			if name == "headers" {
				var v string
				m.text(header, &v)
				h.Headers[header] = send.SecretText(v)
			} else {
				var p string
				m.path(header, &p)
				h.Headers[header] = send.SecretFile(p)
			}
		}
		d.take(m, name)
	}
	return h
}

func stdoutKind(d *decoder) func() (send.Sender, error) {
	f := d.format("native")
	return func() (send.Sender, error) { return send.NewWriter(os.Stdout, f), nil }
}

func fileKind(d *decoder) func() (send.Sender, error) {
	f := d.format("native")
	var p string
	d.path("path", &p)
	d.required("path", p == "")
	return func() (send.Sender, error) { return send.NewFile(p, f), nil }
}

func webhookKind(d *decoder) func() (send.Sender, error) {
	f := d.format("native")
	h := d.httpWithURL()
	return func() (send.Sender, error) { return send.NewWebhook(h, f) }
}

func alertmanagerKind(d *decoder) func() (send.Sender, error) {
	h := d.httpWithURL()
	if n, ok := d.fields["events"]; ok && n.Value == "true" {
		d.fail(n, "events: an Alertmanager takes alerts alone")
	}
	var resend time.Duration
	d.duration("resend", &resend)
	return func() (send.Sender, error) { return send.NewAlertmanager(h, resend) }
}

func forwardKind(d *decoder) func() (send.Sender, error) {
	o := send.ForwardOptions{Tag: "portwatch", Encode: d.format("native")}
	d.address(&o.Address, "24224")
	d.text("tag", &o.Tag)
	if t, ok := d.tls(); ok {
		o.TLS = &t
	}
	d.secret("shared_key", &o.SharedKey)
	d.text("username", &o.Username)
	d.secret("password", &o.Password)
	ack := true
	d.boolean("ack", &ack)
	o.NoAck = !ack
	return func() (send.Sender, error) { return send.NewForward(o) }
}

func syslogKind(d *decoder) func() (send.Sender, error) {
	o := send.SyslogOptions{Transport: "udp", Encode: d.format("text")}
	d.oneOf("transport", &o.Transport, "udp", "tcp", "tls", "unix")
	o.TLS, _ = d.tls()
	switch o.Transport {
	case "unix":
		o.Address = "/dev/log"
		d.path("address", &o.Address)
	case "tls":
		d.address(&o.Address, "6514")
	default:
		d.address(&o.Address, "514")
	}
	facility := "daemon"
	d.oneOf("facility", &facility, slices.Sorted(maps.Keys(send.Facilities()))...)
	o.Facility = send.Facilities()[facility]
	return func() (send.Sender, error) { return send.NewSyslog(o) }
}

func journaldKind(*decoder) func() (send.Sender, error) {
	return func() (send.Sender, error) { return send.NewJournald(), nil }
}

func urlKind(d *decoder) func() (send.Sender, error) {
	h := d.http()
	var u send.Secret
	d.secret("url", &u)
	d.required("url or url_file", u.IsZero())
	return func() (send.Sender, error) { return send.NewURL(u, h) }
}

// address reads a host and a port; port is the usual one.
func (d *decoder) address(to *string, port string) {
	n, ok := d.scalar("address")
	if !ok {
		d.required("address", true)
		return
	}
	*to = n.Value
	if _, _, err := net.SplitHostPort(n.Value); err == nil {
		return
	}
	*to = net.JoinHostPort(n.Value, port)
	if _, err := netip.ParseAddr(n.Value); n.Value == "" || err != nil && strings.ContainsAny(n.Value, ":[]/ ") {
		d.fail(n, "address is a host and a port, such as logs.example:%s or [2001:db8::1]:%s", port, port)
	}
}
