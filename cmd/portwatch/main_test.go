package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// TestMain lets this program be portwatch: what runs is the real command in a
// process of its own. They need root.
func TestMain(m *testing.M) {
	if os.Getenv("PORTWATCH_TEST_MAIN") != "" {
		os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// portwatch returns the command, with a runtime folder of the test's own.
func portwatch(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command("/proc/self/exe", args...)
	c.Env = append(os.Environ(), "PORTWATCH_TEST_MAIN=1", "RUNTIME_DIRECTORY="+t.TempDir(), "STATE_DIRECTORY="+t.TempDir())
	return c
}

// output runs the command to its end.
func output(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return outputOf(t, portwatch(t, args...))
}

func outputOf(t *testing.T, c *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return out.String(), errs.String(), exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), 0
}

// running is a portwatch that watches.
type running struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan map[string]any
}

func runIt(t *testing.T, c *exec.Cmd) *running {
	t.Helper()
	r := &running{t: t, cmd: c, lines: make(chan map[string]any, 1024)}
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.lines)
		for s := bufio.NewScanner(pipe); s.Scan(); {
			var line map[string]any
			if json.Unmarshal(s.Bytes(), &line) == nil {
				r.lines <- line
			}
		}
		io.Copy(io.Discard, pipe)
	}()
	t.Cleanup(func() { r.stop() })
	r.until("ready", func(l map[string]any) bool { return l["status"] == "ready" })
	return r
}

func (r *running) until(what string, ok func(map[string]any) bool) map[string]any {
	r.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case l, open := <-r.lines:
			if !open {
				r.t.Fatalf("%s: portwatch ended", what)
			}
			if ok(l) {
				return l
			}
		case <-deadline:
			r.t.Fatalf("%s: not told within %v", what, patience)
		}
	}
}

// stop ends it with SIGTERM and returns its exit code and how long that took.
func (r *running) stop() (code int, took time.Duration) {
	if r.cmd.ProcessState != nil {
		return r.cmd.ProcessState.ExitCode(), 0
	}
	began := time.Now()
	r.cmd.Process.Signal(syscall.SIGTERM)
	go func() {
		for range r.lines { // let it write its last lines
		}
	}()
	r.cmd.Wait()
	return r.cmd.ProcessState.ExitCode(), time.Since(began)
}

func listen(t *testing.T) (port int, l net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port, l
}

func about(kind string, port int, more ...string) func(map[string]any) bool {
	return func(l map[string]any) bool {
		if kind == "alert" {
			return l["kind"] == kind && l["title"] == "Unexpected Port Opened: "+strconv.Itoa(port) && l["status"] == more[0]
		}
		return l["kind"] == kind && l["port"] == float64(port) && (len(more) == 0 || l["type"] == more[0])
	}
}

func policyFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "portwatch.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMistakesOfTheUserAreExitCode2(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown key", []string{"run", "--config", policyFile(t, "allow:\n  - {prot: 80}\n")}, "portwatch.yaml:2: "},
		{"bad port", []string{"run", "--config", policyFile(t, "allow:\n  - {port: 80}\n  - {port: 70000}\n")}, "portwatch.yaml:3: "},
		{"bad range", []string{"check", "--config", policyFile(t, "allow:\n  - {ports: 90-80}\n")}, "portwatch.yaml:2: "},
		{"wrong user", []string{"run", "--config", policyFile(t, "allow:\n  - {port: 80, user: nobody-of-that-name}\n")}, "portwatch.yaml:2: "},
		{"no such file", []string{"run", "--config", "/nonexistent.yaml"}, "/nonexistent.yaml"},
		{"unknown output", []string{"run", "--output", "xml"}, "text, json or none"},
		{"unknown tier", []string{"run", "--tier", "kprobe"}, "auto, fexit or cgroup"},
		{"unknown flag", []string{"ls", "--frob"}, "portwatch ls -h"},
		{"unknown command", []string{"frob"}, "frob"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, stderr, code := output(t, c.args...)
			if code != 2 || !strings.HasPrefix(stderr, "portwatch: ") || !strings.Contains(stderr, c.want) {
				t.Errorf("exit code %d, %q; want 2 and %q", code, stderr, c.want)
			}
		})
	}
}

func TestMissingCapabilitiesAreExitCode3WithTheRemedy(t *testing.T) {
	for name, caps := range map[string][]uintptr{"CAP_BPF and CAP_PERFMON": nil, "CAP_PERFMON": {unix.CAP_BPF}} {
		c := portwatch(t, "run", "--metrics", "off")
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: caps}
		_, stderr, code := outputOf(t, c)
		if code != 3 || !strings.Contains(stderr, "missing "+name) || !strings.Contains(stderr, "AmbientCapabilities") {
			t.Errorf("without %s: exit code %d, %q", name, code, stderr)
		}
	}
}

