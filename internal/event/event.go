// Package event holds the nouns of portwatch: which socket opened or closed,
// who opened it and what the policy says of it. It does no I/O and knows
// nothing of eBPF; every other package speaks in its words.
package event

import (
	"net/netip"
	"time"
)

// An Event is one fact about one socket: it opened or it closed.
type Event struct {
	Time   time.Time     // wall clock of the kernel's reading, UTC
	Boot   time.Duration // the same moment on CLOCK_BOOTTIME, as the kernel read it
	Type   Type
	Origin Origin

	Socket Socket

	// Owner says how much is known of the opener. Process is nil unless it
	// is OwnerKnown or something of the opener was seen all the same.
	Owner   Owner
	Process *Process

	// What the policy says; set for events of type Open only.
	Verdict  Verdict
	Rule     string // clause or rule that gave the verdict
	Severity Severity
	Explain  string // the reason, one line

	// OpenedAt is when the socket that an event of type Close speaks of was
	// opened; zero if nobody saw that.
	OpenedAt time.Time

	// Latency is the way from the kernel's time stamp to the verdict; zero
	// for what no hook reported (Origin other than Live).
	Latency time.Duration

	// Count is how many openings of the same port were folded into this
	// event because they could not be sent one by one; 0 and 1 mean one.
	Count uint64

	Host *Host // where; shared by all events of a run
}

// A Socket is a listening TCP socket or a bound UDP socket.
type Socket struct {
	// Cookie is the kernel's number for the socket (SO_COOKIE), unique
	// until reboot; 0 if the kernel had not given one yet.
	Cookie uint64

	// Kernel is the address of the kernel's struct sock. It stands in for a
	// missing cookie and is never shown.
	Kernel uint64

	Protocol Protocol
	Family   Family
	Address  netip.Addr // local address; unspecified for a wildcard
	Port     uint16     // local port

	RequestedPort uint16 // what bind(2) asked for; 0 if the kernel chose
	PeerPort      uint16 // port it is connected to (UDP); 0 if not connected
	Backlog       uint32 // of listen(2)

	Role    Role // of a UDP socket
	Scope   Scope
	Device  string // name of the interface of SO_BINDTODEVICE
	Ifindex uint32 // its number in the network namespace; 0 if not bound to one

	Netns     uint32 // inode number of the network namespace, as lsns(8) shows it
	HostNetns bool   // it is the network namespace that portwatch was started in

	DualStack bool // an IPv6 wildcard that takes IPv4 as well
	ReusePort bool // SO_REUSEPORT
	MPTCP     bool
}

// Key returns the number by which portwatch knows the socket: its cookie, or
// where there is none the kernel's address of it. The two cannot be confused:
// cookies count up from 1, addresses of the kernel have their top bit set.
func (s *Socket) Key() uint64 {
	if s.Cookie != 0 {
		return s.Cookie
	}
	return s.Kernel
}

// AddrPort returns the local address and port.
func (s *Socket) AddrPort() netip.AddrPort { return netip.AddrPortFrom(s.Address, s.Port) }

// A Process is the opener of a socket as the kernel saw it at the moment of
// opening. Its texts are the process's own words (any bytes): they are shown
// and matched, never trusted.
type Process struct {
	PID  uint32 // thread group id in the first pid namespace
	TID  uint32
	PPID uint32

	Start time.Duration // start of the process, CLOCK_BOOTTIME

	Comm       string
	Exe        string // path in its own mount namespace; "" if unknown
	ExeDeleted bool   // the file is no longer in any folder (unlinked or memfd)
	ExeInode   uint64
	ExeDevice  uint32 // kernel's dev_t
	Cmdline    string // arguments joined by blanks, at most 256 bytes

	// ExeWorldWritable: anybody may write to the file or to a folder above
	// it, so anybody may have put it there. A sticky folder counts.
	ExeWorldWritable bool

	// ExeForeign: the process is in another mount namespace than the host,
	// and the file that it runs is not known to be the one that the host has
	// at Exe. Whoever made that namespace chose what Exe says: the path
	// proves nothing.
	ExeForeign bool

	UID  uint32
	GID  uint32
	User string // name of UID; "" if there is none

	Cgroup   string // path in the unified hierarchy; "" if unknown
	CgroupID uint64

	// Unit is the systemd unit: that of the cgroup, or the .socket unit for
	// which the first process listens. Below user@UID.service it is the
	// user's own unit.
	Unit string

	ContainerID      string
	ContainerRuntime string // docker, podman, containerd, cri-o, lxc, systemd-nspawn
	ContainerName    string
	ContainerImage   string

	// ContainerRootless: somebody else than root named the cgroup by which
	// the container is known: a rootless engine, or nobody's container at
	// all. What the fields above say is that user's word.
	ContainerRootless bool

	PodUID       string
	PodName      string
	PodNamespace string

	Ancestry []Ancestor // parent first, at most 8; nil if unknown

	Mntns uint32
	Pidns uint32
}

// An Ancestor is a process that started the opener, or one that started that.
type Ancestor struct {
	PID  uint32 `json:"pid"`
	Comm string `json:"comm,omitempty"`
	Exe  string `json:"exe,omitempty"` // "" if unknown
}

// A Host is the machine that portwatch runs on.
type Host struct {
	Name   string
	BootID string
}
