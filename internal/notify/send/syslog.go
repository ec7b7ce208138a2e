package send

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"portwatch/internal/event"
	"portwatch/internal/notify/format"
)

// SyslogOptions say how a syslog receiver is reached.
type SyslogOptions struct {
	Transport string // udp, tcp, tls or unix
	Address   string // host and port, or a path
	TLS       TLS
	Facility  int           // as RFC 5424 numbers them
	Encode    format.Format // of the message; nil is a line for people
}

// Facilities returns the names of facilities and their numbers.
func Facilities() map[string]int {
	return map[string]int{
		"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9,
		"authpriv": 10, "ftp": 11, "local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21,
		"local6": 22, "local7": 23,
	}
}

const (
	// datagramBytes is what a receiver of RFC 5426 should take at least.
	datagramBytes = 2048
	frameBytes    = 64 << 10

	// sdID names our structured data. 32473 is the number that RFC 5612
	// keeps for those who have none of their own.
	sdID = "portwatch@32473"

	paramBytes = 200
)

// Syslog sends messages in the format of RFC 5424. Over tcp and tls each is
// counted (RFC 6587, RFC 5425). Syslog has no acknowledgement: what a
// receiver had taken and not yet read when it ended is lost.
type Syslog struct {
	opts SyslogOptions
	tls  *tls.Config
	conn *stream
	// datagram says that each message is one write and needs no frame.
	datagram bool
	host     string
}

// NewSyslog returns a way to a syslog receiver.
func NewSyslog(opts SyslogOptions) (*Syslog, error) {
	s := &Syslog{opts: opts}
	s.host, _ = os.Hostname()
	if opts.Transport == "tls" {
		var err error
		if s.tls, err = opts.TLS.config(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Send delivers; see Sender.
func (s *Syslog) Send(ctx context.Context, messages []*format.Message) (int, error) {
	if s.conn != nil && s.conn.gone.Load() {
		s.drop()
	}
	if s.conn == nil {
		if err := s.connect(ctx); err != nil {
			return 0, err
		}
	}
	lift := limited(ctx, s.conn)
	defer lift()
	return one(messages, func(m *format.Message) error {
		line, err := s.line(m)
		if err != nil {
			return permanent(err)
		}
		if _, err := s.conn.Write(s.frame(line)); err != nil {
			if !s.datagram || !errors.Is(err, syscall.EMSGSIZE) {
				s.drop()
			}
			return err
		}
		return nil
	})
}

// Batch returns how many lines are written in one go.
func (s *Syslog) Batch() int { return 256 }

// Close ends the connection.
func (s *Syslog) Close() error {
	s.drop()
	return nil
}

func (s *Syslog) drop() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

func (s *Syslog) connect(ctx context.Context) error {
	network := s.opts.Transport
	switch network {
	case "tls":
		network = "tcp"
	case "unix":
		network = "unixgram"
	}
	s.datagram = network == "udp" || network == "unixgram"
	conn, err := dial(ctx, network, s.opts.Address, s.tls)
	if errors.Is(err, syscall.EPROTOTYPE) { // the socket wants a stream
		s.datagram = false
		conn, err = dial(ctx, "unix", s.opts.Address, nil)
	}
	if err != nil {
		return err
	}
	s.conn = newStream(conn)
	return nil
}

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
