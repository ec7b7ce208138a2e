package identity

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"portwatch/internal/event"
)

// copyOf copies a program of the system to path.
func copyOf(t *testing.T, program, path string) {
	t.Helper()
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
}

// A user puts his file over that of the host, in a namespace of his own.
func TestAFileMountedOverTheHostsIsForeign(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root makes mount namespaces of the first user namespace")
	}
	host, err := filepath.EvalSymlinks("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	impostor := filepath.Join(t.TempDir(), "impostor")
	copyOf(t, "/bin/cat", impostor)
	for what, flags := range map[string][]string{
		"root's namespace": {"-m"}, "a user's namespace": {"-m", "-U", "-r"},
	} {
		p := running(t, exec.Command("unshare", append(flags, "sh", "-c", "mount --bind "+impostor+" "+host+" && exec "+host)...))
		p.Exe = host // the kernel side tells the path in the process's own namespace
		got := enrich(New(Options{}), p)
		if !got.ExeForeign {
			t.Errorf("%s: %s is not said to be foreign", what, got.Exe)
		}
		// Its path does not depend on who tells it.
		p.Exe = ""
		if got := enrich(New(Options{}), p); got.Exe != host || !got.ExeForeign {
			t.Errorf("%s: /proc has it at %q, foreign %v", what, got.Exe, got.ExeForeign)
		}
	}
}

// systemd gives services that it confines a mount namespace of their own.
func TestTheHostsFileInAnotherNamespaceIsNotForeign(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root makes mount namespaces of the first user namespace")
	}
	cat, err := filepath.EvalSymlinks("/bin/cat")
	if err != nil {
		t.Fatal(err)
	}
	p := running(t, exec.Command("unshare", "-m", "sh", "-c", "mount -t tmpfs none /tmp && exec cat"))
	if p.Mntns == New(Options{}).host.mntns {
		t.Fatal("it is in our own mount namespace")
	}
	p.Exe = cat
	if got := enrich(New(Options{}), p); got.ExeForeign || got.ExeWorldWritable {
		t.Errorf("%s: foreign %v, world-writable %v, want neither", cat, got.ExeForeign, got.ExeWorldWritable)
	}
}

func TestAPathThatTheHostDoesNotHaveIsForeign(t *testing.T) {
	r := New(Options{})
	p := &event.Process{PID: 1 << 31, Exe: "/no/such/server", ExeInode: 5, Mntns: 1}
	if got := enrich(r, p); !got.ExeForeign {
		t.Error("not said to be foreign")
	}
	p = &event.Process{PID: 1 << 31, Start: 1, Exe: "/no/such/server", ExeInode: 5, Mntns: r.host.mntns}
	if got := enrich(r, p); got.ExeForeign {
		t.Error("foreign in the host's own namespace")
	}
}

// What is deleted can't be compared. Then it matters who can have made the
// namespace.
func TestADeletedFileIsForeignUnlessRootMadeTheNamespace(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root makes mount namespaces of the first user namespace")
	}
	for what, c := range map[string]struct {
		flags []string
		want  bool
	}{
		"root's": {[]string{"-m"}, false}, "a user's": {[]string{"-m", "-U", "-r"}, true},
	} {
		p := running(t, exec.Command("unshare", append(c.flags, "cat")...))
		p.Exe, p.ExeDeleted = "/usr/sbin/nginx", true
		if got := enrich(New(Options{}), p).ExeForeign; got != c.want {
			t.Errorf("%s: foreign %v, want %v", what, got, c.want)
		}
		p.PID = 1 << 31 // gone: nobody can tell any more
		if got := enrich(New(Options{}), p).ExeForeign; !got {
			t.Errorf("%s and gone: not foreign", what)
		}
	}
}

