package behaviour

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"portwatch/internal/event"
	"portwatch/internal/probe"
)

// smallestRing is a page: it holds some 15 events.
const smallestRing = 4096

// kernelList returns what /proc/net of the calling thread's network namespace
// lists: "tcp 127.0.0.1:80" and the like, with how many sockets each is.
func kernelList(t testing.TB) map[string]int {
	t.Helper()
	list := make(map[string]int)
	for _, file := range []string{"tcp", "tcp6", "udp", "udp6"} {
		f, err := os.Open("/proc/thread-self/net/" + file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			fields := strings.Fields(s.Text())
			if len(fields) < 4 || fields[0] == "sl" || strings.HasPrefix(file, "tcp") && fields[3] != "0A" {
				continue
			}
			_, port, _ := strings.Cut(fields[1], ":")
			n, err := strconv.ParseUint(port, 16, 16)
			if err != nil {
				t.Fatal(err)
			}
			list[fmt.Sprintf("%s %d", file, n)]++
		}
	}
	return list
}

// watched returns the same of what a monitor holds.
func watched(w *watch, ns in) map[string]int {
	list := make(map[string]int)
	w.Ports(func(ev *event.Event) bool {
		if ev.Socket.Netns == uint32(ns) {
			name := ev.Socket.Protocol.String()
			if ev.Socket.Family == event.IPv6 {
				name += "6"
			}
			list[fmt.Sprintf("%s %d", name, ev.Socket.Port)]++
		}
		return true
	})
	return list
}

// equal waits until the inventory is the kernel's list.
func (ns in) equal(t testing.TB, w *watch, within time.Duration) {
	t.Helper()
	want := fmt.Sprint(kernelList(t))
	var got string
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got = fmt.Sprint(watched(w, ns)); got == want {
			return
		}
	}
	t.Errorf("after %v the inventory has\n%.1000s\nand the kernel\n%.1000s", within, got, want)
}

// hammer is what a storm's process does: it opens and closes ports of all
// kinds, and says when it is over; some it leaves open.
func hammer(seed uint64, ports, steps int) {
	rng := rand.New(rand.NewPCG(seed, 0))
	open := make(map[int]int)
	base := 20000 + int(seed)*ports
	for range steps {
		port := base + rng.IntN(ports)
		if fd, ok := open[port]; ok {
			unix.Close(fd)
			delete(open, port)
			continue
		}
		addr, kind := []string{"127.0.0.1", "::1"}[rng.IntN(2)], []int{unix.SOCK_STREAM, unix.SOCK_DGRAM}[rng.IntN(2)]
		fd, err := unix.Socket(family(addr), kind, 0)
		check(err)
		if err := unix.Bind(fd, address(addr, port)); err != nil {
			unix.Close(fd) // its TIME_WAIT, or the other hammer
			continue
		}
		if kind == unix.SOCK_STREAM {
			check(unix.Listen(fd, 1))
			if rng.IntN(8) == 0 {
				check(unix.Shutdown(fd, unix.SHUT_RD))
				check(unix.Listen(fd, 1))
			}
		}
		open[port] = fd
	}
}

// A monitor that starts in the middle of a storm misses nothing and invents
// nothing.
func TestStartInAStorm(t *testing.T) {
	for round := range 3 {
		ns := namespace(t)
		storm := []*process{
			spawnLater(t, fmt.Sprintf("hammer %d 200 15000", 2*round)),
			spawnLater(t, fmt.Sprintf("hammer %d 200 15000", 2*round+1)),
		}
		w := second(t)
		for _, p := range storm {
			p.wait()
		}
		ns.equal(t, w, patience)
		for _, p := range storm {
			p.kill()
		}
		ns.equal(t, w, patience)
		w.mu.Lock()
		for _, e := range w.events {
			if e.Origin == event.Repair && e.Socket.Netns == uint32(ns) {
				if l, err := w.probe.Losses(); err == nil && l.Events() == 0 {
					t.Errorf("nothing was lost, and yet repaired: %v %v", e.Type, e.Socket.AddrPort())
				}
				break
			}
		}
		w.mu.Unlock()
	}
}

// A monitor that is frozen while ports open and close reports each of them
// afterwards, to the unit, and its inventory is that of the kernel.
func TestFrozenReaderLosesNoPort(t *testing.T) {
	ns := namespace(t)
	w, err := start(probe.Options{RingBytes: smallestRing})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	for port := 9000; port < 9020; port++ { // some that will close unseen
		tcp(t, "127.0.0.1").bind("127.0.0.1", port).listen()
	}
	victim := udp(t, "127.0.0.1").bind("127.0.0.1", 9030)
	ns.one(t, w, "the last of them", isOpen(9030))

	const first, count = 10000, 1500
	thaw := w.freeze()
	tcp(t, "127.0.0.1").bind("127.0.0.1", 9040).listen() // the reader is stuck with this one
	child := spawnLater(t, fmt.Sprintf("flood %d %d", first, count))
	child.wait()
	stays := tcp(t, "127.0.0.1").bind("127.0.0.1", 9050).listen() // opened unseen
	victim.close()
	if l, err := w.probe.Losses(); err != nil || l.Opens == 0 || l.Closes == 0 {
		t.Fatalf("nothing was lost: %+v, %v; the test shows nothing", l, err)
	}
	began := time.Now()
	thaw()

	made := make(map[uint16]uint64)
	ok := func() bool {
		clear(made)
		total := uint64(0)
		for _, e := range ns.findLocked(w, func(e *event.Event) bool {
			return e.Type == event.Open && e.Socket.Port >= first && e.Socket.Port < first+count
		}) {
			made[e.Socket.Port] += max(e.Count, 1)
			total += max(e.Count, 1)
		}
		return len(made) == count && total == count
	}
	w.until(t, fmt.Sprintf("each of the %d ports that were opened once, once", count), ok)
	t.Logf("all %d ports told %v after the thaw", count, time.Since(began).Round(time.Millisecond))
	ns.equal(t, w, patience)
	t.Logf("inventory equal %v after the thaw", time.Since(began).Round(time.Millisecond))
	ns.one(t, w, "close of the socket that was closed unseen", isClose(9030))
	if ev := ns.one(t, w, "open of the socket that was opened unseen", func(e *event.Event) bool {
		return e.Type == event.Open && e.Socket.Cookie == stays.cookie()
	}); ev.Origin != event.Repair {
		t.Errorf("origin %v, want repair", ev.Origin)
	}
	w.until(t, "status lines of the loss and of the repair", func() bool {
		lost, repaired := false, false
		for _, s := range w.status {
			lost = lost || s.Status == "lost"
			repaired = repaired || s.Status == "repaired"
		}
		return lost && repaired
	})
	for _, e := range ns.find(w, func(e *event.Event) bool { return e.Type == event.Open && e.Origin == event.Repair }) {
		if e.Process == nil || e.Process.PID == 0 || e.Process.Comm == "" {
			t.Errorf("port %d was lost and its opener is not named: %+v", e.Socket.Port, e.Process)
			break
		}
	}
	if !strings.Contains(scrape(t, w), `portwatch_repairs_total{type="open"}`) {
		t.Error("no metric of the repairs")
	}
}

// flood opens and closes each of count ports once.
func flood(first, count int) {
	for port := first; port < first+count; port++ {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		check(err)
		check(unix.Bind(fd, address("127.0.0.1", port)))
		check(unix.Listen(fd, 1))
		check(unix.Close(fd))
	}
}
