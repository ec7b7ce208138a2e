package receivers

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkListenToWebhook measures from the moment before listen(2) until a
// live webhook has the alert, with the daemon as it is shipped and a state
// folder on the disk. It needs root, as the daemon does.
func BenchmarkListenToWebhook(b *testing.B) {
	type arrival struct {
		port int
		at   time.Time
	}
	arrived := make(chan arrival, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		at := time.Now()
		var a struct {
			Status string
			Event  struct{ Port int }
		}
		if json.NewDecoder(r.Body).Decode(&a) == nil && a.Status == "firing" {
			arrived <- arrival{a.Event.Port, at}
		}
	}))
	defer srv.Close()
	dir := b.TempDir()
	daemon := runDaemon(b, dir, fmt.Sprintf("notify: [{name: hook, type: webhook, url: %q}]\n", srv.URL))
	defer func() {
		daemon.Process.Signal(syscall.SIGTERM)
		daemon.Wait()
	}()
	var took []time.Duration
	port := 20_000 // a new one each time: the same again within 5 s is no news
	for b.Loop() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			b.Fatal(err)
		}
		for {
			port++
			err := unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
			if err == nil {
				break
			}
			if err != unix.EADDRINUSE {
				b.Fatal(err)
			}
		}
		start := time.Now()
		if err := unix.Listen(fd, 1); err != nil {
			b.Fatal(err)
		}
		for {
			select {
			case a := <-arrived:
				if a.port != port { // somebody else's
					continue
				}
				took = append(took, a.at.Sub(start))
			case <-time.After(patience):
				b.Fatalf("no alert for port %d", port)
			}
			break
		}
		unix.Close(fd)
		time.Sleep(5 * time.Millisecond)
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(0, "ns/op")
}

// runDaemon builds portwatch, and returns it once it is ready.
func runDaemon(b *testing.B, dir, config string) *exec.Cmd {
	b.Helper()
	binary := filepath.Join(dir, "portwatch")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/portwatch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	path := filepath.Join(dir, "portwatch.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	c := exec.Command(binary, "run", "--config", path, "--state", filepath.Join(dir, "state"), "--metrics", "off", "--output", "json")
	c.Env = append(os.Environ(), "RUNTIME_DIRECTORY="+dir)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && !strings.Contains(lines.Text(), `"status":"ready"`) {
	}
	if lines.Err() != nil {
		b.Fatal(lines.Err())
	}
	go func() { // nobody is to wait for us
		for lines.Scan() {
		}
	}()
	return c
}
