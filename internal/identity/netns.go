package identity

import (
	"bytes"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"portwatch/internal/event"
)

// maxNetns bounds what is remembered of network namespaces.
const maxNetns = 1024

// A deviceKey is a network device.
type deviceKey struct{ netns, ifindex uint32 }

// locate completes where the socket is.
func (r *Resolver) locate(ev *event.Event) {
	s := &ev.Socket
	device := s.Ifindex != 0 && s.Device == ""
	// Not of the host's namespace: at boot it has only its loopback device
	// for a while, and what listens then does not stay there.
	alone := s.Scope == event.Wildcard && !s.HostNetns && s.Netns != 0 && ev.Process != nil && ev.Process.PID != 0
	if !device && !alone {
		return
	}
	now := time.Now()
	if device {
		s.Device = r.device(s, ev.Process, now)
	}
	if alone && r.onlyLoopback(s.Netns, ev.Process, now) {
		s.Scope = event.Loopback
	}
}

// onlyLoopback reports whether the network namespace in which p is has no
// device but loopback: that one can be renamed, but not be taken out.
func (r *Resolver) onlyLoopback(netns uint32, p *event.Process, now time.Time) bool {
	l, ok := r.loopback.get(netns)
	if !ok || now.Sub(l.at) >= recheck {
		devices := bytes.Count(r.net(netns, p, "dev", 16<<10), []byte{':'})
		l = looked[bool]{devices == 1, now}
		r.loopback.put(netns, l)
	}
	return l.value
}

// net reads a file of /proc/PID/net for a namespace, through p if it still is
// in it; nil if it cannot be read.
func (r *Resolver) net(netns uint32, p *event.Process, file string, limit int) []byte {
	pid := uint32(0)
	switch {
	case !r.proc.host:
		return nil
	case p != nil && p.PID != 0:
		pid = p.PID
	}
	for _, pid := range [...]uint32{pid, 1} {
		if pid == 0 {
			continue
		}
		b := readAll(r.proc.path(pid, "net/"+file), limit)
		// Asked afterwards, it says whose that was. Only a process that
		// changes to and fro could tell of another namespace than its own.
		if b != nil && nsInum(readlink(r.proc.path(pid, "ns/net"))) == netns {
			return b
		}
	}
	return nil
}

// device returns the name of the device that a socket is bound to.
func (r *Resolver) device(s *event.Socket, p *event.Process, now time.Time) string {
	key := deviceKey{s.Netns, s.Ifindex}
	d, ok := r.devices.get(key)
	if !ok || now.Sub(d.at) >= recheck {
		d = looked[string]{at: now}
		if s.Netns == r.proc.netns {
			d.value = deviceName(s.Ifindex)
		} else {
			d.value = r.deviceElsewhere(s, p)
		}
		r.devices.put(key, d)
	}
	return d.value
}

// deviceName asks the kernel for the name of a device of our own network
// namespace.
func deviceName(ifindex uint32) string {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("")
	if err != nil {
		return ""
	}
	req.SetUint32(ifindex)
	if unix.IoctlIfreq(fd, unix.SIOCGIFNAME, req) != nil {
		return ""
	}
	return req.Name()
}

// deviceElsewhere finds the name where /proc shows it beside the number: with
// the addresses, or the multicast groups that each device with IPv4 is in.
func (r *Resolver) deviceElsewhere(s *event.Socket, p *event.Process) string {
	for line := range bytes.Lines(r.net(s.Netns, p, "if_inet6", netFileBytes)) {
		if a, ok := parseIfInet6(line); ok && a.ifindex == s.Ifindex {
			return a.device
		}
	}
	for line := range bytes.Lines(r.net(s.Netns, p, "igmp", netFileBytes)) {
		f := bytes.Fields(line)
		if len(f) >= 2 && string(f[0]) == strconv.FormatUint(uint64(s.Ifindex), 10) && line[0] != '\t' {
			return string(f[1])
		}
	}
	return ""
}

// netFileBytes bounds what is read of a file about addresses. A router's
// routes do not fit: that is said, not waited for.
const netFileBytes = 4 << 20
