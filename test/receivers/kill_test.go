package receivers

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// childVariable says that this process is what a test started, and what it
// is to do.
const childVariable = "PORTWATCH_TEST_CHILD"

// child runs one of the tests in a process of its own.
func child(t *testing.T, test, argument string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")
	c.Env = append(os.Environ(), childVariable+"="+argument)
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

func hookConfig(address string) string {
	return fmt.Sprintf("[{name: hook, type: webhook, url: 'http://%s', retry: {first: 20ms, last: 100ms}}]", address)
}

// TestKillMinusNineLosesNothing kills a process that has queued what nobody
// takes, and has the next one deliver it.
func TestKillMinusNineLosesNothing(t *testing.T) {
	if argument := os.Getenv(childVariable); argument != "" {
		dir, address, _ := strings.Cut(argument, " ")
		store := openStore(t, dir)
		d := tellTo(t, store, hookConfig(address))
		for port := range 200 {
			d.Alert(firing(port))
			d.Alert(resolved(port))
		}
		ctx, cancel := contextFor(patience)
		defer cancel()
		if err := store.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		fmt.Println("queued")
		select {}
	}
	t.Parallel()
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close() // the receiver is down
	c := child(t, t.Name(), dir+" "+address)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(out); ; {
		if !s.Scan() {
			t.Fatal("the child ended")
		}
		if s.Text() == "queued" {
			break
		}
	}
	c.Process.Kill()
	c.Wait()

	h := &hook{}
	h.Server = httptest.NewUnstartedServer(h)
	if h.Listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	h.Start()
	defer h.Close()
	tellTo(t, openStore(t, dir), hookConfig(address))
	var want []string
	for port := range 200 {
		want = append(want, fmt.Sprintf("firing %d, resolved %d", port, port))
	}
	until(t, "all of it arrives, in order", func() bool { return h.got() == strings.Join(want, ", ") })
}

// TestFullDiskStopsNothing has the state folder on a disk that fills up.
func TestFullDiskStopsNothing(t *testing.T) {
	argument := os.Getenv(childVariable)
	if argument == "" {
		t.Parallel()
		c := child(t, t.Name(), t.TempDir())
		c.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS // its mounts are its own
		if os.Getuid() != 0 {
			c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		}
		if out, err := c.Output(); err != nil || strings.Contains(string(out), "FAIL") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", argument, "tmpfs", 0, "size=512k"); err != nil {
		t.Fatal(err)
	}
	h := newHook(t, (*httptest.Server).Start, nil)
	store := openStore(t, argument)
	d := tellTo(t, store, fmt.Sprintf(`[
{name: hook, type: webhook, url: '%s'},
{name: dead, type: webhook, url: 'http://127.0.0.1:1', retry: {first: 1s, last: 1s}},
{name: file, type: file, path: %s, retry: {first: 20ms, last: 100ms}}]`, h.URL, filepath.Join(argument, "alerts.jsonl")))
	d.Alert(firing(0))
	ctx, cancel := contextFor(patience)
	defer cancel()
	if err := store.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	until(t, "the file has the first", func() bool { return queued(d, "file").Delivered == 1 })

	ballast := filepath.Join(argument, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 512<<10), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	for port := 1; port <= 200; port++ {
		d.Alert(firing(port))
	}
	until(t, "the webhook has all", func() bool { return queued(d, "hook").Delivered == 201 })
	until(t, "the state cannot be written", func() bool { return store.Err() != nil })
	if st := queued(d, "file"); st.Delivered >= 201 || st.Queued == 0 {
		t.Errorf("file: %+v, want that the disk was full", st)
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	until(t, "the file has all", func() bool { return queued(d, "file").Delivered == 201 })
	b, err := os.ReadFile(filepath.Join(argument, "alerts.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(b), "\n"); lines != 201 || strings.Contains(string(b), "}{") {
		t.Errorf("the file has %d lines, want 201 whole ones", lines)
	}
	// The dead receiver's queue of 201 does not fit in what is left of the
	// disk, or does: either way nobody waits for it.
	start := time.Now()
	d.Alert(resolved(0))
	until(t, "the webhook has the end", func() bool { return queued(d, "hook").Delivered == 202 })
	if took := time.Since(start); took > time.Second {
		t.Errorf("delivered after %v", took)
	}
}

var _ http.Handler = (*hook)(nil)