// without runs portwatch where something is hidden: on a mount namespace of
// its own, over which f mounts.
func without(t *testing.T, hide string) (stdout, stderr string, code int) {
	t.Helper()
	c := exec.Command("/bin/sh", "-c", hide+` && exec "$0" run --metrics off --tier cgroup`, "/proc/self/exe")
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	c.Args[3] = exe
	c.Env = append(os.Environ(), "PORTWATCH_TEST_MAIN=1", "RUNTIME_DIRECTORY="+t.TempDir(), "STATE_DIRECTORY="+t.TempDir())
	c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	return outputOf(t, c)
}

func TestMissingBTFIsExitCode3WithTheRemedy(t *testing.T) {
	_, stderr, code := without(t, "mount -t tmpfs none /sys/kernel/btf")
	if code != 3 || !strings.Contains(stderr, "CONFIG_DEBUG_INFO_BTF") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}

func TestMissingCgroup2IsExitCode3WithTheRemedy(t *testing.T) {
	_, stderr, code := without(t, `for m in $(awk '$3 == "cgroup2" {print $2}' /proc/mounts); do umount -l $m; done`)
	if code != 3 || !strings.Contains(stderr, "mount -t cgroup2") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}

func TestRunTellsAlertsAndStops(t *testing.T) {
	r := runIt(t, portwatch(t, "run", "--output", "json", "--metrics", "off"))
	port, l := listen(t)
	ev := r.until("event", about("event", port, "open"))
	if ev["verdict"] != "unexpected" || ev["latency_seconds"].(float64) <= 0 {
		t.Errorf("told %v", ev)
	}
	a := r.until("alert", about("alert", port, "firing"))
	if a["fingerprint"] == "" || a["event"] == nil {
		t.Errorf("told %v", a)
	}
	l.Close()
	r.until("close", about("event", port, "close"))
	if got := r.until("resolved", about("alert", port, "resolved")); got["fingerprint"] != a["fingerprint"] {
		t.Errorf("resolved as %v, fired as %v", got["fingerprint"], a["fingerprint"])
	}
	if code, took := r.stop(); code != 0 || took > 5*time.Second {
		t.Errorf("SIGTERM: exit code %d after %v, want 0 within 5 s", code, took)
	}
}

// TestTheDocumentedCapabilitiesAreEnough runs as a user without privileges but
// for those that the cgroup tier needs.
func TestTheDocumentedCapabilitiesAreEnough(t *testing.T) {
	c := portwatch(t, "run", "--output", "json", "--metrics", "off", "--tier", "cgroup")
	c.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: 65534, Gid: 65534},
		AmbientCaps: []uintptr{unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_NET_ADMIN, unix.CAP_SYS_PTRACE},
	}
	r := runIt(t, c)
	port, _ := listen(t)
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if ev := r.until("event", about("event", port, "open")); ev["exe"] != exe {
		t.Errorf("exe %v, want %s", ev["exe"], exe)
	}
}

