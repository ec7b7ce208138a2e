package notify

import (
	"cmp"
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

// text writes lines for people. Names that processes chose for themselves are
// made printable: a terminal obeys what it is sent.
type text struct {
	colour bool
}

const (
	red    = "\x1b[1;37;41m" // alerts stand out
	yellow = "\x1b[33m"
	green  = "\x1b[1;32m"
	dim    = "\x1b[2m"
	reset  = "\x1b[0m"
)

const (
	nameBytes = 120 // of an executable
	lineBytes = 400 // of an explanation
)

func (t text) append(b []byte, it item) []byte {
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
	what := fmt.Sprintf("%-5s %-3s %-21s %-24s", ev.Type, ev.Socket.Protocol, localAddress(&ev.Socket), who(ev))
	rest := ""
	switch {
	case ev.Type == event.Close:
		if !ev.OpenedAt.IsZero() {
			rest = "after " + ev.Time.Sub(ev.OpenedAt).Round(time.Millisecond).String()
		}
	default:
		rest = fmt.Sprintf("%-10s %s", ev.Verdict, event.Printable(ev.Explain, lineBytes))
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
	word, colour := "ALERT", red
	if a.Status == alert.Resolved {
		word, colour = "RESOLVED", green
	} else if a.Severity < event.High {
		colour = yellow
	}
	head := t.paint(colour, fmt.Sprintf(" %s %s  %s ", word, a.Severity, event.Printable(a.Title, lineBytes)))
	b = fmt.Appendf(b, "%s  %s", clock(a.Time), head)
	if ev := a.Event; ev != nil {
		b = fmt.Appendf(b, "  %s %s by %s", ev.Socket.Protocol, localAddress(&ev.Socket), who(ev))
		if p := ev.Process; p != nil && p.Exe != "" {
			b = fmt.Appendf(b, " %s", event.Printable(p.Exe, nameBytes))
		}
		if p := ev.Process; p != nil {
			b = fmt.Appendf(b, " as %s", cmp.Or(event.Printable(p.User, 32), "uid "+strconv.FormatUint(uint64(p.UID), 10)))
		}
	}
	if a.Count > 1 {
		b = fmt.Appendf(b, "  (%d times)", a.Count)
	}
	b = append(b, '\n')
	for _, line := range a.Folded {
		b = fmt.Appendf(b, "%s    %s\n", clock(a.Time), event.Printable(line, lineBytes))
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
	return append(append(b, line...), '\n')
}

func show(v any) string {
	if list, ok := v.([]string); ok {
		return strings.Join(list, " ")
	}
	return fmt.Sprint(v)
}

func who(ev *event.Event) string {
	p := ev.Process
	if p == nil || p.PID == 0 {
		return ev.Owner.String()
	}
	return event.Printable(p.Comm, 16) + "[" + strconv.FormatUint(uint64(p.PID), 10) + "]"
}

// localAddress returns the address as ss(8) prints it.
func localAddress(s *event.Socket) string {
	if s.DualStack {
		return "*:" + strconv.Itoa(int(s.Port))
	}
	return netip.AddrPortFrom(s.Address, s.Port).String()
}
