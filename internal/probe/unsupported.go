package probe

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// An UnsupportedError says that the kernel or the privileges do not allow
// portwatch to work, and what would.
type UnsupportedError struct {
	Missing string // what is missing
	Remedy  string // what to do about it
	Err     error  // what the kernel said
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s; %s", e.Missing, e.Remedy)
}

func (e *UnsupportedError) Unwrap() error { return e.Err }

// unsupported finds the reason behind what a system call answered. EPERM has
// many causes and the library's own hint (MEMLOCK) is none of them here.
func unsupported(err error) error {
	e := &UnsupportedError{Err: err}
	caps, _ := Capabilities()
	var missing []string
	for _, c := range []Capability{CapBPF, CapPerfmon} {
		if !caps.Has(c) {
			missing = append(missing, c.String())
		}
	}
	switch {
	case errors.Is(err, ErrNoBTF):
		e.Missing = "the kernel does not describe its types: /sys/kernel/btf/vmlinux is missing"
		e.Remedy = "run a kernel built with CONFIG_DEBUG_INFO_BTF=y (all of Debian 11+, Ubuntu 20.10+, Fedora, RHEL 8.2+), and mount /sys"
	case len(missing) > 0:
		e.Missing = "missing " + strings.Join(missing, " and ")
		e.Remedy = "run as root, or with --cap-add=BPF,PERFMON (container), AmbientCapabilities=CAP_BPF CAP_PERFMON (systemd)"
	case Lockdown() == "confidentiality":
		e.Missing = "the kernel is locked down (confidentiality) and lets no program read its memory"
		e.Remedy = "boot with lockdown=integrity"
	case errors.Is(err, ErrNoCgroup2):
		e.Missing = "trampolines are refused by this kernel, and no cgroup2 file system is mounted for the programs that would replace them"
		e.Remedy = "mount -t cgroup2 none /sys/fs/cgroup (or /sys/fs/cgroup/unified beside cgroup v1)"
	case errors.Is(err, ErrCgroupSubtree):
		e.Missing = "trampolines are refused by this kernel, and only a part of the cgroup2 tree is visible for the programs that would replace them"
		e.Remedy = "run in the host's cgroup namespace (--cgroupns=host) with the host's /sys/fs/cgroup mounted"
	case errors.Is(err, unix.EPERM) && !caps.Has(CapNetAdmin):
		e.Missing = "trampolines are refused by this kernel, and CAP_NET_ADMIN is missing for the cgroup programs that would replace them"
		e.Remedy = "add CAP_NET_ADMIN to the capabilities"
	case errors.Is(err, unix.EPERM):
		e.Missing = "the kernel refuses BPF programs though the capabilities are there"
		e.Remedy = "allow bpf(2) in the seccomp profile, the security module or the container's profile; see 'portwatch check'"
	case errors.Is(err, unix.ENOSYS):
		e.Missing = "bpf(2) is not to be had"
		e.Remedy = "run a kernel with CONFIG_BPF_SYSCALL=y and a seccomp profile that allows bpf"
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, btf.ErrNotFound), errors.Is(err, unix.EINVAL):
		e.Missing = "the kernel is too old or lacks a hook"
		e.Remedy = "run Linux 5.17 or later; 'portwatch check' shows which hook is missing"
	default:
		var v *ebpf.VerifierError
		if !errors.As(err, &v) {
			return err
		}
		e.Missing = "the kernel's verifier refuses a program of portwatch"
		e.Remedy = "please report it with the output of 'portwatch check --json'"
	}
	return e
}

// A Capability is a bit of capabilities(7).
type Capability uint

// The capabilities that portwatch has a use for.
const (
	CapNetAdmin  Capability = unix.CAP_NET_ADMIN  // cgroup programs
	CapSysPtrace Capability = unix.CAP_SYS_PTRACE // /proc of other users' processes
	CapSysAdmin  Capability = unix.CAP_SYS_ADMIN  // entering network namespaces
	CapPerfmon   Capability = unix.CAP_PERFMON    // tracing programs
	CapBPF       Capability = unix.CAP_BPF        // maps and programs
)

func (c Capability) String() string {
	switch c {
	case CapNetAdmin:
		return "CAP_NET_ADMIN"
	case CapSysPtrace:
		return "CAP_SYS_PTRACE"
	case CapSysAdmin:
		return "CAP_SYS_ADMIN"
	case CapPerfmon:
		return "CAP_PERFMON"
	case CapBPF:
		return "CAP_BPF"
	}
	return fmt.Sprintf("CAP_%d", uint(c))
}

// CapabilitySet is the effective set of a process.
type CapabilitySet uint64

// Has reports whether the set allows what c is for: CAP_SYS_ADMIN includes
// BPF and PERFMON.
func (s CapabilitySet) Has(c Capability) bool {
	if (c == CapBPF || c == CapPerfmon) && s&(1<<CapSysAdmin) != 0 {
		return true
	}
	return s&(1<<c) != 0
}

// Capabilities returns the effective set of this process.
func Capabilities() (CapabilitySet, error) {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return 0, fmt.Errorf("read capabilities: %w", err)
	}
	return CapabilitySet(data[0].Effective) | CapabilitySet(data[1].Effective)<<32, nil
}

// Lockdown returns the mode of kernel_lockdown(7): "none", "integrity",
// "confidentiality", or "" if it cannot be read.
func Lockdown() string {
	b, err := os.ReadFile("/sys/kernel/security/lockdown")
	if err != nil {
		return ""
	}
	_, rest, ok := strings.Cut(string(b), "[")
	if !ok {
		return ""
	}
	mode, _, _ := strings.Cut(rest, "]")
	return mode
}

// Reason returns what the kernel answered, in its own words: the library's
// hint at MEMLOCK is wrong on every kernel that portwatch runs on.
func Reason(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno.Error() + " (" + unix.ErrnoName(errno) + ")"
	}
	if err == nil {
		return ""
	}
	return err.Error()
}
