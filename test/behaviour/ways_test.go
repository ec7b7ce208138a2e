package behaviour

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"portwatch/internal/event"
)

// A 32-bit program's listen(2). It is another process that makes the call, for
// a kernel without such an entry ends whoever tries.
func TestListenOf32BitProgramIsTold(t *testing.T) {
	if runtime.GOARCH == "amd64" && !kernelHas(t, "__ia32_compat_sys_socketcall") && !kernelHas(t, "__ia32_sys_listen") {
		t.Skip("this kernel has no 32-bit system calls")
	}
	ns := namespace(t)
	spawn(t, "compat-listen 127.0.0.1 6001")
	if ev := ns.one(t, shared, "open", isOpen(6001)); ev.Process.Exe != self(t) {
		t.Errorf("exe %q", ev.Process.Exe)
	}
}

// kernelHas reports whether the kernel has a function of that name.
func kernelHas(t testing.TB, name string) bool {
	t.Helper()
	b, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(b), " "+name+"\n")
}

// opListen is IORING_OP_LISTEN, since Linux 6.11.
const opListen = 57

func TestListenOfIoUringIsTold(t *testing.T) {
	ns := namespace(t)
	s := tcp(t, "127.0.0.1").bind("127.0.0.1", 6010)
	err := ringListen(s.fd)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		t.Skip("this kernel has no IORING_OP_LISTEN")
	}
	s.must(err)
	ev := ns.one(t, shared, "open", isOpen(6010))
	if int(ev.Process.PID) != os.Getpid() || ev.Process.Exe != self(t) {
		t.Errorf("told as pid %d, exe %q", ev.Process.PID, ev.Process.Exe)
	}
	s.close()
	ns.one(t, shared, "close", isClose(6010))
}

// ringListen is listen(2) by an io_uring of one entry, done by a worker of the
// kernel (IOSQE_ASYNC) rather than by this thread.
func ringListen(socket int) error {
	var params [120]byte // struct io_uring_params
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		return errno
	}
	defer unix.Close(int(fd))
	u32 := func(off int) uint32 { return *(*uint32)(unsafe.Pointer(&params[off])) }
	// struct io_sqring_offsets begins at 40: head, tail, ring_mask, ring_entries, flags, dropped, array.
	// struct io_cqring_offsets begins at 80: head, tail, ring_mask, ring_entries, overflow, cqes.
	sqTail, sqArray, cqTail, cqes := u32(40+4), u32(40+24), u32(80+4), u32(80+20)
	const offSQ, offCQ, offSQEs = 0, 0x8000000, 0x10000000
	sq, err := unix.Mmap(int(fd), offSQ, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return err
	}
	defer unix.Munmap(sq)
	cq, err := unix.Mmap(int(fd), offCQ, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return err
	}
	defer unix.Munmap(cq)
	sqes, err := unix.Mmap(int(fd), offSQEs, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return err
	}
	defer unix.Munmap(sqes)
	const async = 1 << 4
	sqes[0], sqes[1] = opListen, async
	*(*int32)(unsafe.Pointer(&sqes[4])) = int32(socket)
	*(*uint32)(unsafe.Pointer(&sqes[24])) = 7 // len: the backlog
	*(*uint32)(unsafe.Pointer(&sq[sqArray])) = 0
	*(*uint32)(unsafe.Pointer(&sq[sqTail])) = 1
	const getEvents = 1
	if _, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, fd, 1, 1, getEvents, 0, 0); errno != 0 {
		return errno
	}
	if *(*uint32)(unsafe.Pointer(&cq[cqTail])) != 1 {
		return errors.New("no completion")
	}
	if res := *(*int32)(unsafe.Pointer(&cq[cqes+8])); res < 0 {
		return unix.Errno(-res)
	}
	return nil
}

func TestBindWithoutPermissionIsNotTold(t *testing.T) {
	ns := namespace(t)
	spawnAs(t, "/proc/self/exe", "refused-bind 127.0.0.1 99", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}})
	ns.marker(t, shared)
	if got := ns.find(shared, func(e *event.Event) bool { return e.Socket.Port == 99 }); len(got) != 0 {
		t.Errorf("a refused bind was told: %s", types(got))
	}
}

// A cgroup program of somebody else's denies the bind: before it (bind4), and
// when it was as good as done (post_bind4).
func TestBindDeniedByACgroupProgramIsNotTold(t *testing.T) {
	for _, at := range []ebpf.AttachType{ebpf.AttachCGroupInet4Bind, ebpf.AttachCGroupInet4PostBind} {
		t.Run(at.String(), func(t *testing.T) {
			ns := namespace(t)
			dir := filepath.Join(cgroupRoot(t), "portwatch-test-"+itoa(os.Getpid()))
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Remove(dir) })
			deny(t, dir, at)
			child := spawnAs(t, "/proc/self/exe", "refused-udp-bind 127.0.0.1 6020 "+dir, nil)
			ns.marker(t, shared)
			if got := ns.find(shared, func(e *event.Event) bool { return e.Socket.Port == 6020 }); len(got) != 0 {
				t.Errorf("a denied bind was told: %s", types(got))
			}
			child.kill()
		})
	}
}

// deny attaches a program that denies everything.
func deny(t testing.TB, cgroup string, at ebpf.AttachType) {
	t.Helper()
	kind := ebpf.CGroupSockAddr
	if at == ebpf.AttachCGroupInet4PostBind {
		kind = ebpf.CGroupSock
	}
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: kind, AttachType: at, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	l, err := link.AttachCgroup(link.CgroupOptions{Path: cgroup, Attach: at, Program: prog})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}

func cgroupRoot(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); f[2] == "cgroup2" {
			return f[1]
		}
	}
	t.Fatal("no cgroup2 is mounted")
	return ""
}
