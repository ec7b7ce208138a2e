package send

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/tinylib/msgp/msgp"

	"portwatch/internal/notify/format"
)

// ForwardOptions say how a Fluentd or a Fluent Bit is reached.
type ForwardOptions struct {
	Address   string // host and port
	Tag       string
	TLS       *TLS // nil is none
	SharedKey Secret
	Username  string
	Password  Secret
	NoAck     bool // do not wait for an acknowledgement
	Encode    format.Format
}

// Forward speaks Fluentd's Forward protocol, version 1: Forward mode with
// acknowledgement, and the handshake of a shared key.
type Forward struct {
	opts ForwardOptions
	tls  *tls.Config
	host string

	conn net.Conn
	in   *msgp.Reader
}

// NewForward returns a way to a Fluentd or a Fluent Bit.
func NewForward(opts ForwardOptions) (*Forward, error) {
	f := &Forward{opts: opts}
	f.host, _ = os.Hostname()
	if opts.TLS != nil {
		var err error
		if f.tls, err = opts.TLS.config(); err != nil {
			return nil, err
		}
	}
	for name, s := range map[string]Secret{"shared_key": opts.SharedKey, "password": opts.Password} {
		if _, err := s.Read(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return f, nil
}

// answerElements bounds what a server can make us read.
const answerElements = 64

// Send delivers; see Sender. All messages go in one chunk.
func (f *Forward) Send(ctx context.Context, messages []*format.Message) (int, error) {
	chunk := make([]byte, 16)
	rand.Read(chunk)
	id := base64.StdEncoding.EncodeToString(chunk)
	taken, body, err := f.encode(messages, id)
	if err != nil {
		return 0, permanent(err)
	}
	used := f.conn != nil
	err = f.exchange(ctx, body, id)
	if used && ended(err) && ctx.Err() == nil {
		// The server had closed the connection since it was last used.
		err = f.exchange(ctx, body, id)
	}
	if err != nil {
		return 0, err
	}
	return taken, nil
}

// Batch returns how many messages share a chunk.
func (f *Forward) Batch() int { return 256 }

// Close ends the connection.
func (f *Forward) Close() error {
	if f.conn == nil {
		return nil
	}
	err := f.conn.Close()
	f.conn, f.in = nil, nil
	return err
}

func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

// exchange sends a chunk and waits for its acknowledgement.
func (f *Forward) exchange(ctx context.Context, body []byte, id string) (err error) {
	defer func() {
		if err != nil {
			f.Close() // whatever comes on it now would be taken for another chunk's
		}
	}()
	if f.conn == nil {
		if err := f.connect(ctx); err != nil {
			return err
		}
	}
	defer limited(ctx, f.conn)()
	if _, err := f.conn.Write(body); err != nil {
		return err
	}
	if f.opts.NoAck {
		return nil
	}
	answer, err := f.in.ReadIntf()
	if err != nil {
		return fmt.Errorf("wait for the acknowledgement: %w", err)
	}
	if m, ok := answer.(map[string]any); ok {
		if m["ack"] == id {
			return nil
		}
		return fmt.Errorf("the server acknowledged another chunk")
	}
	if name, _ := message(answer, 1); name == "HELO" {
		return permanent(errors.New("the server asks for a shared key: set shared_key_file"))
	}
	return fmt.Errorf("the server answered with something else than an acknowledgement")
}

func (f *Forward) connect(ctx context.Context) error {
	conn, err := dial(ctx, "tcp", f.opts.Address, f.tls)
	if err != nil {
		return err
	}
	f.conn, f.in = conn, msgp.NewReader(conn)
	f.in.SetMaxElements(answerElements)
	f.in.SetMaxStringLength(answerBytes)
	f.in.SetMaxRecursionDepth(4)
	if f.opts.SharedKey.IsZero() {
		return nil
	}
	defer limited(ctx, conn)()
	return f.handshake()
}

// encode returns a chunk in Forward mode: [tag, [[time, record], ...],
// {size, chunk}]. A message that cannot be encoded ends it; it is an error
// only if it is the first.
func (f *Forward) encode(messages []*format.Message, id string) (n int, body []byte, err error) {
	var entries []byte
	for _, m := range messages {
		record, err := f.record(m)
		if err != nil && n == 0 {
			return 0, nil, err
		}
		if err != nil {
			break
		}
		entries = msgp.AppendArrayHeader(entries, 2)
		entries = appendEventTime(entries, messageTime(m))
		entries = append(entries, record...)
		n++
	}
	body = msgp.AppendArrayHeader(nil, 3)
	body = msgp.AppendString(body, f.opts.Tag)
	body = msgp.AppendArrayHeader(body, uint32(n))
	body = append(body, entries...)
	options := map[string]any{"size": n}
	if !f.opts.NoAck {
		options["chunk"] = id
	}
	body, err = msgp.AppendMapStrIntf(body, options)
	return n, body, err
}

// record returns a message as a map of MessagePack, by way of its JSON: one
// contract for all receivers.
func (f *Forward) record(m *format.Message) ([]byte, error) {
	b, err := f.opts.Encode(m)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var record map[string]any
	if err := d.Decode(&record); err != nil {
		return nil, err
	}
	return msgp.AppendMapStrIntf(nil, record)
}

// appendEventTime adds Fluentd's extension type 0: seconds and nanoseconds.
func appendEventTime(b []byte, t time.Time) []byte {
	b = append(b, 0xd7, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(t.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

func messageTime(m *format.Message) time.Time {
	if m.Alert != nil {
		return m.Alert.Time
	}
	return m.Event.Time
}
