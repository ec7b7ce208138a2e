// Package format turns an alert or an event into what receivers understand:
// portwatch's own JSON, OCSF, ECS, a netstat record, a Slack message. It does
// no I/O.
package format

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"portwatch/internal/alert"
	"portwatch/internal/event"
)

// A Message is what a receiver is told: an alert or an event, and how it
// reads in words.
type Message struct {
	Alert *alert.Alert
	Event *event.Event // set if Alert is nil

	Title string // one printable line
	Text  string
}

// Subject returns the event that the message is about; nil for an alert that
// is about several, such as the digest of the first start.
func (m *Message) Subject() *event.Event {
	if m.Alert != nil {
		return m.Alert.Event
	}
	return m.Event
}

// Severity returns how bad it is; 0 for an event that nobody judged.
func (m *Message) Severity() event.Severity {
	if m.Alert != nil {
		return m.Alert.Severity
	}
	return m.Event.Severity
}

// Resolved reports whether it is the end of an alert.
func (m *Message) Resolved() bool { return m.Alert != nil && m.Alert.Status == alert.Resolved }

// A Format encodes a message.
type Format func(*Message) ([]byte, error)

// formats by the names that the configuration has for them.
func formats() map[string]Format {
	return map[string]Format{"native": Native, "ocsf": OCSF, "ecs": ECS, "netstat": Netstat, "slack": Slack}
}

// Named returns the format of that name.
func Named(name string) (Format, error) {
	f, ok := formats()[name]
	if !ok {
		return nil, fmt.Errorf("format %q is not one of %v", name, Names())
	}
	return f, nil
}

// Names returns the names of all formats.
func Names() []string { return slices.Sorted(maps.Keys(formats())) }

// Native encodes as portwatch's own JSON object. A title that a template made
// takes the place of the alert's, and its text comes as "text".
func Native(m *Message) ([]byte, error) {
	if m.Alert == nil {
		return m.Event.MarshalJSON()
	}
	a := *m.Alert
	if m.Title != "" {
		a.Title = m.Title
	}
	b, err := a.MarshalJSON()
	if err != nil || m.Text == "" {
		return b, err
	}
	text, err := json.Marshal(m.Text)
	if err != nil {
		return nil, err
	}
	b = append(b[:len(b)-1], `,"text":`...)
	return append(append(b, text...), '}'), nil
}

// Netstat encodes as the eight strings that a pipeline built on netstat has,
// those of Panther's schema Custom.Netstat. They are always there, all of
// them; what is not known is empty.
func Netstat(m *Message) ([]byte, error) {
	return json.Marshal(NetstatFields(m.Subject()))
}

// NetstatFields returns the eight strings of an event, which may be nil.
func NetstatFields(ev *event.Event) map[string]string {
	fields := map[string]string{
		"foreign_address": "", "local_address": "", "name": "", "process": "",
		"protocol": "", "recv": "0", "send": "0", "state": "LISTEN",
	}
	if ev == nil {
		return fields
	}
	s := &ev.Socket
	fields["local_address"], fields["foreign_address"] = s.LocalAddress(), s.ForeignAddress()
	fields["protocol"] = s.Protocol.String()
	if s.Family == event.IPv6 {
		fields["protocol"] += "6" // netstat's word for it
	}
	if p := ev.Process; p != nil {
		fields["name"] = strings.ToValidUTF8(p.Comm, "\uFFFD")
		if p.PID != 0 {
			fields["process"] = strconv.FormatUint(uint64(p.PID), 10)
		}
	}
	if ev.Type == event.Close {
		fields["state"] = "CLOSE"
	}
	return fields
}
