package send

import (
	"crypto/rand"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"portwatch/internal/notify/format"
)

// fluentd is a server of the Forward protocol: what it does with a chunk, the
// test says.
type fluentd struct {
	net.Listener
	key    string
	user   bool
	chunks chan []any
	// answer is what it does with the nth chunk: ack, other, drop or mute.
	answer func(n int) string
}

func newFluentd(t *testing.T, key string) *fluentd {
	f := &fluentd{Listener: listen(t, "tcp", "127.0.0.1:0"), key: key, chunks: make(chan []any, 100), answer: func(int) string { return "ack" }}
	return f
}

func (f *fluentd) serve(t *testing.T) {
	n := 0
	for {
		c, err := f.Accept()
		if err != nil {
			return
		}
		f.talk(t, c, &n)
		c.Close()
	}
}

func (f *fluentd) talk(t *testing.T, c net.Conn, n *int) {
	r := msgp.NewReader(c)
	if f.key != "" && !f.greet(t, c, r) {
		return
	}
	for {
		v, err := r.ReadIntf()
		if err != nil {
			return
		}
		chunk := v.([]any)
		f.chunks <- chunk
		*n++
		options := chunk[2].(map[string]any)
		switch f.answer(*n) {
		case "ack":
			b, _ := msgp.AppendMapStrIntf(nil, map[string]any{"ack": options["chunk"]})
			c.Write(b)
		case "other":
			b, _ := msgp.AppendMapStrIntf(nil, map[string]any{"ack": "another"})
			c.Write(b)
		case "drop":
			return
		}
	}
}

// greet is the server's side of the handshake.
func (f *fluentd) greet(t *testing.T, c net.Conn, r *msgp.Reader) bool {
	nonce, auth := make([]byte, 16), []byte{}
	rand.Read(nonce)
	if f.user {
		auth = []byte("auth-salt")
	}
	b := msgp.AppendArrayHeader(nil, 2)
	b = msgp.AppendString(b, "HELO")
	b, _ = msgp.AppendMapStrIntf(b, map[string]any{"nonce": nonce, "auth": auth, "keepalive": true})
	c.Write(b)
	v, err := r.ReadIntf()
	if err != nil {
		return false
	}
	ping := v.([]any)
	host, salt := bytesOf(ping[1]), bytesOf(ping[2])
	ok := ping[0] == "PING" && ping[3] == digest(salt, host, nonce, []byte(f.key))
	if f.user {
		ok = ok && ping[4] == "me" && ping[5] == digest(auth, []byte("me"), []byte("my-password"))
	}
	b = msgp.AppendArrayHeader(nil, 5)
	b = msgp.AppendString(b, "PONG")
	b = msgp.AppendBool(b, ok)
	b = msgp.AppendString(b, map[bool]string{true: "", false: "shared_key mismatch"}[ok])
	b = msgp.AppendString(b, "server")
	b = msgp.AppendString(b, digest(salt, []byte("server"), nonce, []byte(f.key)))
	c.Write(b)
	return ok
}

