//go:build vm

// Package systemd is the acceptance of portwatch as a unit of a real systemd.
// It runs as root inside a virtual machine that it may change as it likes:
//
//	test/lab/vmrun -f bin/portwatch -f deploy/systemd/portwatch.service 6.12 systemd.test -test.v
package systemd

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	lines    = "/run/portwatch.json" // what the unit prints
	patience = 60 * time.Second
)

// line is what of the output is looked at.
type line struct {
	Kind, Status, Title, Severity, Tier, Type, Fingerprint, Verdict, Error string
	Port                                                                   int
	Event                                                                  struct {
		Exe, User, Cgroup, Verdict, Type string
		BootID                           string `json:"boot_id"`
		Port                             int
		Latency                          float64 `json:"latency_seconds"`
	}
}

func TestMain(m *testing.M) {
	run := func(name string, args ...string) {
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s %v: %v\n%s", name, args, err, out)
			os.Exit(1)
		}
	}
	run("install", "-m755", "/run/vm/portwatch", "/usr/bin/portwatch")
	run("install", "-m644", "/run/vm/portwatch.service", "/etc/systemd/system/portwatch.service")
	run("mkdir", "-p", "/etc/systemd/system/portwatch.service.d", "/etc/portwatch")
	drop := "[Service]\nStandardOutput=append:" + lines + "\nStandardError=journal\n"
	if err := os.WriteFile("/etc/systemd/system/portwatch.service.d/output.conf", []byte(drop), 0o644); err != nil {
		panic(err)
	}
	run("systemctl", "daemon-reload")
	os.Exit(m.Run())
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		log, _ := exec.Command("journalctl", "-n", "20", "--no-pager", "-u", "portwatch").CombinedOutput()
		t.Fatalf("%s %s: %v\n%s\n%s", name, strings.Join(args, " "), err, out, log)
	}
	return strings.TrimSpace(string(out))
}

// follower reads the output as it grows.
type follower struct {
	t *testing.T
	r *bufio.Reader
	// partial is the beginning of a line whose end is not there yet.
	partial string
}

func follow(t *testing.T, path string) *follower {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &follower{t: t, r: bufio.NewReader(f)}
}

func (f *follower) until(what string, ok func(line) bool) line {
	f.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		s, err := f.r.ReadString('\n')
		f.partial += s
		if err == io.EOF {
			time.Sleep(time.Millisecond) // a file says nothing when it grows
			continue
		}
		var l line
		if err := json.Unmarshal([]byte(f.partial), &l); err != nil {
			f.t.Fatalf("%q: %v", f.partial, err)
		}
		f.partial = ""
		if ok(l) {
			return l
		}
	}
	f.t.Fatalf("%s: not told within %v", what, patience)
	return line{}
}

func alertOf(port int, status string) func(line) bool {
	return func(l line) bool {
		return l.Kind == "alert" && l.Status == status && l.Title == "Unexpected Port Opened: "+strconv.Itoa(port)
	}
}

