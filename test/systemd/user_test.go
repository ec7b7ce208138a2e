//go:build vm

package systemd

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// Without systemd: an unprivileged user with the two capabilities that the
// fexit tier needs, and none that could be had.
func TestUnprivilegedUserWithTwoCapabilities(t *testing.T) {
	command(t, "systemctl", "stop", "vsftpd.service", "portwatch.service")
	const capabilities = "-all,+bpf,+perfmon"
	cmd := exec.Command("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
		"--inh-caps="+capabilities, "--ambient-caps="+capabilities, "--bounding-set="+capabilities,
		"portwatch", "run", "--output", "json", "--metrics", "off", "--state", "off", "--config", os.DevNull)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := read(t, stdout)
	if l := out.until("ready", status("ready")); l.Tier != "fexit" {
		t.Errorf("tier %s, want fexit", l.Tier)
	}
	command(t, "systemctl", "start", "vsftpd.service")
	if l := out.until("alert", alert(21, "firing")); l.Event.Exe != "/usr/sbin/vsftpd" {
		t.Errorf("exe %q", l.Event.Exe)
	}
	command(t, "systemctl", "stop", "vsftpd.service")
	out.until("resolved", alert(21, "resolved"))

	cmd.Process.Signal(syscall.SIGTERM)
	for range out.lines { // until it has ended: Wait closes the pipe
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("portwatch ended with %v", err)
	}
}
