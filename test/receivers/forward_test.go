package receivers

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
)

// entry is what the Forward server got.
type entry struct {
	Tag     string
	Seconds int64
	Record  map[string]any
}

// forwardServer runs the server, and returns it and its port.
func forwardServer(t *testing.T, options map[string]any) (*process, int) {
	t.Helper()
	b, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, "node", "fluentserver.js", string(b))
	var ready struct{ Port int }
	if err := json.Unmarshal([]byte(p.line(t)), &ready); err != nil {
		t.Fatal(err)
	}
	return p, ready.Port
}

func (p *process) entry(t *testing.T) entry {
	t.Helper()
	var e entry
	if err := json.Unmarshal([]byte(p.line(t)), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestForward(t *testing.T) {
	t.Parallel()
	p, port := forwardServer(t, map[string]any{})
	d := tellTo(t, nil, fmt.Sprintf(`[
{name: native, type: forward, address: '127.0.0.1:%d', tag: alerts},
{name: netstat, type: forward, address: '127.0.0.1:%[1]d', tag: netstat, format: netstat, events: true, min_severity: CRITICAL}]`, port))
	a := firing(21)
	d.Alert(a)
	e := p.entry(t)
	if e.Tag != "alerts" || e.Seconds != a.Time.Unix() || e.Record["title"] != a.Title || e.Record["event"].(map[string]any)["port"] != 21.0 {
		t.Errorf("got %+v", e)
	}
	d.Event(opened(21))
	e = p.entry(t)
	want := "map[foreign_address::::* local_address::::21 name:vsftpd process:812 protocol:tcp6 recv:0 send:0 state:LISTEN]"
	if got := fmt.Sprint(e.Record); e.Tag != "netstat" || got != want {
		t.Errorf("got  %s %s\nwant %s", e.Tag, got, want)
	}
	until(t, "both are acknowledged", func() bool {
		return queued(d, "native").Delivered == 1 && queued(d, "netstat").Delivered == 1
	})
}

func TestForwardOverTLSWithASharedKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	read := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	p, port := forwardServer(t, map[string]any{
		"tls": map[string]string{"key": read(key), "cert": read(cert)}, "sharedKey": "the-key", "user": map[string]string{"me": "my-password"},
	})
	config := "[{name: f, type: forward, address: '127.0.0.1:%d', shared_key_file: %s, username: me, password: my-password, tls: {ca_file: %s}, retry: {first: 50ms, last: 200ms}}]"
	d := tellTo(t, nil, fmt.Sprintf(config, port, write(t, dir+"/key", "the-key\n"), cert))
	d.Alert(firing(21))
	if e := p.entry(t); e.Tag != "portwatch" || e.Record["status"] != "firing" {
		t.Errorf("got %+v", e)
	}
	until(t, "it is acknowledged", func() bool { return queued(d, "f").Delivered == 1 })

	d = tellTo(t, nil, fmt.Sprintf(config, port, write(t, dir+"/wrong", "another-key"), cert))
	d.Alert(firing(22))
	until(t, "the wrong key is refused", func() bool { return queued(d, "f").Queued == 1 })
	if st := queued(d, "f"); st.Delivered != 0 {
		t.Errorf("with the wrong key: %+v", st)
	}
}

// TestLostAcknowledgementIsSentAgain puts a proxy between that loses the
// first answer.
func TestLostAcknowledgementIsSentAgain(t *testing.T) {
	t.Parallel()
	p, port := forwardServer(t, map[string]any{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var connections atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			lose := connections.Add(1) == 1
			server, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				c.Close()
				continue
			}
			go io.Copy(server, c)
			go func() {
				defer c.Close()
				defer server.Close()
				if lose {
					server.Read(make([]byte, 1024))
					return
				}
				io.Copy(c, server)
			}()
		}
	}()
	d := tellTo(t, nil, fmt.Sprintf("[{name: f, type: forward, address: '%s', retry: {first: 50ms, last: 200ms}}]", l.Addr()))
	d.Alert(firing(21))
	first, second := p.entry(t), p.entry(t)
	if first.Record["fingerprint"] != second.Record["fingerprint"] || first.Record["status"] != "firing" {
		t.Errorf("got %+v and %+v", first, second)
	}
	until(t, "it is acknowledged", func() bool { return queued(d, "f").Delivered == 1 && queued(d, "f").Queued == 0 })
}
