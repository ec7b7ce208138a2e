//go:build bench

// Package bench measures portwatch beside the least that could do its job, in
// one run, the contenders in turn: on a machine shared with others only ratios
// inside one run mean anything. It needs root, bin/portwatch and the cgroup2
// tree:
//
//	make bench
package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	rounds    = 10
	perRound  = 100
	pause     = 2 * time.Millisecond // between two opens: the reader sleeps meanwhile
	idleFor   = 20 * time.Second
	manyPorts = 10_000
)

func root(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "bin/portwatch")); err != nil {
		if dir, err = os.Getwd(); err != nil { // started in the root
			t.Fatal(err)
		}
	}
	return dir
}

// contender is a program that prints a line for each port that opens.
type contender struct {
	name string
	args []string
	mark func(port int) []byte // what the line of a port holds
	cmd  *exec.Cmd
	out  *bufio.Reader
	fd   int
	took []time.Duration
}

func (c *contender) start(t testing.TB) time.Duration {
	t.Helper()
	began := time.Now()
	c.cmd = exec.Command(c.args[0], c.args[1:]...)
	c.cmd.Env = append(os.Environ(), "RUNTIME_DIRECTORY="+t.TempDir())
	c.cmd.Stderr = os.Stderr
	pipe, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.fd = int(pipe.(*os.File).Fd()) // and so it waits in read(2)
	c.out = bufio.NewReaderSize(pipe, 1<<20)
	c.until(t, []byte("ready"))
	return time.Since(began)
}

func (c *contender) until(t testing.TB, mark []byte) {
	for {
		line, err := c.out.ReadSlice('\n')
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if bytes.Contains(line, mark) {
			return
		}
	}
}

// watch says when the line of each wanted port was in its hands. It reads as a
// program of its own would, on a thread that waits in read(2): a goroutine
// that had just called listen(2) would look for the line for a while before it
// sleeps, and be there at once for the faster contender alone.
func (c *contender) watch(wanted <-chan []byte, arrived chan<- time.Time) {
	runtime.LockOSThread()
	buf := make([]byte, 1<<20)
	var text []byte
	for mark := range wanted {
		for {
			if i := bytes.Index(text, mark); i >= 0 {
				arrived <- time.Now()
				text = append(text[:0], text[i+len(mark):]...)
				break
			}
			n, err := unix.Read(c.fd, buf)
			if err != nil || n == 0 {
				return
			}
			text = append(text, buf[:n]...)
		}
	}
}

func (c *contender) stop() {
	c.cmd.Process.Signal(syscall.SIGTERM)
	go func() {
		for {
			if _, err := c.out.Discard(1); err != nil {
				return
			}
		}
	}()
	c.cmd.Wait()
}

func listener(t testing.TB, port int) (fd, got int) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, sa.(*unix.SockaddrInet4).Port
}

func contenders(t testing.TB) (floor, portwatch *contender) {
	dir := root(t)
	floorBin := filepath.Join(t.TempDir(), "floor")
	if out, err := exec.Command("go", "build", "-C", dir, "-o", floorBin, "./test/bench/floor").CombinedOutput(); err != nil {
		t.Fatalf("build floor: %v\n%s", err, out)
	}
	floor = &contender{name: "bare reader", args: []string{floorBin, cgroupRoot(t)}, mark: func(port int) []byte {
		return []byte(strconv.Itoa(port) + "\n")
	}}
	portwatch = &contender{name: "portwatch", mark: func(port int) []byte {
		return []byte(`"port":` + strconv.Itoa(port) + ",")
	}, args: []string{filepath.Join(dir, "bin/portwatch"), "run", "--output", "json", "--metrics", "off", "--state", "off"}}
	return floor, portwatch
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

func percentile(d []time.Duration, p int) time.Duration {
	slices.Sort(d)
	return d[min(len(d)*p/100, len(d)-1)]
}

// TestLatency measures from before listen(2) to the line in the hands of
// whoever reads the output.
func TestLatency(t *testing.T) {
	floor, portwatch := contenders(t)
	for range rounds {
		for _, c := range []*contender{floor, portwatch} {
			c.start(t)
			arrived := make(chan time.Time, 1)
			wanted := make(chan []byte, 1)
			go c.watch(wanted, arrived)
			for range perRound {
				fd, port := listener(t, 0)
				wanted <- c.mark(port)
				time.Sleep(pause)
				began := time.Now()
				if err := unix.Listen(fd, 1); err != nil {
					t.Fatal(err)
				}
				time.Sleep(pause)
				c.took = append(c.took, (<-arrived).Sub(began))
				unix.Close(fd)
			}
			close(wanted)
			c.stop()
		}
	}
	for _, p := range []int{50, 99} {
		f, w := percentile(floor.took, p), percentile(portwatch.took, p)
		fmt.Printf("open to line, p%d: bare reader %v, portwatch %v with full identity and verdict: %.2f x\n", p, f, w, float64(w)/float64(f))
		if p == 50 && float64(w) > 1.5*float64(f) {
			t.Errorf("p50 is %.2f times that of the bare reader; the goal is 1.5", float64(w)/float64(f))
		}
	}
}

// TestFootprint measures memory, idle CPU and the time until it is ready.
func TestFootprint(t *testing.T) {
	for _, c := range []struct {
		sockets int
		rss     int // MiB, the goal
		ready   time.Duration
	}{{10, 25, 300 * time.Millisecond}, {manyPorts, 40, time.Second}} {
		t.Run(strconv.Itoa(c.sockets), func(t *testing.T) {
			for range c.sockets {
				fd, _ := listener(t, 0)
				t.Cleanup(func() { unix.Close(fd) })
				if err := unix.Listen(fd, 1); err != nil {
					t.Fatal(err)
				}
			}
			_, portwatch := contenders(t)
			var ready []time.Duration
			for range 5 {
				ready = append(ready, portwatch.start(t))
				portwatch.stop()
			}
			portwatch.start(t)
			defer portwatch.stop()
			go func() {
				for {
					if _, err := portwatch.out.Discard(1); err != nil {
						return
					}
				}
			}()
			time.Sleep(2 * time.Second)
			pid := portwatch.cmd.Process.Pid
			before := cpu(t, pid)
			time.Sleep(idleFor)
			idle := cpu(t, pid) - before
			rss := rssOf(t, pid)
			fmt.Printf("%d open sockets: ready after %v (median of 5), %d MiB RSS, %v of CPU in %v idle\n",
				c.sockets, percentile(ready, 50).Round(time.Millisecond), rss>>20, idle.Round(10*time.Microsecond), idleFor)
			if rss>>20 > c.rss {
				t.Errorf("RSS %d MiB; the goal is %d", rss>>20, c.rss)
			}
			if m := percentile(ready, 50); m > c.ready {
				t.Errorf("ready after %v; the goal is %v", m, c.ready)
			}
		})
	}
}

func cpu(t testing.TB, pid int) time.Duration {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("no threads of %d: %v", pid, err)
	}
	var sum time.Duration
	for _, path := range threads {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // a thread that ended
		}
		ns, err := strconv.ParseInt(strings.Fields(string(b))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

func rssOf(t testing.TB, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func TestMain(m *testing.M) {
	raise := unix.Rlimit{Cur: manyPorts + 1000, Max: manyPorts + 1000}
	var have unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &have) == nil && have.Max > raise.Max {
		raise.Max = have.Max
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &raise); err != nil {
		fmt.Fprintln(os.Stderr, "raise the limit of open files:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
