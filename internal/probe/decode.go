package probe

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unsafe"

	"portwatch/internal/event"
)

// The values of enum kind and enum flag in bpf/event.h.
const (
	kindOpen   = 1
	kindClose  = 2
	kindSocket = 3
	kindHolder = 4

	flagV6Only       = 1 << 0
	flagReusePort    = 1 << 1
	flagKernSock     = 1 << 2
	flagMPTCP        = 1 << 3
	flagNoFile       = 1 << 4
	flagPathCut      = 1 << 5
	flagPathDetached = 1 << 6
	flagCgroupCut    = 1 << 7
	flagSameProcess  = 1 << 8
	flagHasExe       = 1 << 9
)

const eventBytes = int(unsafe.Sizeof(bpfEvent{}))

// Cut is what a path begins with whose leading folders the kernel side had
// no room for; such a path is equal to no file's.
const Cut = "…/"

// A raw record: the fixed part and the text behind it.
type raw struct {
	bpfEvent
	text               []byte // all of it
	path, cgroup, args []byte // its parts
}

func bootTime(ns uint64) time.Duration { return time.Duration(ns) }

// errShort is the record that the kernel side sends to wake the reader after
// a loss; it carries nothing.
var errShort = fmt.Errorf("record shorter than %d bytes", eventBytes)

// errText is a record whose text is not all there.
var errText = errors.New("record's text is cut off")

// textBytes returns how long the record says its text is.
func (r *raw) textBytes() int { return int(r.PathLen) + int(r.CgroupLen) + int(r.ArgsLen) }

// parse takes b apart without copying the text. The rest of b behind the
// record is returned.
func (r *raw) parse(b []byte) (rest []byte, err error) {
	if len(b) < eventBytes {
		return nil, errShort
	}
	r.bpfEvent = *(*bpfEvent)(unsafe.Pointer(unsafe.SliceData(b[:eventBytes])))
	text := b[eventBytes:]
	n := r.textBytes()
	if n > len(text) {
		return nil, errText
	}
	r.text = text[:n]
	r.path, text = text[:r.PathLen], text[r.PathLen:]
	r.cgroup, text = text[:r.CgroupLen], text[r.CgroupLen:]
	r.args, text = text[:r.ArgsLen], text[r.ArgsLen:]
	return text, nil
}

func (r *raw) socket(hostNetns uint32) (event.Socket, error) {
	s := event.Socket{
		Cookie: r.Cookie, Kernel: r.Sk,
		Protocol: event.Protocol(r.Protocol), Family: event.Family(r.Family),
		Port: r.Port, RequestedPort: r.RequestedPort, PeerPort: r.PeerPort,
		Netns: r.Netns, HostNetns: r.Netns == hostNetns,
		Ifindex: r.Ifindex, ReusePort: r.Flags&flagReusePort != 0, MPTCP: r.Flags&flagMPTCP != 0,
	}
	if s.Protocol != event.TCP && s.Protocol != event.UDP || r.Protocol > 255 {
		return s, fmt.Errorf("protocol %d is not tcp or udp", r.Protocol)
	}
	switch s.Family {
	case event.IPv4:
		s.Address = netip.AddrFrom4([4]byte(r.Addr[:4]))
	case event.IPv6:
		s.Address = netip.AddrFrom16(r.Addr)
		s.DualStack = s.Address.IsUnspecified() && r.Flags&flagV6Only == 0
	default:
		return s, fmt.Errorf("family %d is not AF_INET or AF_INET6", r.Family)
	}
	s.Scope = event.ScopeOf(s.Address)
	if s.Protocol == event.TCP {
		s.Backlog = r.Backlog
		return s, nil
	}
	s.Role = event.Client
	if s.RequestedPort != 0 && s.PeerPort == 0 {
		s.Role = event.Server
	}
	return s, nil
}

func (r *raw) process() *event.Process {
	p := &event.Process{
		PID: r.Pid, TID: r.Tid, PPID: r.Ppid, Start: bootTime(r.Start),
		Comm: string(comm(&r.Comm)), ExeInode: r.ExeIno, ExeDevice: r.ExeDev,
		ExeDeleted: r.Flags&flagHasExe != 0 && r.ExeNlink == 0,
		UID:        r.Uid, GID: r.Gid, CgroupID: r.Cgroup, Mntns: r.Mntns, Pidns: r.Pidns,
	}
	if r.Flags&flagHasExe != 0 && r.PathLen > 0 {
		p.Exe = join(r.path, r.Flags&flagPathCut != 0)
	}
	if r.Flags&flagSameProcess == 0 {
		p.Cgroup = "/"
		if r.CgroupLen > 0 {
			p.Cgroup = join(r.cgroup, r.Flags&flagCgroupCut != 0)
		}
	}
	p.Cmdline = string(bytes.TrimRight(bytes.ReplaceAll(r.args, []byte{0}, []byte{' '}), " "))
	return p
}

// owner returns what the record knows of who opened the socket.
func (r *raw) owner() event.Owner {
	switch {
	case r.Flags&flagNoFile != 0 && r.Kind != kindHolder:
		return event.OwnerKernel
	case r.Pid != 0:
		return event.OwnerKnown
	}
	return event.OwnerUnknown
}

// join turns names, leaf first, each with its NUL, into a path.
func join(names []byte, cut bool) string {
	var b strings.Builder
	b.Grow(len(names) + len(Cut))
	if cut {
		b.WriteString(strings.TrimSuffix(Cut, "/"))
	}
	for len(names) > 0 {
		names = names[:len(names)-1] // its NUL
		i := bytes.LastIndexByte(names, 0) + 1
		b.WriteByte('/')
		b.Write(names[i:])
		names = names[:i]
	}
	return b.String()
}

func comm(c *[16]int8) []byte {
	b := (*[16]byte)(unsafe.Pointer(c))[:]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return b
}
