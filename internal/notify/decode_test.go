package notify

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"portwatch/internal/alert"
	"portwatch/internal/event"
	"portwatch/internal/notify/format"
)

// decode reads an entry that stands in the first line of a file.
func decode(t *testing.T, text string) (Spec, error) {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	return Decode("/etc/portwatch/portwatch.yaml", n.Content[0])
}

func TestDecode(t *testing.T) {
	s, err := decode(t, `
name: ops
type: webhook
url_file: url
format: ocsf
min_severity: high
rules: [allow, "Custom.*"]
events: true
timeout: 3s
queue: {items: 5, bytes: 1MiB}
retry: {first: 10ms, last: 2s}
title: "{{.Severity}} {{.Title}}"
text: "{{with .Event}}port {{.Socket.Port}}{{end}}"
headers: {X-Team: blue}
headers_files: {X-Key: /etc/key}
token_file: token
proxy: "http://proxy.example:3128"
tls: {ca_file: ca.pem, server_name: hook.example}
`)
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "ops" || s.Type != "webhook" || s.MinSeverity != event.High || !s.Events || s.Timeout != 3*time.Second ||
		s.QueueItems != 5 || s.QueueBytes != 1<<20 || s.FirstRetry != 10*time.Millisecond || s.LastRetry != 2*time.Second || s.Line != 2 {
		t.Errorf("got %+v", s)
	}
	a := alarm()
	m := s.message(&item{alert: &a})
	if m.Title != "HIGH Unexpected Port Opened: 21" || m.Text != "port 21" {
		t.Errorf("message %q, %q", m.Title, m.Text)
	}
	_, err = s.open()
	if err == nil || !strings.Contains(err.Error(), "/etc/portwatch/url") {
		t.Errorf("opened: %v, want that the file beside the configuration is missing", err)
	}
}

func TestEveryTypeDecodesAndOpens(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{
		"{type: stdout}",
		"{type: file, path: " + dir + "/alerts.jsonl, format: ecs}",
		"{type: webhook, url: 'https://hook.example/x', format: slack}",
		"{type: alertmanager, url: 'http://am.example:9093', resend: 30s}",
		"{type: forward, address: fluentd.example, tag: netstat, format: netstat, ack: false, tls: {}}",
		"{type: forward, address: '[::1]:24224', shared_key: k, username: u, password: p}",
		"{type: syslog, address: 'logs.example:514', transport: tcp, facility: local3}",
		"{type: syslog, address: logs.example, transport: tls, format: native}",
		"{type: syslog, transport: unix}",
		"{type: journald}",
		"{type: url, url: 'ntfy://ntfy.example/topic'}",
	} {
		s, err := decode(t, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if s.Name != s.Type || s.Timeout != DefaultTimeout || s.QueueItems != DefaultQueueItems {
			t.Errorf("%s: got %+v", text, s)
		}
		sender, err := s.open()
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		sender.Close()
	}
}

// TestShippedExamplesDecode keeps the examples right that operators start
// from.
func TestShippedExamplesDecode(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "/run/credentials/portwatch.service")
	const path = "../../deploy/receivers.yaml"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Notify []yaml.Node }
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	var types []string
	for i := range file.Notify {
		s, err := Decode(path, &file.Notify[i])
		if err != nil {
			t.Error(err)
		}
		types = append(types, s.Type)
	}
	for _, name := range Types() {
		if name != "stdout" && !slices.Contains(types, name) {
			t.Errorf("there is no example of type %s", name)
		}
	}
}

