package send

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"portwatch/internal/event"
	"portwatch/internal/notify/format"
)

const (
	// datagramBytes is what a receiver of RFC 5426 should take at least.
	datagramBytes = 2048
	frameBytes    = 64 << 10

	// sdID names our structured data. 32473 is the number that RFC 5612
	// keeps for those who have none of their own.
	sdID = "portwatch@32473"

	paramBytes = 200
)

// frame returns the bytes to be written for a line.
func (s *Syslog) frame(line []byte) []byte {
	switch {
	case s.datagram:
		return cut(line, datagramBytes)
	case s.opts.Transport == "unix":
		return append(cut(line, frameBytes), '\n')
	}
	line = cut(line, frameBytes)
	return append(append(strconv.AppendInt(nil, int64(len(line)), 10), ' '), line...)
}

// cut shortens line to limit bytes without leaving half a character.
func cut(line []byte, limit int) []byte {
	if len(line) <= limit {
		return line
	}
	for limit > 0 && line[limit]&0xc0 == 0x80 {
		limit--
	}
	return line[:limit]
}

// line returns the message in the format of RFC 5424.
func (s *Syslog) line(m *format.Message) ([]byte, error) {
	var at time.Time
	kind, host := "event", s.host
	if a := m.Alert; a != nil {
		at, kind = a.Time, "alert"
	} else {
		at = m.Event.Time
	}
	// No byte order mark before the text: receivers show it.
	text := []byte(sentence(m))
	if s.opts.Encode != nil {
		var err error
		if text, err = s.opts.Encode(m); err != nil {
			return nil, err
		}
	}
	b := fmt.Appendf(nil, "<%d>1 %s %s portwatch %d %s ", s.opts.Facility*8+syslogSeverity(m),
		event.FormatTime(at), header(host, 255), os.Getpid(), kind)
	b = appendData(b, m)
	b = append(b, ' ')
	return append(b, text...), nil
}

// sentence is a message in one line.
func sentence(m *format.Message) string {
	line := format.Title(m)
	if m.Text != "" {
		return line + ": " + event.Printable(strings.Join(strings.Fields(m.Text), " "), frameBytes)
	}
	if a := m.Alert; a != nil {
		line += ": " + event.Printable(a.Explain, 1000)
	} else if m.Event.Explain != "" {
		line += ": " + event.Printable(m.Event.Explain, 1000)
	}
	if ev := m.Subject(); ev != nil && m.Alert != nil {
		line += " (" + ev.Socket.Protocol.String() + " " + format.Address(&ev.Socket) + " by " + format.Who(ev) + ")"
	}
	return line
}

// header returns s as a field of the header: visible ASCII, at most limit.
func header(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < '!' || r > '~' {
			return '_'
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), limit)]
}

// syslogSeverity: a port that should not be open is worse than a warning from
// MEDIUM on; the end of it is a notice.
func syslogSeverity(m *format.Message) int {
	if m.Resolved() {
		return 5
	}
	switch m.Severity() {
	case event.Critical:
		return 2
	case event.High:
		return 3
	case event.Medium:
		return 4
	case event.Low:
		return 5
	}
	return 6
}

// appendData adds the structured data.
func appendData(b []byte, m *format.Message) []byte {
	b = append(b, "["+sdID...)
	for _, f := range fields(m) {
		b = append(b, ' ')
		b = append(b, f.name...)
		b = append(b, `="`...)
		for _, c := range []byte(event.Printable(f.value, paramBytes)) {
			if c == '"' || c == '\\' || c == ']' {
				b = append(b, '\\')
			}
			b = append(b, c)
		}
		b = append(b, '"')
	}
	return append(b, ']')
}
