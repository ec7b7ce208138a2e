package send

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"syscall"

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
