package identity

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"portwatch/internal/event"
)

// tree writes files below a new folder, "-> x" being a link to x and a name
// that ends in / a folder.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var err error
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// running starts cmd, which becomes cat(1) and lives until the end of the
// test, and returns what the kernel side tells of it but its texts.
func running(t testing.TB, cmd *exec.Cmd) *event.Process {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	if _, err := io.WriteString(in, "ready\n"); err != nil {
		t.Fatal(err)
	}
	// An answer comes from cat: until then it may be what executes it.
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	return capture(t, cmd.Process.Pid)
}

// capture is what the kernel side tells of a process, but its texts.
func capture(t testing.TB, pid int) *event.Process {
	t.Helper()
	proc := "/proc/" + strconv.Itoa(pid)
	b, err := os.ReadFile(proc + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	s, ok := parseStat(b)
	if !ok {
		t.Fatalf("%q is not read", b)
	}
	var st unix.Stat_t
	if err := unix.Stat(proc+"/exe", &st); err != nil {
		t.Fatal(err)
	}
	return &event.Process{
		PID: uint32(pid), TID: uint32(pid), PPID: s.ppid, Comm: s.comm, Start: time.Duration(s.start)*tick + tick/2,
		ExeInode: st.Ino, ExeDevice: unix.Major(st.Dev)<<20 | unix.Minor(st.Dev), UID: uint32(os.Getuid()),
		Mntns: nsInum(readlink(proc + "/ns/mnt")),
	}
}

func enrich(r *Resolver, p *event.Process) *event.Process {
	ev := &event.Event{Type: event.Open, Owner: event.OwnerKnown, Process: p}
	r.Enrich(ev)
	return ev.Process
}

func TestWhatTheKernelDidNotSendIsReadFromProc(t *testing.T) {
	p := running(t, exec.Command("/bin/cat", "-"))
	got := enrich(New(Options{}), p)
	exe, err := filepath.EvalSymlinks("/bin/cat")
	if err != nil {
		t.Fatal(err)
	}
	if got.Exe != exe || got.Cmdline != "/bin/cat -" || got.User != "root" && os.Getuid() == 0 {
		t.Errorf("exe %q, cmdline %q, user %q, want %q, %q, root", got.Exe, got.Cmdline, got.User, exe, "/bin/cat -")
	}
	if len(got.Ancestry) == 0 || got.Ancestry[0].PID != uint32(os.Getpid()) || got.Ancestry[0].Exe != readlink("/proc/self/exe") {
		t.Errorf("ancestry %+v does not begin with the test", got.Ancestry)
	}
	if got.ExeWorldWritable || got.ExeForeign {
		t.Errorf("%s is said to be world-writable %v, foreign %v", exe, got.ExeWorldWritable, got.ExeForeign)
	}
}

func TestAnotherProcessWithTheNumberIsNotRead(t *testing.T) {
	p := running(t, exec.Command("/bin/cat", "-"))
	p.Start -= time.Second
	if got := enrich(New(Options{}), p); got.Exe != "" || got.Cmdline != "" {
		t.Errorf("exe %q, cmdline %q of a later process", got.Exe, got.Cmdline)
	}
}

func TestAnotherProgramIsNotNamed(t *testing.T) {
	p := running(t, exec.Command("/bin/cat", "-"))
	p.ExeInode++ // it executed another file since
	if got := enrich(New(Options{}), p); got.Exe != "" {
		t.Errorf("exe %q of what it executes now", got.Exe)
	}
}

func TestTheSharedProcessIsNotWritten(t *testing.T) {
	p := running(t, exec.Command("/bin/cat", "-"))
	was := *p
	r := New(Options{})
	one, two := enrich(r, p), enrich(r, p)
	if p.Exe != was.Exe || p.Cmdline != was.Cmdline || p.Ancestry != nil {
		t.Errorf("the process of the event was written: %+v", p)
	}
	if one != two {
		t.Error("the second event got a copy of its own")
	}
	if again := enrich(r, one); again != one {
		t.Error("a finished process was finished again")
	}
}

func TestALostEventGetsWhatIsKnownOfItsProcess(t *testing.T) {
	p := running(t, exec.Command("/bin/cat", "-"))
	p.Exe, p.Cmdline, p.Cgroup, p.CgroupID = "/usr/bin/cat", "cat", "/system.slice/cat.service", 99
	r := New(Options{})
	full := enrich(r, p)
	lost := *p
	lost.Exe, lost.Cmdline, lost.Cgroup = "", "", ""
	if got := enrich(r, &lost); got != full {
		t.Errorf("got %+v, want what is known", got)
	}
	changed := lost
	changed.UID = 12345
	if got := enrich(r, &changed); got == full || got.UID != 12345 || got.User == full.User {
		t.Errorf("uid %d, user %q, want those of the event", got.UID, got.User)
	}
}

func TestAFileThatOthersRanIsNamedAfterItsProcessIsGone(t *testing.T) {
	r := New(Options{})
	p := running(t, exec.Command("/bin/cat", "-"))
	exe := enrich(r, p).Exe
	sent := *p
	sent.PID, sent.Exe = 1<<31, exe
	enrich(r, &sent)
	gone := *p
	gone.PID = 1<<31 + 1
	if got := enrich(r, &gone); got.Exe != exe {
		t.Errorf("exe %q, want %q", got.Exe, exe)
	}
}

func TestANumberThatWasGivenAwayAgainNamesNothing(t *testing.T) {
	r := New(Options{})
	path := filepath.Join(t.TempDir(), "server")
	p := capture(t, os.Getpid())
	p.PID, p.Exe = 1<<31, path // the kernel told of it; since then it was deleted
	enrich(r, p)
	gone := *p
	gone.PID, gone.Exe = 1<<31+1, ""
	if got := enrich(r, &gone); got.Exe != "" {
		t.Errorf("exe %q, which is not there", got.Exe)
	}
}

func TestTheCachesAreBounded(t *testing.T) {
	r := New(Options{Proc: tree(t, map[string]string{"self/ns/pid": "-> pid:[1]"})})
	for i := range 3 * maxProcesses {
		enrich(r, &event.Process{
			PID: uint32(i + 10), Exe: "/bin/a" + strconv.Itoa(i), ExeInode: uint64(i + 1),
			Cgroup: "/" + strconv.Itoa(i), CgroupID: uint64(i + 1),
		})
	}
	for what, n := range map[string]struct{ got, limit int }{
		"processes": {r.processes.len(), maxProcesses}, "paths": {r.paths.len(), maxPaths},
		"cgroups": {r.cgroups.len(), maxCgroups}, "folders": {r.folders.len(), maxFolders},
	} {
		if n.got > n.limit {
			t.Errorf("%d %s, want at most %d", n.got, what, n.limit)
		}
	}
}

// Whoever starts processes chooses all these texts.
func TestHostileProcessesDoNotChooseOurMemory(t *testing.T) {
	r := New(Options{Proc: tree(t, map[string]string{"self/cgroup": "0::/\n"})})
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range 3 * maxProcesses {
		n := strconv.Itoa(i)
		enrich(r, &event.Process{
			PID: uint32(i + 10), ExeInode: uint64(i + 1), CgroupID: uint64(i + 1),
			Exe: "/" + n + strings.Repeat("/a", 380), Cgroup: "/" + n + strings.Repeat("b", 500), Cmdline: n + strings.Repeat("c", 250),
		})
	}
	if used := heap() - before; used > 16<<20 {
		t.Errorf("%d MiB are kept, want at most 16", used>>20)
	}
	runtime.KeepAlive(r)
}

func TestUsersByPasswd(t *testing.T) {
	etc := tree(t, map[string]string{"passwd": "root:x:0:0::/root:/bin/sh\nwww:x:33:33:::\ntoor:x:0:0:::\n+nis::::\n#x:x:7:7:::\nbad:x:-1:\nshort:x:8\n"})
	run := tree(t, map[string]string{"systemd/dynamic-uid/direct:61200": "-> app"})
	r := New(Options{Etc: etc, Run: run})
	for uid, want := range map[uint32]string{0: "root", 33: "www", 7: "", 8: "", 9: "", 61200: "app", 61201: ""} {
		if got := enrich(r, &event.Process{UID: uid}).User; got != want {
			t.Errorf("uid %d is %q, want %q", uid, got, want)
		}
	}
}

func TestAChangedPasswdIsRead(t *testing.T) {
	etc := tree(t, map[string]string{"passwd": "a:x:5:5:::\n"})
	u := users{passwd: etc + "/passwd"}
	now := time.Now()
	if got := u.name(5, now); got != "a" {
		t.Fatalf("uid 5 is %q, want a", got)
	}
	if err := os.WriteFile(etc+"/passwd", []byte("bb:x:5:5:::\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := u.name(5, now.Add(recheck)); got != "bb" {
		t.Errorf("uid 5 is %q, want bb", got)
	}
}

// An ancestor is remembered, but a number is given to others.
func TestAncestorsAreNotMixedUp(t *testing.T) {
	stat := func(pid, comm, ppid, start string) string {
		return pid + " (" + comm + ") S " + ppid + strings.Repeat(" 0", 17) + " " + start + " 0 0\n"
	}
	proc := tree(t, map[string]string{
		"self/ns/pid": "-> " + initialPidns,
		"1/stat":      stat("1", "init", "0", "1"),
		"20/stat":     stat("20", "a) S 1 (", "1", "2000"),
		"30/stat":     stat("30", "young", "1", "9000"),
	})
	r := New(Options{Proc: proc})
	names := func(p *event.Process) (all []string) {
		for _, a := range enrich(r, p).Ancestry {
			all = append(all, a.Comm)
		}
		return all
	}
	if got := names(&event.Process{PID: 99, PPID: 20, Start: 3000 * tick}); !slices.Equal(got, []string{"a) S 1 (", "init"}) {
		t.Errorf("ancestry %q", got)
	}
	if got := names(&event.Process{PID: 98, PPID: 30, Start: 3000 * tick}); got != nil {
		t.Errorf("ancestry %q of a child that is older", got)
	}
	if got := names(&event.Process{PID: 97, PPID: 40, Start: 3000 * tick}); got != nil {
		t.Errorf("ancestry %q of a parent that is gone", got)
	}
	// The parent ended, another got its number and a child that started
	// after we had looked.
	if err := os.WriteFile(proc+"/20/stat", []byte(stat("20", "other", "1", "4000")), 0o644); err != nil {
		t.Fatal(err)
	}
	a := r.ancestors.newer[20]
	a.at = time.Now().Add(-recheck)
	r.ancestors.put(20, a)
	later := time.Duration(sinceBoot()+100) * tick
	if got := names(&event.Process{PID: 96, PPID: 20, Start: later}); !slices.Equal(got, []string{"other", "init"}) {
		t.Errorf("ancestry %q, want that of the new process", got)
	}
}

func TestAtMostEightParents(t *testing.T) {
	files := map[string]string{"self/ns/pid": "-> " + initialPidns}
	for i := range 20 {
		files[strconv.Itoa(i+1)+"/stat"] = strconv.Itoa(i+1) + " (p) S " + strconv.Itoa(i) + strings.Repeat(" 0", 17) + " 1 0\n"
	}
	r := New(Options{Proc: tree(t, files)})
	if got := len(enrich(r, &event.Process{PID: 99, PPID: 20, Start: time.Second}).Ancestry); got != maxAncestry {
		t.Errorf("%d parents, want %d", got, maxAncestry)
	}
}
