package send

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// keepAlive finds out that a peer is gone though nothing is sent.
const keepAlive = 30 * time.Second

// dial connects to address; with a configuration of TLS over that.
func dial(ctx context.Context, network, address string, tlsConfig *tls.Config) (net.Conn, error) {
	d := net.Dialer{KeepAlive: keepAlive}
	if tlsConfig == nil {
		return d.DialContext(ctx, network, address)
	}
	td := tls.Dialer{NetDialer: &d, Config: tlsConfig}
	return td.DialContext(ctx, network, address)
}

// limited has what is done with conn end when ctx does. The returned function
// lifts that again.
func limited(ctx context.Context, conn net.Conn) (lift func()) {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	return func() {
		if stop() {
			return
		}
		conn.Close() // the deadline may come after it was lifted
	}
}

// A stream is a connection on which the peer says nothing. Somebody reads all
// the same: an end of the stream is all there is to learn that a message
// would be written into the void.
type stream struct {
	net.Conn
	gone atomic.Bool
	done chan struct{}
}

func newStream(conn net.Conn) *stream {
	s := &stream{Conn: conn, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		b := make([]byte, 512)
		for {
			if _, err := conn.Read(b); err != nil {
				s.gone.Store(true)
				return
			}
		}
	}()
	return s
}

func (s *stream) Close() error {
	err := s.Conn.Close()
	<-s.done
	return err
}
