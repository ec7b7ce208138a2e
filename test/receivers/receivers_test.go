// Package receivers delivers to the real receivers: Debian's Alertmanager and
// rsyslog, a server of Fluentd's Forward protocol, HTTPS servers that hang,
// refuse or ask for patience, and to a disk that is full.
package receivers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"portwatch/internal/alert"
	"portwatch/internal/event"
	"portwatch/internal/notify"
	"portwatch/internal/state"
)

const cache = "../../.cache/receivers"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		c := exec.Command("./setup")
		c.Stdout, c.Stderr = os.Stderr, os.Stderr
		if err := c.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "receivers: setup:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// patience is how long something is waited for that should take no time.
const patience = 20 * time.Second

// until waits for a condition that something outside of us makes true.
func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !true(); {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// process is a program that runs until the test ends or stops it.
type process struct {
	*exec.Cmd
	lines chan string // of its standard output

	mu   sync.Mutex
	said strings.Builder
	done chan struct{}
}

func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(name, args...), lines: make(chan string, 1000), done: make(chan struct{})}
	p.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraries(t), "NODE_PATH="+filepath.Join(root(t), "../node/node_modules"))
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stderr = writer(func(b []byte) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.said.Write(b)
	})
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		s := bufio.NewScanner(out)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			p.lines <- s.Text()
		}
		p.Wait()
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			p.mu.Lock()
			t.Logf("%s said:\n%s", name, p.said.String())
			p.mu.Unlock()
		}
	})
	return p
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

func (p *process) stop() {
	p.Process.Kill()
	<-p.done
}

// line returns the next line of the program's output.
func (p *process) line(t *testing.T) string {
	t.Helper()
	select {
	case s := <-p.lines:
		return s
	case <-time.After(patience):
		t.Fatalf("%s printed nothing within %v", p.Path, patience)
		return ""
	}
}

// root is where the packages are unpacked.
func root(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(cache + "/root")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// libraries returns the folder of unpacked libraries, whatever the machine.
func libraries(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(root(t) + "/usr/lib/*/libestr.so.0")
	if err != nil || len(found) == 0 {
		t.Fatalf("no libestr under %s: %v", root(t), err)
	}
	return filepath.Dir(found[0])
}

// freePort returns a port of 127.0.0.1 that nobody had a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tellTo returns a dispatcher with the receivers of a configuration.
func tellTo(t *testing.T, store *state.Store, config string, active ...alert.Alert) *notify.Dispatcher {
	t.Helper()
	d, err := newDispatcher(store, config, active...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		d.Close(ctx)
	})
	return d
}

func newDispatcher(store *state.Store, config string, active ...alert.Alert) (*notify.Dispatcher, error) {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(config), &n); err != nil {
		return nil, err
	}
	var specs []notify.Spec
	for _, item := range n.Content[0].Content {
		s, err := notify.Decode("/test.yaml", item)
		if err != nil {
			return nil, err
		}
		specs = append(specs, s)
	}
	d := notify.New()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	return d, d.Configure(specs, notify.Options{Log: log, Store: store, Host: "web1", Active: active})
}

func openStore(t *testing.T, dir string) *state.Store {
	t.Helper()
	s, err := state.Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s.Close(ctx)
	})
	return s
}

func firing(port int) alert.Alert {
	now := time.Now().UTC()
	title := fmt.Sprintf("Unexpected Port Opened: %d", port)
	return alert.Alert{
		Time: now, Status: alert.Firing, Title: title, Severity: event.High, Rule: "allow", Dedup: title + "|web1",
		Fingerprint: fmt.Sprintf("%032d", port), Count: 1, FirstSeen: now, LastSeen: now,
		Explain: fmt.Sprintf("no clause allows tcp/%d", port), Host: "web1", Event: opened(port),
	}
}

func resolved(port int) alert.Alert {
	a := firing(port)
	a.Status, a.ResolvedAt = alert.Resolved, a.Time
	return a
}

func opened(port int) *event.Event {
	return &event.Event{
		Time: time.Now().UTC(), Type: event.Open, Origin: event.Live,
		Socket: event.Socket{
			Cookie: uint64(port), Protocol: event.TCP, Family: event.IPv6, Address: netip.IPv6Unspecified(), Port: uint16(port),
			Scope: event.Wildcard, DualStack: true,
		},
		Owner:   event.OwnerKnown,
		Process: &event.Process{PID: 812, Comm: "vsftpd", Exe: "/usr/sbin/vsftpd", User: "root", Unit: "vsftpd.service"},
		Verdict: event.Unexpected, Rule: "allow", Severity: event.High, Host: &event.Host{Name: "web1"},
	}
}

func queued(d *notify.Dispatcher, name string) notify.Stats {
	for _, s := range d.Stats() {
		if s.Name == name {
			return s
		}
	}
	return notify.Stats{}
}

var errTimeout = errors.New("time is up")
