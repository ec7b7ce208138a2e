package behaviour

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"portwatch/internal/alert"
	"portwatch/test/behaviour/compat"
)

type unixStat = syscall.Stat_t

// child is this program as another process, doing what its words say. It is
// started by the test's thread and so in the test's network namespace.
type process struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// spawn starts a child and waits until it has done its work: it then waits to
// be killed, or for the end of its standard input.
func spawn(t testing.TB, words string, files ...*os.File) *process {
	t.Helper()
	return spawnAs(t, "/proc/self/exe", words, nil, files...)
}

func spawnAs(t testing.TB, exe, words string, attr *syscall.SysProcAttr, files ...*os.File) *process {
	t.Helper()
	p := launch(t, exe, words, attr, files...)
	p.wait()
	return p
}

// spawnLater starts a child and does not wait until its work is done.
func spawnLater(t testing.TB, words string) *process {
	t.Helper()
	return launch(t, "/proc/self/exe", words, nil)
}

// wait waits until the child has done its work.
func (p *process) wait() {
	p.t.Helper()
	if !p.out.Scan() {
		p.t.Fatalf("child %s ended without a word", p.cmd.Args)
	}
}

func launch(t testing.TB, exe, words string, attr *syscall.SysProcAttr, files ...*os.File) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(exe, "child")}
	p.cmd.Env = append(os.Environ(), "PORTWATCH_TEST_CHILD="+words)
	p.cmd.ExtraFiles = files
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = attr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		f.Close()
	}
	t.Cleanup(p.kill)
	return p
}

// number returns what the child said.
func (p *process) number() uint32 {
	p.t.Helper()
	n, err := strconv.ParseUint(p.out.Text(), 10, 32)
	if err != nil {
		p.t.Fatal(err)
	}
	return uint32(n)
}

// kill ends the child with SIGKILL.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	}
}

// file returns a copy of the socket's descriptor for a child.
func (s *sock) file() *os.File {
	s.t.Helper()
	fd, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 0)
	s.must(err)
	return os.NewFile(uintptr(fd), "socket")
}

// child is what runs in the other process.
func child(words string) {
	runtime.LockOSThread()
	w := strings.Fields(words)
	answer := uint32(0)
	switch w[0] {
	case "hold":
	case "cgroup-listen":
		check(os.WriteFile(w[3]+"/cgroup.procs", []byte("0"), 0))
		listenChild(w[1], w[2])
	case "compat-listen":
		check(compat.Listen(bound(unix.SOCK_STREAM, w[1], w[2]), 1))
	case "refused-bind":
		_, err := tryBind(unix.SOCK_STREAM, w[1], w[2])
		refused(err, unix.EACCES)
	case "refused-udp-bind": // in another cgroup
		check(os.WriteFile(w[3]+"/cgroup.procs", []byte("0"), 0))
		_, err := tryBind(unix.SOCK_DGRAM, w[1], w[2])
		refused(err, unix.EPERM)
	case "hammer":
		hammer(uint64(number(w[1])), number(w[2]), number(w[3]))
	case "flood":
		flood(number(w[1]), number(w[2]))
	case "unlink-listen":
		check(os.Remove(w[3]))
		listenChild(w[1], w[2])
	case "listen":
		listenChild(w[1], w[2])
	case "comm-listen": // with a name of any bytes
		name := append([]byte(w[3]), 0)
		name, _ = unquote(name)
		check(unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0))
		listenChild(w[1], w[2])
	case "namespace-listen":
		check(unix.Unshare(unix.CLONE_NEWNET))
		listenChild(w[1], w[2])
		st, err := os.Stat("/proc/thread-self/ns/net")
		check(err)
		answer = uint32(st.Sys().(*unixStat).Ino)
	case "listen-exit": // gone before anybody could ask /proc
		listenChild(w[1], w[2])
		fmt.Println(answer)
		unix.Exit(0)
	default:
		check(fmt.Errorf("unknown child %q", words))
	}
	fmt.Println(answer)
	io.Copy(io.Discard, os.Stdin)
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	check(err)
	return n
}

func tryBind(kind int, addr, port string) (int, error) {
	n, err := strconv.Atoi(port)
	check(err)
	fd, err := unix.Socket(family(addr), kind, 0)
	check(err)
	return fd, unix.Bind(fd, address(addr, n))
}

func bound(kind int, addr, port string) int {
	fd, err := tryBind(kind, addr, port)
	check(err)
	return fd
}

func listenChild(addr, port string) { check(unix.Listen(bound(unix.SOCK_STREAM, addr, port), 1)) }

func refused(err, want error) {
	if err != want {
		check(fmt.Errorf("bind: got %v, want %v", err, want))
	}
}

func unquote(b []byte) ([]byte, error) {
	s, err := strconv.Unquote(`"` + strings.TrimRight(string(b), "\x00") + `"`)
	return append([]byte(s), 0), err
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
}

func rawConnect(fd int, sa []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&sa[0])), uintptr(len(sa)))
	if errno != 0 {
		return errno
	}
	return nil
}

// alertsOf returns the alerts of that status about a port.
func alertsOf(w *watch, port int, status string) []alert.Alert {
	w.mu.Lock()
	defer w.mu.Unlock()
	return alertsOfLocked(w, port, status)
}

func alertsOfLocked(w *watch, port int, status string) (found []alert.Alert) {
	for _, a := range w.alerts {
		if a.Event != nil && int(a.Event.Socket.Port) == port && a.Status.String() == status {
			found = append(found, a)
		}
	}
	return found
}