func TestAnybodyMayWriteThere(t *testing.T) {
	dir := t.TempDir() // below /tmp or TMPDIR
	root := filepath.Join(dir, "root")
	for path, mode := range map[string]os.FileMode{
		"": 0o755, "bin": 0o755, "sticky": os.ModeSticky | 0o777, "sticky/own": 0o700, "group": 0o775,
	} {
		if err := os.MkdirAll(filepath.Join(root, path), 0o755); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := os.Chmod(filepath.Join(root, path), 0o755); err != nil {
				t.Error(err)
			}
		}()
		if err := os.Chmod(filepath.Join(root, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{"bin/a": 0o755, "bin/open": 0o757, "sticky/a": 0o755, "sticky/own/a": 0o700, "group/a": 0o755} {
		file := filepath.Join(root, path)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	r := New(Options{Root: root, Proc: tree(t, nil)})
	for exe, want := range map[string]bool{
		"/bin/a": false, "/bin/open": true, "/sticky/a": true, "/sticky/own/a": true, "/group/a": false,
		"/not/there": false, "/memfd:x": false, "memfd:x": false, "": false, "…/sticky/a": false,
	} {
		var ino uint64
		if st, err := os.Stat(filepath.Join(root, exe)); err == nil && exe != "" {
			ino = st.Sys().(*syscall.Stat_t).Ino
		}
		p := &event.Process{PID: uint32(len(exe)) + 10, Start: time.Duration(ino) * time.Second, Exe: exe, ExeInode: ino}
		if got := enrich(r, p).ExeWorldWritable; got != want {
			t.Errorf("%q: %v, want %v", exe, got, want)
		}
	}
}

func TestAProcessSeesItsOwnFolders(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root makes mount namespaces of the first user namespace")
	}
	dir := t.TempDir()
	p := running(t, exec.Command("unshare", "-m", "sh", "-c",
		"mount -t tmpfs -o mode=1777 none "+dir+" && cp /bin/cat "+dir+"/cat && exec "+dir+"/cat"))
	p.Exe = dir + "/cat"
	got := enrich(New(Options{}), p)
	if !got.ExeWorldWritable || !got.ExeForeign {
		t.Errorf("%s: world-writable %v, foreign %v, want both", got.Exe, got.ExeWorldWritable, got.ExeForeign)
	}
}

func TestADeletedExecutableIsToldByProc(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "server (deleted)")
	copyOf(t, "/bin/cat", exe)
	p := running(t, exec.Command(exe))
	if got := enrich(New(Options{}), p); got.Exe != exe || got.ExeDeleted {
		t.Errorf("exe %q, deleted %v, want %q, false", got.Exe, got.ExeDeleted, exe)
	}
	if err := os.Remove(exe); err != nil {
		t.Fatal(err)
	}
	if got := enrich(New(Options{}), p); got.Exe != exe || !got.ExeDeleted {
		t.Errorf("exe %q, deleted %v, want %q, true", got.Exe, got.ExeDeleted, exe)
	}
}

// A file system whose server never answers holds everybody who looks at it.
func TestAStalledFileSystemIsNotWaitedFor(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root mounts without a helper")
	}
	const again = "PORTWATCH_TEST_IN_MOUNT_NAMESPACE"
	if os.Getenv(again) == "" {
		cmd := exec.Command("unshare", "-m", readlink("/proc/self/exe"), "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), again+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	fuse, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fuse)
	if err := unix.Mount("stalled", dir, "fuse", 0, options); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	defer unix.Close(fuse) // lets go whoever waits

	r := New(Options{})
	r.host.mntns = nsInum(readlink("/proc/self/ns/mnt")) // this is the host now
	for i := range 20 {
		begin := time.Now()
		p := enrich(r, &event.Process{PID: uint32(1<<31 + i), Exe: dir + "/server", ExeInode: 5, Mntns: 1})
		if took := time.Since(begin); took > time.Second {
			t.Fatalf("waited %v", took)
		}
		if !p.ExeForeign {
			t.Error("not said to be foreign, though nobody can tell and it is in a mount namespace of its own")
		}
		r.look.until = time.Time{}
	}
	if n := len(r.look.slots); n != maxStalled {
		t.Errorf("%d wait, want %d", n, maxStalled)
	}
}

func TestAStallIsNotWaitedFor(t *testing.T) {
	g := newGuard()
	block := make(chan struct{})
	defer close(block)
	for range 2 * maxStalled {
		g.until = time.Time{}
		begin := time.Now()
		if _, ok := ask(g, func() int { <-block; return 1 }); ok {
			t.Fatal("an answer came")
		}
		if took := time.Since(begin); took > time.Second {
			t.Fatalf("waited %v", took)
		}
	}
	if n := len(g.slots); n != maxStalled {
		t.Errorf("%d are waiting, want %d", n, maxStalled)
	}
	if _, ok := ask(g, func() int { return 1 }); ok {
		t.Error("asked while all wait")
	}
}

func TestAfterAStallNothingIsAskedForAWhile(t *testing.T) {
	g := newGuard()
	block := make(chan struct{})
	ask(g, func() int { <-block; return 1 })
	if _, ok := ask(g, func() int { return 1 }); ok {
		t.Error("asked at once")
	}
	close(block)
	g.until = time.Now()
	if v, ok := ask(g, func() int { return 7 }); !ok || v != 7 {
		t.Errorf("got %d, %v, want 7", v, ok)
	}
}

func TestShortenKeepsTheName(t *testing.T) {
	for in, want := range map[string]string{
		"/a/b": "/a/b", "/12345/789": "/12345/789", "/123456/89a": "…/89a", "/1/123456789abc": "…/3456789abc",
	} {
		if got := shorten(in, 10); got != want {
			t.Errorf("shorten(%q) = %q, want %q", in, got, want)
		}
	}
}