func TestMistakesAreNamedWithTheirLine(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	for text, want := range map[string]string{
		"[]":                    "1: a receiver is a mapping such as {name: ops, type: webhook, url_file: /etc/portwatch/url}",
		"{type: carrier}":       `1: type "carrier" is not one of alertmanager, file, forward, journald, stdout, syslog, url, webhook`,
		"{name: x}":             `1: type "" is not one of alertmanager, file, forward, journald, stdout, syslog, url, webhook`,
		"{type: webhook}":       "1: url or url_file is missing",
		"{type: file}":          "1: path is missing",
		"{type: syslog}":        "1: address is missing",
		"{type: url}":           "1: url or url_file is missing",
		"type: file\npath: [a]": "2: path is one value",
		"type: webhook\nurl: https://x\n\nfromat: ocsf":                                `4: a receiver of type webhook has no "fromat"; it has events, format, headers, headers_files, min_severity, name, proxy, proxy_file, queue, retry, rules, text, timeout, title, tls, token, token_file, type, url, url_file`,
		"{type: file, path: a, format: xml}":                                           `1: format "xml" is not one of ecs, native, netstat, ocsf, slack`,
		"{type: file, path: a, min_severity: bad}":                                     `1: min_severity "bad" is not INFO, LOW, MEDIUM, HIGH or CRITICAL`,
		"{type: file, path: a, events: perhaps}":                                       "1: events is true or false",
		"{type: file, path: a, timeout: 10}":                                           "1: timeout is a time from 1ms to 24h, such as 10s",
		"{type: file, path: a, queue: {bytes: 3}}":                                     "1: bytes is a size from 64KiB to 1024MiB, such as 32MiB",
		"{type: file, path: a, queue: {items: 0}}":                                     "1: items is a number from 1 to 1000000",
		"{type: file, path: a, queue: 3}":                                              "1: queue is a mapping",
		"{type: file, path: a, queue: {itmes: 3}}":                                     `1: queue has no "itmes"; it has bytes, items`,
		"{type: file, path: a, rules: ['[']}":                                          "1: rules is a list of names of rules, in which * stands for anything",
		"{type: file, path: '${HOME}/x'}":                                              "1: path: only ${CREDENTIALS_DIRECTORY} may be used in a path, not ${HOME}",
		"{type: webhook, url_file: '${CREDENTIALS_DIRECTORY}/x'}":                      "1: url_file: CREDENTIALS_DIRECTORY is not set; the unit needs LoadCredential=",
		"{type: webhook, url: a, url_file: b}":                                         "1: there is both url and url_file",
		"{type: webhook, url: a, tls: {cert_file: x}}":                                 "1: cert_file and key_file go together",
		"{type: alertmanager, url: a, events: true}":                                   "1: events: an Alertmanager takes alerts alone",
		"{type: syslog, address: a, transport: sctp}":                                  `1: transport "sctp" is not one of udp, tcp, tls, unix`,
		"{type: forward, address: 'a:b:c'}":                                            "1: address is a host and a port, such as logs.example:24224 or [2001:db8::1]:24224",
		"type: journald\ntitle: '{{.Titel}}'":                                          "2: title:1:2: executing \"title\" at <.Titel>: can't evaluate field Titel in type *alert.Alert",
		"type: journald\ntitle: '{{'":                                                  "2: title:1: unclosed action",
		"type: journald\ntext: '{{.Event.Socket.Port}}'":                               "2: text:1:8: executing \"text\" at <.Event.Socket.Port>: nil pointer evaluating *event.Event.Socket; the digest of the first start has no event: write {{with .Event}}...{{end}}",
		"type: journald\ntext: '{{range 100000}}xxxxxxxxxxxxxxxxxxxxxxxxxxxxx{{end}}'": "2: makes more than 32768 bytes",
	} {
		_, err := decode(t, text)
		if err == nil {
			t.Errorf("%s: no error", text)
			continue
		}
		if got := strings.Split(err.Error(), "\n")[0]; got != "/etc/portwatch/portwatch.yaml:"+want {
			t.Errorf("%s:\ngot  %s\nwant /etc/portwatch/portwatch.yaml:%s", text, got, want)
		}
	}
}

func TestMistakesHoldNoSecret(t *testing.T) {
	for _, text := range []string{
		"{type: webhook, url: 'https://h/topsecret', format: x, timeout: y}",
		"{type: webhook, url: ['https://h/topsecret']}",
		"{type: webhook, url: 'topsecret'}",
		"{type: url, url: 'nope://topsecret'}",
		"{type: forward, address: a, shared_key: topsecret, shared_key_file: x}",
	} {
		s, err := decode(t, text)
		if err == nil {
			_, err = s.open()
		}
		if err == nil || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCredentialsFolder(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if err := os.WriteFile(filepath.Join(dir, "hook"), []byte("https://hook.example/x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := decode(t, "{type: webhook, url_file: '${CREDENTIALS_DIRECTORY}/hook'}")
	if err != nil {
		t.Fatal(err)
	}
	sender, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	sender.Close()
}

// TestTemplateThatFailsLaterCostsNothing has an alert be told though its
// template cannot.
func TestTemplateThatFailsLaterCostsNothing(t *testing.T) {
	tm, err := newTemplate("title", `{{if gt .Count 1}}{{index .Destinations 9}}{{end}}x`)
	if err != nil {
		t.Fatal(err)
	}
	for count, want := range map[uint64]string{1: "x", 2: ""} {
		a := alert.Alert{Count: count}
		m := &format.Message{Alert: &a}
		templates{title: tm}.fill(m)
		if m.Title != want {
			t.Errorf("count %d: title %q, want %q", count, m.Title, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("{type: webhook, url_file: /x, tls: {ca_file: y}, rules: [a], queue: {items: 3}}")
	f.Add("a: &a {type: syslog}\nb: *a")
	f.Fuzz(func(t *testing.T, text string) {
		var n yaml.Node
		if yaml.Unmarshal([]byte(text), &n) != nil || len(n.Content) == 0 {
			return
		}
		s, err := Decode("portwatch.yaml", n.Content[0])
		if err == nil && (s.open == nil || s.Type == "" || s.Timeout <= 0) {
			t.Errorf("%q was taken as %+v", text, s)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "portwatch.yaml:") {
			t.Errorf("%q: %v", text, err)
		}
	})
}
