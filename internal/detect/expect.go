package detect

import (
	"fmt"
	"math"
	"strings"
	"time"

	"portwatch/internal/event"
)

// A Test states what the policy must say of an event.
type Test struct {
	Name  string
	File  string
	Line  int
	Event *event.Event // if it has a time, it is judged at that time

	Verdict  event.Verdict
	Severity event.Severity // 0 for any
	Rule     string         // "" for any
}

// A Result is the outcome of one test.
type Result struct {
	Test
	Pass       bool
	Difference string // what was expected and what came instead, a line each
	Took       time.Duration
}

// NoUID is the uid of nobody at all, which the kernel gives to no user.
const NoUID = math.MaxUint32

// RunTests judges the event of each test. Tests leave their events as they
// are and count for no clause.
func (p *Policy) RunTests(tests []Test, now time.Time) []Result {
	results := make([]Result, 0, len(tests))
	for _, t := range tests {
		at := now
		if !t.Event.Time.IsZero() {
			at = t.Event.Time
		}
		start := time.Now()
		e := *t.Event
		p.judge(&e, at)
		r := Result{Test: t, Took: time.Since(start)}
		r.Difference = t.difference(&e)
		r.Pass = r.Difference == ""
		results = append(results, r)
	}
	return results
}

func (t *Test) difference(e *event.Event) string {
	var b strings.Builder
	line := func(what string, want, got any) { fmt.Fprintf(&b, "%s: want %v, got %v\n", what, want, got) }
	if t.Verdict != e.Verdict {
		line("verdict", t.Verdict, e.Verdict)
	}
	if t.Severity != 0 && t.Severity != e.Severity {
		line("severity", t.Severity, e.Severity)
	}
	if t.Rule != "" && t.Rule != e.Rule {
		line("rule", t.Rule, e.Rule)
	}
	if b.Len() == 0 {
		return ""
	}
	return b.String() + "because: " + e.Explain
}

// Complete fills in what follows from the rest of an event that a person
// described: family and scope of the address, the role of a UDP socket.
func Complete(e *event.Event) {
	s := &e.Socket
	if s.Address.IsValid() {
		if s.Family == 0 {
			s.Family = event.IPv4
			if s.Address.Is6() {
				s.Family = event.IPv6
			}
		}
		if s.Scope == 0 {
			s.Scope = event.ScopeOf(s.Address)
		}
	}
	if s.Protocol == event.UDP && s.Role == 0 {
		s.Role = event.Server
	}
}
