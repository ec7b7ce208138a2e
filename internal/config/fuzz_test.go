package config

import (
	"os"
	"testing"
	"time"

	"portwatch/internal/detect"
	"portwatch/internal/event"
)

// FuzzParse: whatever the text, Parse returns; what it accepts compiles,
// judges and tests itself, and each clause reads back from its one line.
func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	if shipped, err := os.ReadFile("../../deploy/portwatch.yaml"); err == nil {
		f.Add(shipped)
	}
	f.Add([]byte("a: &a [*a]\nallow: *a"))
	f.Add([]byte("allow: [{port: 22, exe: /usr/**/[a-z]*, container: false}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f", text)
		if err != nil {
			return
		}
		p, err := detect.Compile(c.Policy)
		if err != nil {
			t.Fatalf("Parse accepts what Compile does not: %v", err)
		}
		e := &event.Event{Type: event.Open, Owner: event.OwnerKnown, Process: &event.Process{Exe: "/usr/bin/a", Unit: "a.service"}}
		e.Socket = event.Socket{Protocol: event.TCP, Port: 22}
		p.Judge(e, time.Unix(0, 0))
		if e.Verdict == 0 {
			t.Fatal("an open socket without a verdict")
		}
		p.RunTests(c.Tests, time.Unix(0, 0))
		p.Lint(time.Unix(0, 0))
		p.Explain(e, time.Unix(0, 0))
		for _, clause := range c.Policy.Allow {
			line := clause.String()
			again, err := Parse("f", []byte("allow:\n- "+line))
			if err != nil {
				t.Fatalf("%s does not read back: %v", line, err)
			}
			if got := again.Policy.Allow[0].String(); got != line {
				t.Fatalf("%s reads back as %s", line, got)
			}
		}
	})
}

// FuzzClause gives text as the value of each field of a clause.
func FuzzClause(f *testing.F) {
	for _, s := range []string{"22", "1-9", "tcp", "10.0.0.0/8", "::ffff:0.0.0.0/96", "/a/**/b[", "root", "ssh@*.service", "2027-01-31", "true", `\`, "["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, parse := range map[string]func() error{
			"port":     func() error { _, err := parsePorts(s); return err },
			"protocol": func() error { _, err := parseProtocol(s); return err },
			"address":  func() error { _, err := parseAddress(s); return err },
			"scope":    func() error { _, err := parseScope(s); return err },
			"user":     func() error { _, err := parseUser(s); return err },
			"until":    func() error { _, err := parseUntil(s); return err },
		} {
			if err := parse(); err != nil && err.Error() == "" {
				t.Errorf("%s %q: an error without a word", name, s)
			}
		}
		if _, err := parseExe(s); err == nil {
			if _, err := detect.Compile(detect.Settings{Allow: []detect.Clause{{Exes: []string{s}}}}); err != nil {
				t.Errorf("exe %q does not compile: %v", s, err)
			}
		}
		if r, err := parsePorts(s); err == nil {
			if _, err := detect.Compile(detect.Settings{Allow: []detect.Clause{{Ports: []detect.PortRange{r}}}}); err != nil {
				t.Errorf("ports %q do not compile: %v", s, err)
			}
		}
	})
}
