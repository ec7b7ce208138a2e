//go:build vm

package systemd

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for what must come: the machine is
// emulated and shares its processor.
const patience = 60 * time.Second

// line is what the tests look at of a line that portwatch prints.
type line struct {
	Kind, Status, Title, Severity, Fingerprint string // alert; Status also of status
	Tier, Error                                string // status
	Type, Origin, Verdict                      string // event
	Port                                       int
	Event                                      struct {
		Exe, User, Cgroup, Unit string
		BootID                  string  `json:"boot_id"`
		Latency                 float64 `json:"latency_seconds"`
	}
}

func status(name string) func(line) bool {
	return func(l line) bool { return l.Kind == "status" && l.Status == name }
}

func alert(port int, status string) func(line) bool {
	title := "Unexpected Port Opened: " + strconv.Itoa(port)
	return func(l line) bool { return l.Kind == "alert" && l.Status == status && l.Title == title }
}

func open(port int) func(line) bool {
	return func(l line) bool { return l.Kind == "event" && l.Type == "open" && l.Port == port }
}

// output is what portwatch prints, as it prints it.
type output struct {
	t     *testing.T
	lines chan line
	text  []string // what is not JSON: the log
}

// read begins to read.
func read(t *testing.T, r io.Reader) *output {
	o := &output{t: t, lines: make(chan line, 10_000)}
	go func() {
		defer close(o.lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			var l line
			if err := json.Unmarshal(s.Bytes(), &l); err != nil {
				l = line{Kind: "text", Error: s.Text()}
			}
			o.lines <- l
		}
	}()
	return o
}

// until reads lines until ok says that one is it.
func (o *output) until(what string, ok func(line) bool) line {
	o.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case l, more := <-o.lines:
			if !more {
				o.t.Fatalf("%s: not told; the output has ended:\n%s", what, strings.Join(o.text, "\n"))
			}
			if l.Kind == "text" {
				o.text = append(o.text, l.Error)
			}
			if ok(l) {
				return l
			}
		case <-deadline:
			o.t.Fatalf("%s: not told within %v:\n%s", what, patience, strings.Join(o.text, "\n"))
		}
	}
}

// follow reads what the unit writes to the journal, from the machine's boot
// or, after a cursor, from there.
func follow(t *testing.T, after ...string) *output {
	t.Helper()
	args := []string{"--follow", "--lines=all", "--output=cat", "_SYSTEMD_UNIT=portwatch.service"}
	for _, cursor := range after {
		args = append(args, "--after-cursor="+cursor)
	}
	cmd := exec.Command("journalctl", args...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return read(t, stdout)
}

// now returns the journal's cursor.
func now(t *testing.T) string {
	t.Helper()
	_, cursor, found := strings.Cut(command(t, "journalctl", "--lines=1", "--output=cat", "--show-cursor"), "-- cursor: ")
	if !found {
		t.Fatal("the journal has no cursor")
	}
	return cursor
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		log, _ := exec.Command("journalctl", "--lines=20", "--no-pager", "--unit=portwatch").CombinedOutput()
		t.Fatalf("%s %s: %v\n%s\n%s", name, strings.Join(args, " "), err, out, log)
	}
	return strings.TrimSpace(string(out))
}