func (f *fluentd) client(t *testing.T, opts ForwardOptions) *Forward {
	t.Helper()
	go f.serve(t)
	opts.Address, opts.Tag = f.Addr().String(), "portwatch"
	if opts.Encode == nil {
		opts.Encode = format.Native
	}
	c, err := NewForward(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestForwardSendsChunksThatAreAcknowledged(t *testing.T) {
	f := newFluentd(t, "")
	c := f.client(t, ForwardOptions{})
	deliver(t, c, firing(), opened())
	chunk := <-f.chunks
	entries := chunk[1].([]any)
	if chunk[0] != "portwatch" || len(entries) != 2 || chunk[2].(map[string]any)["size"] != int64(2) {
		t.Fatalf("chunk %v", chunk)
	}
	entry := entries[0].([]any)
	at, record := entry[0].(*msgp.RawExtension), entry[1].(map[string]any)
	if at.Type != 0 || len(at.Data) != 8 || uint32(at.Data[0])<<24|uint32(at.Data[1])<<16|uint32(at.Data[2])<<8|uint32(at.Data[3]) != uint32(noon.Unix()) {
		t.Errorf("time %+v", at)
	}
	if record["title"] != "Unexpected Port Opened: 21" || record["count"] != int64(1) || record["event"].(map[string]any)["port"] != int64(21) {
		t.Errorf("record %v", record)
	}
}

func TestForwardNetstatRecord(t *testing.T) {
	f := newFluentd(t, "")
	deliver(t, f.client(t, ForwardOptions{Encode: format.Netstat}), opened())
	record := (<-f.chunks)[1].([]any)[0].([]any)[1].(map[string]any)
	if len(record) != 8 || record["local_address"] != ":::21" {
		t.Errorf("record %v", record)
	}
}

func TestForwardWithoutAcknowledgementIsAnError(t *testing.T) {
	for _, answer := range []string{"other", "drop"} {
		f := newFluentd(t, "")
		f.answer = func(n int) string {
			if n == 1 {
				return answer
			}
			return "ack"
		}
		c := f.client(t, ForwardOptions{})
		if _, err := c.Send(soon(t), []*format.Message{firing()}); err == nil || Permanent(err) {
			t.Errorf("%s: %v", answer, err)
		}
		deliver(t, c, firing())
		if len(f.chunks) != 2 {
			t.Errorf("%s: the server got it %d times, want 2", answer, len(f.chunks))
		}
	}
}

func TestForwardThatIsMuteEndsWithTheDeadline(t *testing.T) {
	f := newFluentd(t, "")
	f.answer = func(int) string { return "mute" }
	c := f.client(t, ForwardOptions{})
	ctx, cancel := contextWithTimeout(t, 50*time.Millisecond)
	defer cancel()
	if _, err := c.Send(ctx, []*format.Message{firing()}); err == nil || Permanent(err) {
		t.Errorf("got %v", err)
	}
}

func TestForwardUsesAConnectionThatEndedOnce(t *testing.T) {
	f := newFluentd(t, "")
	f.answer = func(n int) string {
		if n == 2 {
			return "drop" // as a server does that closes idle connections
		}
		return "ack"
	}
	c := f.client(t, ForwardOptions{})
	deliver(t, c, firing())
	deliver(t, c, firing())
	if len(f.chunks) != 3 {
		t.Errorf("the server got %d chunks, want 3", len(f.chunks))
	}
}

func TestForwardSharedKeyAndUser(t *testing.T) {
	f := newFluentd(t, "the-shared-key")
	f.user = true
	c := f.client(t, ForwardOptions{SharedKey: SecretText("the-shared-key"), Username: "me", Password: SecretText("my-password")})
	deliver(t, c, firing())
	wrong := newFluentd(t, "the-shared-key")
	_, err := wrong.client(t, ForwardOptions{SharedKey: SecretText("not-the-key")}).Send(soon(t), []*format.Message{firing()})
	if err == nil || !strings.Contains(err.Error(), "shared_key mismatch") || strings.Contains(err.Error(), "not-the-key") {
		t.Errorf("wrong key: %v", err)
	}
	none := newFluentd(t, "the-shared-key")
	_, err = none.client(t, ForwardOptions{}).Send(soon(t), []*format.Message{firing()})
	if err == nil || !strings.Contains(err.Error(), "set shared_key_file") {
		t.Errorf("no key: %v", err)
	}
}

func TestForwardServerMustKnowTheKeyToo(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := msgp.AppendArrayHeader(nil, 2)
		b = msgp.AppendString(b, "HELO")
		b, _ = msgp.AppendMapStrIntf(b, map[string]any{"nonce": []byte("n"), "auth": []byte{}})
		c.Write(b)
		r := msgp.NewReader(c)
		r.ReadIntf()
		b = msgp.AppendArrayHeader(nil, 5)
		b = msgp.AppendString(b, "PONG")
		b = msgp.AppendBool(b, true)
		for _, s := range []string{"", "server", "no digest"} {
			b = msgp.AppendString(b, s)
		}
		c.Write(b)
		r.ReadIntf()
	}()
	c, err := NewForward(ForwardOptions{Address: l.Addr().String(), SharedKey: SecretText("the-shared-key"), Encode: format.Native})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Send(soon(t), []*format.Message{firing()}); err == nil || !strings.Contains(err.Error(), "does not know the shared key") {
		t.Errorf("got %v", err)
	}
}

// FuzzForwardServer has the server answer anything.
func FuzzForwardServer(f *testing.F) {
	f.Add([]byte("\x81\xa3ack\xa1x"))
	f.Add([]byte("\x92\xa4HELO\x82\xa5nonce\xc4\x01n\xa4auth\xc4\x00"))
	f.Add([]byte("\xdd\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			if c, err := l.Accept(); err == nil {
				c.Write(answer)
				c.Close()
			}
		}()
		for _, key := range []string{"", "the-shared-key"} {
			c, err := NewForward(ForwardOptions{Address: l.Addr().String(), SharedKey: SecretText(key), Encode: format.Native})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := contextWithTimeout(t, 200*time.Millisecond)
			if _, err := c.Send(ctx, []*format.Message{firing()}); err == nil {
				t.Error("took it for an acknowledgement")
			}
			cancel()
			c.Close()
			l.Close()
		}
	})
}
