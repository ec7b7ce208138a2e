package notify

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/event"
)

// text writes lines for people. What processes chose for themselves is made
// printable: a terminal obeys what it is sent.
type text struct {
	colour bool
}

const (
	white  = "\x1b[1;37;41m" // on red: an alert is seen at once
	yellow = "\x1b[33m"
	green  = "\x1b[1;32m"
	dim    = "\x1b[2m"
	reset  = "\x1b[0m"
)

const (
	nameBytes = 120 // of an executable
	lineBytes = 400 // of an explanation
)

func (t text) append(b []byte, it *item) []byte {
	switch {
	case it.event != nil:
		if it.event.Socket.Role == event.Client && it.event.Verdict != event.Unexpected {
			return b // DNS look-ups of ordinary programs are no news
		}
		return t.event(b, it.event)
	case it.alert != nil:
		return t.alert(b, it.alert)
	}
	return t.status(b, it.status)
}

func clock(at time.Time) string { return at.Local().Format("15:04:05.000") }

func (t text) paint(colour, s string) string {
	if !t.colour {
		return s
	}
	return colour + s + reset
}

func (t text) event(b []byte, ev *event.Event) []byte {
	what := fmt.Sprintf("%-8s %-3s %-21s %-24s", ev.Type, ev.Socket.Protocol, localAddress(&ev.Socket), who(ev))
	rest := ""
	switch {
	case ev.Type == event.Close && !ev.OpenedAt.IsZero():
		rest = "after " + round(ev.Time.Sub(ev.OpenedAt)).String()
	case ev.Type == event.Open:
		rest = fmt.Sprintf("%-10s %s", ev.Verdict, event.Printable(ev.Explain, lineBytes))
	}
	if ev.Count > 1 {
		rest += fmt.Sprintf(" (%d times)", ev.Count)
	}
	if ev.Origin != event.Live {
		rest += " (" + ev.Origin.String() + ")"
	}
	line := strings.TrimRight(clock(ev.Time)+"  "+what+" "+rest, " ")
	switch {
	case ev.Type == event.Close || ev.Verdict == event.Allowed:
		line = t.paint(dim, line)
	case ev.Verdict == event.Unexpected || ev.Verdict == event.Unknown:
		line = t.paint(yellow, line)
	}
	return append(append(b, line...), '\n')
}

func (t text) alert(b []byte, a *alert.Alert) []byte {
	word, colour := "ALERT", white
	switch {
	case a.Status == alert.Resolved:
		word, colour = "RESOLVED", green
	case a.Severity < event.High:
		colour = yellow
	}
	head := t.paint(colour, fmt.Sprintf("%-8s %s  %s", word, a.Severity, event.Printable(a.Title, lineBytes)))
	b = fmt.Appendf(b, "%s  %s", clock(a.Time), head)
	if ev := a.Event; ev != nil {
		b = fmt.Appendf(b, "  %s %s by %s", ev.Socket.Protocol, localAddress(&ev.Socket), whoInFull(ev))
	}
	switch {
	case a.Status == alert.Resolved:
		b = fmt.Appendf(b, "  after %v", round(a.ResolvedAt.Sub(a.FirstSeen)))
	case a.Flapping:
		b = append(b, "  flapping"...)
	}
	if a.Count > 1 && a.Folded == nil {
		b = fmt.Appendf(b, "  (%d times)", a.Count)
	}
	b = append(b, '\n')
	if a.Status == alert.Firing {
		for _, line := range a.Folded {
			b = fmt.Appendf(b, "%s    %s\n", clock(a.Time), event.Printable(line, lineBytes))
		}
	}
	return b
}

func (t text) status(b []byte, s *Status) []byte {
	var fields []string
	for _, k := range slices.Sorted(maps.Keys(s.Fields)) {
		fields = append(fields, k+" "+event.Printable(show(s.Fields[k]), lineBytes))
	}
	line := clock(s.Time) + "  " + s.Status
	if len(fields) > 0 {
		line += ": " + strings.Join(fields, ", ")
	}
	if s.Status == "lost" || s.Status == "error" {
		line = t.paint(yellow, line)
	}
	return append(append(b, line...), '\n')
}

func show(v any) string {
	if list, ok := v.([]string); ok {
		return strings.Join(list, " ")
	}
	return fmt.Sprint(v)
}

// round returns d with as many digits as a person wants of it.
func round(d time.Duration) time.Duration {
	if d < time.Minute {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}

// who names the opener as ps(1) would.
func who(ev *event.Event) string {
	p := ev.Process
	if p == nil || p.PID == 0 {
		return ev.Owner.String()
	}
	return event.Printable(p.Comm, 16) + "[" + strconv.FormatUint(uint64(p.PID), 10) + "]"
}

// whoInFull names the opener with its executable and user.
func whoInFull(ev *event.Event) string {
	name := who(ev)
	p := ev.Process
	if p == nil {
		return name
	}
	if p.Exe != "" {
		name += " " + event.Printable(p.Exe, nameBytes)
	}
	if p.ExeDeleted {
		name += " (deleted)"
	}
	if p.User != "" {
		return name + " as " + event.Printable(p.User, 32)
	}
	return name + " as uid " + strconv.FormatUint(uint64(p.UID), 10)
}

// localAddress returns the address as ss(8) prints it.
func localAddress(s *event.Socket) string {
	if s.DualStack {
		return "*:" + strconv.Itoa(int(s.Port))
	}
	return netip.AddrPortFrom(s.Address, s.Port).String()
}
