package send

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"portwatch/internal/event"
	"portwatch/internal/notify/format"
)

const wantLine = `<27>1 2026-11-23T12:00:00.123456Z HOST portwatch PID alert ` +
	`[portwatch@32473 status="firing" severity="HIGH" rule="allow" fingerprint="0011" count="1" type="open" verdict="unexpected" ` +
	`protocol="tcp" address="::" port="21" scope="wildcard" pid="812" comm="vsftpd" exe="/usr/sbin/vs\"ft\]pd\\" uid="0" user="root" unit="vsftpd.service"] ` +
	`Unexpected Port Opened: 21: no clause allows tcp/21 (tcp *:21 by vsftpd[812])`

func want5424() string {
	host, _ := os.Hostname()
	return strings.NewReplacer("HOST", host, "PID", fmt.Sprint(os.Getpid())).Replace(wantLine)
}

func syslog(t *testing.T, opts SyslogOptions) *Syslog {
	t.Helper()
	opts.Facility = 3
	s, err := NewSyslog(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// counted reads one octet-counted frame.
func counted(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	size, err := r.ReadString(' ')
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(size))
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func accept(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	t.Cleanup(func() { c.Close() })
	return c
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestSyslogUDP(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := syslog(t, SyslogOptions{Transport: "udp", Address: l.LocalAddr().String()})
	deliver(t, s, firing())
	b := make([]byte, 65536)
	l.SetDeadline(time.Now().Add(20 * time.Second))
	n, _, err := l.ReadFrom(b)
	if err != nil || string(b[:n]) != want5424() {
		t.Errorf("got  %s, %v\nwant %s", b[:n], err, want5424())
	}
	long := firing()
	long.Text = strings.Repeat("ü", 3000)
	deliver(t, s, long)
	if n, _, err = l.ReadFrom(b); err != nil || n > datagramBytes || !strings.HasSuffix(string(b[:n]), "ü") {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestSyslogTCPCountsOctetsAndComesBack(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	s := syslog(t, SyslogOptions{Transport: "tcp", Address: l.Addr().String()})
	deliver(t, s, firing(), firing())
	c := accept(t, l)
	r := bufio.NewReader(c)
	for range 2 {
		if got := counted(t, r); got != want5424() {
			t.Errorf("got  %s\nwant %s", got, want5424())
		}
	}
	c.Close() // rsyslog is restarted
	<-s.conn.done
	deliver(t, s, firing())
	if got := counted(t, bufio.NewReader(accept(t, l))); got != want5424() {
		t.Errorf("after a restart got %s", got)
	}
}

func TestSyslogTLS(t *testing.T) {
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: srv.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		got <- counted(t, bufio.NewReader(c))
	}()
	ca := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
	deliver(t, syslog(t, SyslogOptions{Transport: "tls", Address: l.Addr().String(), TLS: TLS{CAFile: ca}}), firing())
	if s := <-got; s != want5424() {
		t.Errorf("got %s", s)
	}
}

func TestSyslogUnix(t *testing.T) {
	dir := t.TempDir()
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "dgram"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	deliver(t, syslog(t, SyslogOptions{Transport: "unix", Address: filepath.Join(dir, "dgram")}), firing())
	b := make([]byte, 65536)
	n, err := l.Read(b)
	if err != nil || string(b[:n]) != want5424() {
		t.Errorf("got %s, %v", b[:n], err)
	}
	stream := listen(t, "unix", filepath.Join(dir, "stream"))
	deliver(t, syslog(t, SyslogOptions{Transport: "unix", Address: filepath.Join(dir, "stream")}), firing())
	if got, err := bufio.NewReader(accept(t, stream)).ReadString('\n'); err != nil || got != want5424()+"\n" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestSyslogThatHangsEndsWithTheDeadline(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	s := syslog(t, SyslogOptions{Transport: "tcp", Address: l.Addr().String()})
	long := firing()
	long.Text = strings.Repeat("x", 60_000)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for range 1000 { // until the buffers of both sides are full
		if _, err := s.Send(ctx, []*format.Message{long}); err != nil {
			if Permanent(err) {
				t.Errorf("got %v", err)
			}
			return
		}
	}
	t.Error("a thousand messages were taken by nobody")
}

func TestSyslogLineIsOneLine(t *testing.T) {
	m := firing()
	p := *m.Alert.Event.Process
	p.Comm, p.Exe, p.User = "\n<13>1 forged", "\x1b[2J\xff", "\x00"
	ev := *m.Alert.Event
	ev.Process = &p
	m.Alert.Event, m.Text = &ev, "a\nb\r\nc"
	b, err := syslog(t, SyslogOptions{}).line(m)
	if err != nil || strings.ContainsAny(string(b), "\n\r\x1b\x00\xff") {
		t.Errorf("%q, %v", b, err)
	}
}

func TestFileIsFollowedThroughRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.jsonl")
	f := NewFile(path, format.Native)
	defer f.Close()
	lines := func(path string) int {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(b), "\n")
	}
	deliver(t, f, firing(), resolvedMessage())
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	deliver(t, f, firing())
	if err := os.Truncate(path, 0); err != nil { // copytruncate
		t.Fatal(err)
	}
	deliver(t, f, firing(), firing())
	if lines(path+".1") != 2 || lines(path) != 2 {
		t.Errorf("%d and %d lines, want 2 and 2", lines(path+".1"), lines(path))
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	deliver(t, f, firing())
	if st, err := os.Stat(path); err != nil || st.Mode().Perm()&^fileMode != 0 || lines(path) != 1 {
		t.Errorf("%v, %v", st, err)
	}
}

func TestFullDiskLeavesNoHalfLine(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
	path := filepath.Join(t.TempDir(), "alerts.jsonl")
	f := NewFile(path, format.Native)
	defer f.Close()
	deliver(t, f, firing())
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	tight := limit
	tight.Cur = uint64(st.Size()) + 100 // of what is several hundred bytes long
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &tight); err != nil {
		t.Fatal(err)
	}
	_, err = f.Send(soon(t), []*format.Message{firing()})
	if err == nil || Permanent(err) {
		t.Errorf("got %v", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if now, err := os.Stat(path); err != nil || now.Size() != st.Size() {
		t.Errorf("%d bytes, want the %d of before; %v", now.Size(), st.Size(), err)
	}
	if _, err := NewFile("/dev/full", format.Native).Send(soon(t), []*format.Message{firing()}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("/dev/full: %v", err)
	}
}

func TestJournalFields(t *testing.T) {
	got := journalFields(firing())
	for name, want := range map[string]string{
		"PORTWATCH_RULE": "allow", "PORTWATCH_STATUS": "firing", "PORTWATCH_PORT": "21", "PORTWATCH_KIND": "alert",
		"PORTWATCH_FINGERPRINT": "0011", "PORTWATCH_TITLE": "Unexpected Port Opened: 21", "SYSLOG_IDENTIFIER": "portwatch",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
	if got := journalFields(opened())["PORTWATCH_KIND"]; got != "event" {
		t.Errorf("kind %q", got)
	}
}

func TestSeveritiesOfSyslog(t *testing.T) {
	for s, want := range map[event.Severity]int{event.Critical: 2, event.High: 3, event.Medium: 4, event.Low: 5, event.Info: 6, 0: 6} {
		m := firing()
		m.Alert.Severity = s
		if got := syslogSeverity(m); got != want {
			t.Errorf("%v is %d, want %d", s, got, want)
		}
	}
	if got := syslogSeverity(resolvedMessage()); got != 5 {
		t.Errorf("resolved is %d, want 5", got)
	}
}
