//go:build vm

package systemd

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const policy = "/etc/portwatch/portwatch.yaml"

// start returns the output of the unit, which has just been started, with no
// configuration and no memory, while vsftpd is not running.
func start(t *testing.T) *output {
	t.Helper()
	command(t, "systemctl", "stop", "vsftpd.service", "portwatch.service")
	command(t, "systemctl", "clean", "--what=state", "portwatch.service")
	if err := os.Remove(policy); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	out := follow(t, now(t))
	began := time.Now()
	command(t, "systemctl", "start", "portwatch.service")
	t.Logf("systemctl start portwatch: %v", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() { command(t, "systemctl", "stop", "vsftpd.service") })
	out.until("ready", status("ready"))
	return out
}

func TestDaemonEnabledAtBootIsAnEvent(t *testing.T) {
	out := follow(t)
	if l := out.until("port 21", open(21)); l.Origin != "live" {
		t.Errorf("origin %q, want live: portwatch came after vsftpd", l.Origin)
	}
	if l := out.until("alert", alert(21, "firing")); l.Severity != "HIGH" {
		t.Errorf("severity %s, want HIGH", l.Severity)
	}
}

func TestStartOfADaemonIsAHighAlertAndItsStopResolvesIt(t *testing.T) {
	out := start(t)
	began := time.Now()
	command(t, "systemctl", "start", "vsftpd.service")
	firing := out.until("alert", alert(21, "firing"))
	t.Logf("from systemctl start to the alert in hand: %v; from the kernel to the verdict: %.3f ms",
		time.Since(began).Round(time.Millisecond), firing.Event.Latency*1e3)
	ev := firing.Event
	if firing.Severity != "HIGH" || ev.Exe != "/usr/sbin/vsftpd" || ev.User != "root" ||
		ev.Unit != "vsftpd.service" || ev.Cgroup != "/system.slice/vsftpd.service" || ev.BootID == "" {
		t.Errorf("got %+v", firing)
	}

	began = time.Now()
	command(t, "systemctl", "stop", "vsftpd.service")
	resolved := out.until("resolved", alert(21, "resolved"))
	t.Logf("from systemctl stop to the resolved alert in hand: %v", time.Since(began).Round(time.Millisecond))
	if resolved.Fingerprint != firing.Fingerprint {
		t.Errorf("fingerprint %s, want that of the firing alert, %s", resolved.Fingerprint, firing.Fingerprint)
	}
}

func TestUnitRunsWithoutRootAndWithFourCapabilities(t *testing.T) {
	start(t)
	b, err := os.ReadFile("/proc/" + command(t, "systemctl", "show", "-P", "MainPID", "portwatch.service") + "/status")
	if err != nil {
		t.Fatal(err)
	}
	field := func(name string) string {
		_, rest, _ := strings.Cut(string(b), name+":\t")
		value, _, _ := strings.Cut(rest, "\n")
		return value
	}
	if strings.HasPrefix(field("Uid"), "0\t") {
		t.Error("it runs as root")
	}
	const netAdmin, sysPtrace, perfmon, bpf = 1 << 12, 1 << 19, 1 << 38, 1 << 39
	want := fmt.Sprintf("%016x", netAdmin|sysPtrace|perfmon|bpf)
	for _, set := range []string{"CapEff", "CapPrm", "CapBnd"} {
		if got := field(set); got != want {
			t.Errorf("%s is %s, want %s", set, got, want)
		}
	}
}

func TestUnitIsWellFormedAndConfined(t *testing.T) {
	// Its exit code is 0 for keys that it does not know, too.
	if out := command(t, "systemd-analyze", "verify", "--man=no", "/lib/systemd/system/portwatch.service"); strings.Contains(out, "portwatch.service") {
		t.Errorf("systemd-analyze verify:\n%s", out)
	}
	out := command(t, "systemd-analyze", "security", "--no-pager", "portwatch.service")
	level := regexp.MustCompile(`exposure level for portwatch.service: ([0-9.]+)`).FindStringSubmatch(out)
	if level == nil {
		t.Fatalf("no exposure level in:\n%s", out)
	}
	t.Logf("exposure level %s", level[1])
	if got, err := strconv.ParseFloat(level[1], 64); err != nil || got > 2.0 {
		t.Errorf("exposure level %s, want 2.0 or less:\n%s", level[1], out)
	}
}

func TestListAsksTheDaemon(t *testing.T) {
	out := start(t)
	command(t, "systemctl", "start", "vsftpd.service")
	out.until("alert", alert(21, "firing"))
	if got := command(t, "portwatch", "ls", "--unexpected"); !strings.Contains(got, "/usr/sbin/vsftpd") {
		t.Errorf("ls does not show vsftpd:\n%s", got)
	}
	err := exec.Command("portwatch", "ls", "--fail").Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ls --fail: %v, want exit code 1", err)
	}
}

func TestReloadTakesANewPolicyAndRefusesAWrongOne(t *testing.T) {
	out := start(t)
	reload := func(text string) line {
		t.Helper()
		if err := os.WriteFile(policy, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		command(t, "systemctl", "reload", "portwatch.service")
		return out.until("reload", status("reload"))
	}
	allowed := func() {
		t.Helper()
		command(t, "systemctl", "restart", "vsftpd.service")
		if l := out.until("port 21", open(21)); l.Verdict != "allowed" {
			t.Errorf("verdict %s, want allowed", l.Verdict)
		}
	}
	if l := reload("allow: [{port: 21, exe: /usr/sbin/vsftpd}]\n"); l.Error != "" {
		t.Errorf("a right policy is refused: %s", l.Error)
	}
	allowed()
	if l := reload("allow: [{prot: 21}]\n"); !strings.Contains(l.Error, "portwatch.yaml:1:") {
		t.Errorf("the refusal says %q: no file and line", l.Error)
	}
	allowed()
}

func TestHungDaemonIsStartedAnew(t *testing.T) {
	out := start(t)
	command(t, "systemctl", "kill", "--signal=STOP", "portwatch.service")
	out.until("ready", status("ready"))
	if got := command(t, "systemctl", "show", "-P", "NRestarts", "portwatch.service"); got != "1" {
		t.Errorf("%s restarts, want 1", got)
	}
}

func TestStopEndsWithinFiveSeconds(t *testing.T) {
	start(t)
	began := time.Now()
	command(t, "systemctl", "stop", "portwatch.service")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if got := command(t, "systemctl", "show", "-P", "Result", "portwatch.service"); got != "success" {
		t.Errorf("result %s", got)
	}
}
