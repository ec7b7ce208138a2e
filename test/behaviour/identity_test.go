package behaviour

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"portwatch/internal/event"
)

func self(t testing.TB) string {
	t.Helper()
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

func TestOpenerIsNamed(t *testing.T) {
	ns := namespace(t)
	child := spawn(t, "listen 127.0.0.1 4001")
	ev := ns.one(t, shared, "open", isOpen(4001))
	p := ev.Process
	if ev.Owner != event.OwnerKnown || p == nil {
		t.Fatalf("owner %v, process %v", ev.Owner, p)
	}
	if int(p.PID) != child.cmd.Process.Pid || int(p.PPID) != os.Getpid() {
		t.Errorf("pid %d of parent %d, want %d of %d", p.PID, p.PPID, child.cmd.Process.Pid, os.Getpid())
	}
	if p.Exe != self(t) || p.ExeDeleted {
		t.Errorf("exe %q (deleted %v), want %q", p.Exe, p.ExeDeleted, self(t))
	}
	if p.Cmdline != "/proc/self/exe child" {
		t.Errorf("command line %q", p.Cmdline)
	}
	if p.UID != 0 || p.User != "root" || p.Start <= 0 || p.Comm == "" {
		t.Errorf("uid %d, user %q, start %v, comm %q", p.UID, p.User, p.Start, p.Comm)
	}
}

func TestOpenerThatIsGoneIsNamed(t *testing.T) {
	ns := namespace(t)
	for port := 4100; port < 4120; port++ {
		child := spawn(t, "listen-exit 127.0.0.1 "+itoa(port))
		ev := ns.one(t, shared, "open", isOpen(port))
		if p := ev.Process; p == nil || int(p.PID) != child.cmd.Process.Pid || p.Exe != self(t) || int(p.PPID) != os.Getpid() || p.Cmdline == "" {
			t.Errorf("port %d: told as %+v, want pid %d, exe %s", port, p, child.cmd.Process.Pid, self(t))
		}
		ns.one(t, shared, "close", isClose(port))
	}
}

func TestUserIsThatOfTheOpening(t *testing.T) {
	ns := namespace(t)
	spawnAs(t, "/proc/self/exe", "listen 127.0.0.1 4002", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}})
	if p := ns.one(t, shared, "open", isOpen(4002)).Process; p.UID != 65534 || p.GID != 65534 || p.User != "nobody" {
		t.Errorf("uid %d, gid %d, user %q; want nobody's", p.UID, p.GID, p.User)
	}
}

// install puts this program at exe.
func install(t testing.TB, exe string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(exe), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(exe, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	copySelf(t, f)
}

func copySelf(t testing.TB, to *os.File) {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
}

func TestDeletedExecutableIsCritical(t *testing.T) {
	ns := namespace(t)
	exe := filepath.Join(t.TempDir(), "gone")
	install(t, exe)
	spawnAs(t, exe, "unlink-listen 127.0.0.1 4003 "+exe, nil)
	ev := ns.one(t, shared, "open", isOpen(4003))
	if !ev.Process.ExeDeleted || ev.Process.Exe != exe || ev.Severity != event.Critical {
		t.Errorf("exe %q, deleted %v, severity %v; want %q, deleted, CRITICAL", ev.Process.Exe, ev.Process.ExeDeleted, ev.Severity, exe)
	}
}

func TestMemfdExecutableIsCritical(t *testing.T) {
	ns := namespace(t)
	fd, err := unix.MemfdCreate("payload", 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "payload")
	defer f.Close()
	copySelf(t, f)
	spawnAs(t, "/proc/self/fd/"+itoa(fd), "listen 127.0.0.1 4004", nil)
	ev := ns.one(t, shared, "open", isOpen(4004))
	if !ev.Process.ExeDeleted || !strings.Contains(ev.Process.Exe, "memfd:payload") || ev.Severity != event.Critical {
		t.Errorf("exe %q, deleted %v, severity %v; want memfd:payload, deleted, CRITICAL", ev.Process.Exe, ev.Process.ExeDeleted, ev.Severity)
	}
}

func TestPathBehindAMountIsWhole(t *testing.T) {
	ns := namespace(t)
	dir := filepath.Join(t.TempDir(), "deep", "mount point")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("t", dir, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	exe := filepath.Join(dir, "sub", "x")
	install(t, exe)
	spawnAs(t, exe, "listen 127.0.0.1 4005", nil)
	if got := ns.one(t, shared, "open", isOpen(4005)).Process.Exe; got != exe {
		t.Errorf("exe %q, want %q", got, exe)
	}
}

func TestHostileNamesBreakNothing(t *testing.T) {
	ns := namespace(t)
	dir := filepath.Join(t.TempDir(), "\x1b[31m\xff\n")
	exe := filepath.Join(dir, strings.Repeat("\xfe", 255))
	install(t, exe)
	spawnAs(t, exe, `comm-listen 127.0.0.1 4006 \x1b[2J\xff\x07`, nil)
	ev := ns.one(t, shared, "open", isOpen(4006))
	if ev.Process.Exe != exe || ev.Process.Comm != "\x1b[2J\xff\x07" {
		t.Errorf("exe %q, comm %q: not the bytes that were given", ev.Process.Exe, ev.Process.Comm)
	}
	b, err := json.Marshal(ev)
	if err != nil || !utf8.Valid(b) || strings.ContainsAny(string(b), "\x1b\x07\n") {
		t.Errorf("JSON %q, %v", b, err)
	}
	ns.marker(t, shared)
	scrape(t, shared)
}

func TestPathTooLongIsMarked(t *testing.T) {
	ns := namespace(t)
	dir := t.TempDir()
	for range 8 {
		dir = filepath.Join(dir, strings.Repeat("d", 200))
	}
	exe := filepath.Join(dir, "sshd")
	install(t, exe)
	spawnAs(t, exe, "listen-exit 127.0.0.1 4007", nil)
	got := ns.one(t, shared, "open", isOpen(4007)).Process.Exe
	// Gone already, so all that is known is what the kernel side had room for.
	if got != exe && (!strings.HasPrefix(got, "…/") || !strings.HasSuffix(got, "/sshd")) {
		t.Errorf("exe %q: neither whole nor marked as cut", got)
	}
}

func TestHostileCgroupNameBreaksNothing(t *testing.T) {
	ns := namespace(t)
	name := "\x1b[31m\xff\"\\" + itoa(os.Getpid())
	dir := filepath.Join(cgroupRoot(t), name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(dir) })
	child := spawn(t, "cgroup-listen 127.0.0.1 4008 "+dir)
	ev := ns.one(t, shared, "open", isOpen(4008))
	if ev.Process.Cgroup != "/"+name {
		t.Errorf("cgroup %q, want %q", ev.Process.Cgroup, "/"+name)
	}
	b, err := json.Marshal(ev)
	if err != nil || !utf8.Valid(b) || strings.ContainsAny(string(b), "\x1b") {
		t.Errorf("JSON %q, %v", b, err)
	}
	scrape(t, shared)
	child.kill()
}