func TestUnit(t *testing.T) {
	began := time.Now()
	command(t, "systemctl", "start", "portwatch.service")
	t.Logf("systemctl start portwatch: %v", time.Since(began).Round(time.Millisecond))
	out := follow(t, lines)
	ready := out.until("ready", func(l line) bool { return l.Kind == "status" && l.Status == "ready" })
	t.Logf("tier %s", ready.Tier)

	t.Run("runs without root and with the documented capabilities", func(t *testing.T) {
		pid := command(t, "systemctl", "show", "-P", "MainPID", "portwatch")
		status, err := os.ReadFile("/proc/" + pid + "/status")
		if err != nil {
			t.Fatal(err)
		}
		field := func(name string) string {
			_, rest, _ := strings.Cut(string(status), name+":\t")
			value, _, _ := strings.Cut(rest, "\n")
			return value
		}
		if strings.HasPrefix(field("Uid"), "0\t") {
			t.Error("it runs as root")
		}
		const want = 1<<12 | 1<<19 | 1<<38 | 1<<39 // NET_ADMIN, SYS_PTRACE, PERFMON, BPF
		if got := field("CapEff"); got != fmt.Sprintf("%016x", want) {
			t.Errorf("effective capabilities %s, want %016x", got, want)
		}
	})

	var fingerprint string
	t.Run("systemctl start vsftpd is a High alert", func(t *testing.T) {
		out.t = t
		began := time.Now()
		command(t, "systemctl", "start", "vsftpd.service")
		a := out.until("alert", alertOf(21, "firing"))
		t.Logf("from systemctl start to the alert in hand: %v; kernel to verdict: %.3f ms",
			time.Since(began).Round(time.Millisecond), a.Event.Latency*1e3)
		if a.Severity != "HIGH" || a.Event.Exe != "/usr/sbin/vsftpd" || a.Event.User != "root" || a.Event.Cgroup != "/system.slice/vsftpd.service" {
			t.Errorf("severity %s, exe %s, user %s, cgroup %s", a.Severity, a.Event.Exe, a.Event.User, a.Event.Cgroup)
		}
		if a.Event.BootID == "" {
			t.Error("the boot id is missing")
		}
		fingerprint = a.Fingerprint
	})
	t.Run("portwatch ls asks the daemon", func(t *testing.T) {
		if got := command(t, "portwatch", "ls", "--unexpected"); !strings.Contains(got, "/usr/sbin/vsftpd") {
			t.Errorf("ls does not show vsftpd:\n%s", got)
		}
		err := exec.Command("portwatch", "ls", "--fail").Run()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("ls --fail: %v, want exit code 1", err)
		}
	})
	t.Run("systemctl stop vsftpd resolves it", func(t *testing.T) {
		out.t = t
		began := time.Now()
		command(t, "systemctl", "stop", "vsftpd.service")
		a := out.until("resolved", alertOf(21, "resolved"))
		t.Logf("from systemctl stop to the resolved alert in hand: %v", time.Since(began).Round(time.Millisecond))
		if a.Fingerprint != fingerprint {
			t.Errorf("fingerprint %s, want that of the firing alert, %s", a.Fingerprint, fingerprint)
		}
	})
	t.Run("systemctl reload takes a new policy and refuses a wrong one", func(t *testing.T) {
		out.t = t
		write := func(text string) {
			if err := os.WriteFile("/etc/portwatch/portwatch.yaml", []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			command(t, "systemctl", "reload", "portwatch")
		}
		reload := func(l line) bool { return l.Kind == "status" && l.Status == "reload" }
		write("allow: [{port: 21, exe: /usr/sbin/vsftpd}]\n")
		out.until("reload", reload)
		command(t, "systemctl", "start", "vsftpd.service")
		ev := out.until("event", func(l line) bool { return l.Kind == "event" && l.Port == 21 })
		if ev.Type != "open" || ev.Verdict != "allowed" {
			t.Errorf("told %+v", ev)
		}
		write("allow: [{prot: 21}]\n")
		if l := out.until("refusal", reload); !strings.Contains(l.Error, "portwatch.yaml:1:") {
			t.Errorf("the refusal says %q: no file and line", l.Error)
		}
		command(t, "systemctl", "stop", "vsftpd.service")
		command(t, "systemctl", "start", "vsftpd.service")
		ev = out.until("event", func(l line) bool { return l.Kind == "event" && l.Port == 21 && l.Type == "open" })
		if ev.Verdict != "allowed" {
			t.Errorf("after the refusal: verdict %s, want that of the policy before", ev.Verdict)
		}
		command(t, "systemctl", "stop", "vsftpd.service")
	})
	t.Run("systemctl stop ends it within 5 s", func(t *testing.T) {
		began := time.Now()
		command(t, "systemctl", "stop", "portwatch.service")
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		if got := command(t, "systemctl", "show", "-P", "Result", "portwatch"); got != "success" {
			t.Errorf("result %s", got)
		}
	})
}

// An unprivileged user with the two capabilities that the fexit tier needs.
func TestTwoCapabilitiesAreEnough(t *testing.T) {
	if err := os.Remove("/etc/portwatch/portwatch.yaml"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("portwatch", "run", "--output", "json", "--metrics", "off", "--state", "off")
	const bpf, perfmon = 39, 38
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: 65534, Gid: 65534},
		AmbientCaps: []uintptr{bpf, perfmon},
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("portwatch ended with %v", err)
		}
	})
	out := &follower{t: t, r: bufio.NewReader(stdout)}
	if l := out.until("ready", func(l line) bool { return l.Status == "ready" }); l.Tier != "fexit" {
		t.Errorf("tier %s", l.Tier)
	}
	command(t, "systemctl", "start", "vsftpd.service")
	a := out.until("alert", alertOf(21, "firing"))
	if a.Event.Exe != "/usr/sbin/vsftpd" {
		t.Errorf("exe %q", a.Event.Exe)
	}
	command(t, "systemctl", "stop", "vsftpd.service")
	out.until("resolved", alertOf(21, "resolved"))
}