func TestReload(t *testing.T) {
	path := policyFile(t, "allow: [{port: 22}]\n")
	r := runIt(t, portwatch(t, "run", "--output", "json", "--metrics", "off", "--config", path))
	port, _ := listen(t)
	r.until("alert", about("alert", port, "firing"))
	reloaded := func(l map[string]any) bool { return l["status"] == "reload" }
	replace := func(text string) {
		t.Helper()
		// As an editor does it: another file under the same name.
		if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	replace("allow: [{port: " + strconv.Itoa(port) + "}]\n")
	if l := r.until("reload", reloaded); l["successful"] != true {
		t.Errorf("told %v", l)
	}
	r.until("the alert of what is allowed now is resolved", about("alert", port, "resolved"))

	replace("allow: [{prot: 1}]\n")
	if l := r.until("refusal", reloaded); l["successful"] != false || !strings.Contains(l["error"].(string), "portwatch.yaml:1:") {
		t.Errorf("told %v", l)
	}
	other, _ := listen(t)
	r.until("the old policy is in force", about("alert", other, "firing"))

	if err := os.WriteFile(path, []byte("allow: [{port: "+strconv.Itoa(port)+"}, {port: "+strconv.Itoa(other)+"}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.cmd.Process.Signal(syscall.SIGHUP)
	if l := r.until("reload by SIGHUP", reloaded); l["successful"] != true {
		t.Errorf("told %v", l)
	}
}

func TestLsAsksTheDaemonOrLooksForItself(t *testing.T) {
	port, _ := listen(t)
	find := func(out string) map[string]any {
		t.Helper()
		for line := range strings.Lines(out) {
			var ev map[string]any
			if err := json.Unmarshal([]byte(line), &ev); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if ev["port"] == float64(port) {
				return ev
			}
		}
		t.Fatalf("port %d is not in %s", port, out)
		return nil
	}
	out, _, code := output(t, "ls", "--json")
	if ev := find(out); code != 0 || ev["verdict"] != "unexpected" || ev["pid"] != float64(os.Getpid()) {
		t.Errorf("alone: exit code %d, %v", code, ev)
	}
	if _, _, code := output(t, "ls", "--fail"); code != 1 {
		t.Errorf("ls --fail: exit code %d, want 1", code)
	}

	c := portwatch(t, "run", "--output", "json", "--metrics", "off", "--config", policyFile(t, "allow: [{port: "+strconv.Itoa(port)+", reason: ours}]\n"))
	r := runIt(t, c)
	ls := portwatch(t, "ls", "--json")
	ls.Env = c.Env
	out, _, _ = outputOf(t, ls)
	// Only the daemon has that policy.
	if ev := find(out); ev["verdict"] != "allowed" {
		t.Errorf("from the daemon: %v", ev)
	}
	r.stop()
}

func TestLsIsSafeForTerminals(t *testing.T) {
	dir := t.TempDir()
	exe := filepath.Join(dir, "\x1b]0;owned\x07")
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exe, b, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, "run", "--metrics", "127.0.0.1:0", "--output", "text")
	c.Env = append(os.Environ(), "PORTWATCH_TEST_MAIN=1", "RUNTIME_DIRECTORY="+dir, "STATE_DIRECTORY="+dir)
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	for s := bufio.NewScanner(stdout); s.Scan(); {
		if strings.ContainsAny(s.Text(), "\x1b\x07") {
			t.Errorf("escape sequence in %q", s.Text())
		}
		if strings.Contains(s.Text(), "ready") {
			break
		}
	}
	out, _, _ := output(t, "ls")
	if strings.ContainsAny(out, "\x1b\x07") {
		t.Errorf("escape sequence in %q", out)
	}
	if !strings.Contains(out, `\x1b]0;owned\x07`) {
		t.Errorf("the name is missing in\n%s", out)
	}
}

func TestCheckPassesItsSelfTest(t *testing.T) {
	out, stderr, code := output(t, "check", "--json")
	var r map[string]any
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	if code != 0 || r["self_test"] != "passed" || r["btf"] != true || len(r["hooks"].([]any)) != 11 {
		t.Errorf("exit code %d, %v, %s", code, r, stderr)
	}
	if out, _, _ := output(t, "check"); !strings.Contains(out, "self-test") || !strings.Contains(out, "passed") {
		t.Errorf("check printed\n%s", out)
	}
}

func TestHTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	runIt(t, portwatch(t, "run", "--output", "json", "--metrics", address))
	get := func(path string) (int, string) {
		t.Helper()
		resp, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, body := get(path); code != 200 {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	code, body := get("/metrics")
	if code != 200 || !strings.Contains(body, "portwatch_build_info") || !strings.Contains(body, `portwatch_config_last_reload_successful 1`) {
		t.Errorf("/metrics: %d %s", code, body)
	}
}

func TestHelpShowsExamples(t *testing.T) {
	for _, command := range []string{"run", "ls", "check", "version"} {
		out, _, code := output(t, command, "-h")
		if code != 0 || !strings.Contains(out, "Examples:") {
			t.Errorf("%s -h: exit code %d\n%s", command, code, out)
		}
	}
	if out, _, code := output(t, "version"); code != 0 || !strings.HasPrefix(out, "portwatch ") {
		t.Errorf("version: exit code %d, %q", code, out)
	}
}

// An alert outlives portwatch: killed and started again it is told once, and
// resolved when the port is closed.
func TestAlertsOutliveAKill(t *testing.T) {
	c := portwatch(t, "run", "--output", "json", "--metrics", "off")
	r := runIt(t, c)
	port, l := listen(t)
	other, m := listen(t)
	first := r.until("alert", about("alert", port, "firing"))
	second := r.until("alert", about("alert", other, "firing"))
	time.Sleep(100 * time.Millisecond) // what is written is written within 10 ms
	c.Process.Kill()
	c.Wait()
	m.Close() // while nobody watches

	again := portwatch(t, "run", "--output", "json", "--metrics", "off")
	again.Env = c.Env
	r = runIt(t, again)
	l.Close()
	resolved := make(map[any]bool)
	r.until("both resolved and neither told anew", func(l map[string]any) bool {
		if l["kind"] == "alert" && l["status"] == "firing" && (l["fingerprint"] == first["fingerprint"] || l["fingerprint"] == second["fingerprint"]) {
			t.Errorf("told again: %v", l["title"])
		}
		if l["kind"] == "alert" && l["status"] == "resolved" {
			resolved[l["fingerprint"]] = true
		}
		return resolved[first["fingerprint"]] && resolved[second["fingerprint"]]
	})
}

// A receiver of the configuration is told what the output is told.
func TestReceiverIsTold(t *testing.T) {
	bodies := make(chan map[string]any, 16)
	srv := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if json.NewDecoder(r.Body).Decode(&body) == nil {
			bodies <- body
		}
	})}
	hook, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(hook)
	t.Cleanup(func() { srv.Close() })
	r := runIt(t, portwatch(t, "run", "--output", "json", "--metrics", "off", "--config",
		policyFile(t, "notify: [{name: ops, type: webhook, url: 'http://"+hook.Addr().String()+"/'}]\n")))
	port, _ := listen(t)
	r.until("alert", about("alert", port, "firing"))
	deadline := time.After(patience)
	for {
		select {
		case b := <-bodies:
			if about("alert", port, "firing")(b) {
				return
			}
		case <-deadline:
			t.Fatal("the webhook was not told")
		}
	}
}
