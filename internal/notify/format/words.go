package format

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/event"
)

const (
	lineBytes = 400
	nameBytes = 200
)

// Title returns the title of a message, with what became of it.
func Title(m *Message) string {
	switch {
	case m.Title != "":
		return m.Title
	case m.Alert == nil:
		ev := m.Event
		return fmt.Sprintf("%s %s %s by %s", ev.Type, ev.Socket.Protocol, Address(&ev.Socket), Who(ev))
	case m.Resolved():
		return "Resolved: " + event.Printable(m.Alert.Title, lineBytes)
	}
	return event.Printable(m.Alert.Title, lineBytes)
}

// Text returns what is to be known beside the title, in a few lines.
func Text(m *Message) string {
	if m.Text != "" {
		return m.Text
	}
	var b strings.Builder
	line := func(label, value string) {
		if value != "" {
			value = strings.Join(strings.Fields(value), " ") // one line, whatever it was
			fmt.Fprintf(&b, "%s: %s\n", label, event.Printable(value, lineBytes))
		}
	}
	if a := m.Alert; a != nil {
		line("severity", a.Severity.String())
		line("why", a.Explain)
		line("description", a.Description)
	}
	if ev := m.Subject(); ev != nil {
		line("socket", ev.Socket.Protocol.String()+" "+Address(&ev.Socket))
		line("process", Who(ev))
		if p := ev.Process; p != nil {
			exe := p.Exe
			if p.ExeDeleted {
				exe += " (deleted)"
			}
			line("executable", exe)
			line("command", p.Cmdline)
			line("user", userOf(p))
			line("unit", p.Unit)
			line("container", containerOf(p))
		}
		if m.Alert == nil {
			line("verdict", ev.Verdict.String())
			line("why", ev.Explain)
		}
	}
	if a := m.Alert; a != nil {
		for _, f := range a.Folded {
			b.WriteString("- " + event.Printable(f, lineBytes) + "\n")
		}
		if a.Count > 1 && a.Folded == nil {
			line("times", strconv.FormatUint(a.Count, 10))
		}
		line("first seen", event.FormatTime(a.FirstSeen))
		if a.Status == alert.Resolved {
			line("resolved", event.FormatTime(a.ResolvedAt)+" after "+a.ResolvedAt.Sub(a.FirstSeen).Round(time.Second).String())
		}
		line("runbook", a.Runbook)
		line("reference", a.Reference)
		line("host", a.Host)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Who names the opener as ps(1) would.
func Who(ev *event.Event) string {
	p := ev.Process
	if p == nil || p.PID == 0 {
		return ev.Owner.String()
	}
	return event.Printable(p.Comm, 16) + "[" + strconv.FormatUint(uint64(p.PID), 10) + "]"
}

// Address returns the address of a socket as ss(8) prints it.
func Address(s *event.Socket) string {
	if s.DualStack {
		return "*:" + strconv.Itoa(int(s.Port))
	}
	if !s.Address.IsValid() {
		return ":" + strconv.Itoa(int(s.Port))
	}
	return netip.AddrPortFrom(s.Address, s.Port).String()
}

func uidOf(p *event.Process) string { return strconv.FormatUint(uint64(p.UID), 10) }

func userOf(p *event.Process) string {
	if p.User == "" {
		return uidOf(p)
	}
	return p.User + " (" + uidOf(p) + ")"
}

func messageTime(m *Message) time.Time {
	if m.Alert != nil {
		return m.Alert.Time
	}
	return m.Event.Time
}

func containerOf(p *event.Process) string {
	if p.ContainerID == "" {
		return ""
	}
	return strings.TrimSpace(p.ContainerName + " " + p.ContainerImage + " " + p.ContainerID)
}
