package probe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"portwatch/internal/event"
)

// A Snapshot is what was open while it was taken.
type Snapshot struct {
	// Open has an event of type Open for each socket, in no particular
	// order. Their Time is when the snapshot was taken: the kernel does not
	// keep when a socket was opened.
	Open []event.Event

	// NoEntry counts the network namespaces that could not be entered for
	// lack of privileges. Of these only sockets that a process of our pid
	// namespace holds are found.
	NoEntry int

	// Complete says that nothing was out of reach: every process and every
	// network namespace could be asked.
	Complete bool

	entered map[uint32]bool
}

// Covers reports whether the kernel's own list of the sockets of a network
// namespace is part of the snapshot.
func (s *Snapshot) Covers(netns uint32) bool { return s.entered[netns] }

// Snapshot lists what is open in every network namespace. Which sockets there
// are is asked of each namespace, who holds them of all processes; a socket
// found both ways is one.
func (p *Probe) Snapshot() (*Snapshot, error) {
	p.snapshot.Lock()
	defer p.snapshot.Unlock()
	c := &collector{probe: p, at: Boottime(), found: make(map[uint64]int), byAddress: make(map[uint64]int)}
	c.snap = &Snapshot{entered: map[uint32]bool{p.ownNetns: true}}
	// Namespaces first: their iterators give every socket its cookie, which
	// that of the files cannot for an MPTCP socket.
	if err := p.eachNamespace(c); err != nil {
		return nil, err
	}
	if err := c.read(p.iters.file); err != nil {
		return nil, fmt.Errorf("list files of processes: %w", err)
	}
	c.snap.Complete = c.snap.NoEntry == 0 && seesAllProcesses()
	return c.snap, nil
}

// eachNamespace reads the sockets of every network namespace that it finds a
// way into: that of a process, or a name in a nsfs mount.
func (p *Probe) eachNamespace(c *collector) error {
	if err := c.readSockets(); err != nil {
		return err
	}
	for inum, path := range findNamespaces() {
		if inum == p.ownNetns {
			continue
		}
		switch err := inNamespace(path, c.readSockets); {
		case errors.Is(err, unix.EPERM):
			c.snap.NoEntry++
		case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.EINVAL):
			// The process and its namespace are gone.
		case err != nil:
			return fmt.Errorf("network namespace %d: %w", inum, err)
		default:
			c.snap.entered[inum] = true
		}
	}
	return nil
}

// inNamespace calls f on a thread of its own that is in the network namespace
// at path. The thread ends with it: it never runs other code.
func inNamespace(path string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			done <- err
			return
		}
		defer unix.Close(fd)
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// collector merges rows into a snapshot.
type collector struct {
	probe     *Probe
	at        time.Duration
	snap      *Snapshot
	found     map[uint64]int // by key
	byAddress map[uint64]int // by address of the struct sock
	process   *event.Process // of the last row
}

func (c *collector) readSockets() error {
	if err := c.read(c.probe.iters.tcp); err != nil {
		return fmt.Errorf("list TCP sockets: %w", err)
	}
	if err := c.read(c.probe.iters.udp); err != nil {
		return fmt.Errorf("list UDP sockets: %w", err)
	}
	return nil
}

// read runs an iterator in the network namespace of the calling thread.
func (c *collector) read(it *link.Iter) error {
	rows, err := it.Open()
	if err != nil {
		return err
	}
	defer rows.Close()
	return c.decode(rows)
}

// decode reads rows until the end of r.
func (c *collector) decode(rows io.Reader) error {
	r := bufio.NewReaderSize(rows, 64<<10)
	var row raw
	for {
		head, err := r.Peek(eventBytes)
		if len(head) == 0 && err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read row: %w", err)
		}
		if _, err := row.parse(head); err != nil && !errors.Is(err, errText) {
			return err
		}
		n := eventBytes + row.textBytes()
		b, err := r.Peek(n)
		if err != nil {
			return fmt.Errorf("read row: %w", err)
		}
		if _, err := row.parse(b); err != nil {
			return err
		}
		if err := c.add(&row); err != nil {
			return err
		}
		if _, err := r.Discard(n); err != nil {
			return err
		}
	}
}

func (c *collector) add(r *raw) error {
	s, err := r.socket(c.probe.hostNetns)
	if err != nil {
		return err
	}
	i, known := c.found[s.Key()]
	if !known {
		i, known = c.byAddress[s.Kernel]
	}
	if !known {
		i = len(c.snap.Open)
		c.snap.Open = append(c.snap.Open, event.Event{
			Type: event.Open, Origin: event.Snapshot, Boot: c.at, Time: wall(c.at), Socket: s, Owner: r.owner(),
		})
		c.found[s.Key()] = i
		c.byAddress[s.Kernel] = i
	}
	ev := &c.snap.Open[i]
	if r.Kind != kindHolder {
		if ev.Process == nil {
			// The user that the socket belongs to is all that a socket
			// says of its owner.
			ev.Process = &event.Process{UID: r.Uid}
		}
		return nil
	}
	if r.Flags&flagSameProcess == 0 || c.process == nil || c.process.PID != r.Pid {
		c.process = r.process()
	}
	// The oldest holder: the one that the others were forked from.
	if held := ev.Process; held == nil || held.PID == 0 || c.process.Start < held.Start ||
		c.process.Start == held.Start && c.process.PID < held.PID {
		ev.Process = c.process
	}
	ev.Owner = event.OwnerKnown
	return nil
}

// namespaces returns the inode numbers of the network namespaces of this
// process and of the host: that of the first process, as far as it can be
// seen.
func namespaces() (own, host uint32) {
	own = netnsOf("/proc/self/ns/net")
	if host = netnsOf("/proc/1/ns/net"); host == 0 {
		host = own
	}
	return own, host
}

// initialPidns is the link of the first pid namespace; the number is part of
// the kernel's interface (PROC_PID_INIT_INO).
const initialPidns = "pid:[4026531836]"

// seesAllProcesses reports whether no process is hidden by a pid namespace.
func seesAllProcesses() bool {
	target, err := os.Readlink("/proc/self/ns/pid")
	return err == nil && target == initialPidns
}

func netnsOf(path string) uint32 {
	target, err := os.Readlink(path)
	if err != nil {
		return 0
	}
	return netnsInum(target)
}

func netnsInum(link string) uint32 {
	n, ok := strings.CutPrefix(link, "net:[")
	if !ok {
		return 0
	}
	inum, err := strconv.ParseUint(strings.TrimSuffix(n, "]"), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(inum)
}

// findNamespaces returns a path to each network namespace that a process is
// in or that is mounted somewhere, as "ip netns" and container engines do.
func findNamespaces() map[uint32]string {
	found := make(map[uint32]string)
	if proc, err := os.ReadDir("/proc"); err == nil {
		for _, d := range proc {
			if name := d.Name(); name[0] < '0' || name[0] > '9' {
				continue
			}
			path := "/proc/" + d.Name() + "/ns/net"
			if inum := netnsOf(path); inum != 0 {
				found[inum] = path
			}
		}
	}
	mounts, err := mountinfo()
	if err != nil {
		return found
	}
	for _, m := range mounts {
		if m.fstype != "nsfs" {
			continue
		}
		if inum := netnsInum(m.root); inum != 0 {
			if _, ok := found[inum]; !ok {
				found[inum] = m.point
			}
		}
	}
	return found
}
