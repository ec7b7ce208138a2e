package detect

import (
	"fmt"
	"strings"
	"time"

	"portwatch/internal/event"
)

// An Explanation is a verdict with all that led to it.
type Explanation struct {
	Verdict  event.Verdict  `json:"verdict"`
	Rule     string         `json:"rule"`
	Severity event.Severity `json:"severity"`
	Explain  string         `json:"explain"` // one line, as in the event

	Clauses []Tried `json:"clauses"` // in the order of the file
	Nearest int     `json:"nearest"` // index of the one that asks least else; -1 if there is none

	// Allow is the clause that would allow the socket, a line of YAML, bound
	// to who opened it; "" if it is allowed.
	Allow string `json:"allow,omitempty"`
}

// Tried is what one clause says to a socket.
type Tried struct {
	File   string  `json:"file"`
	Line   int     `json:"line,omitempty"`
	Where  string  `json:"where"`  // as rules name the clause: portwatch.yaml:7
	Clause string  `json:"clause"` // a line of YAML
	Answer Answer  `json:"answer"`
	Fields []Field `json:"fields"`
}

// Field is what one field of a clause says to a socket.
type Field struct {
	Name   string `json:"field"`
	Want   string `json:"want"`
	Got    string `json:"got"`
	Answer Answer `json:"answer"`
}

// MarshalText gives the words of String to JSON.
func (a Answer) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Explain judges a socket and says what every clause says to it. It leaves
// the event as it is, and counts for no clause.
func (p *Policy) Explain(e *event.Event, now time.Time) Explanation {
	judged := *e
	judged.Type = event.Open
	p.judge(&judged, now)
	x := Explanation{
		Verdict: judged.Verdict, Rule: judged.Rule, Severity: judged.Severity, Explain: judged.Explain,
		Clauses: make([]Tried, 0, len(p.clauses)), Nearest: -1,
	}
	var v view
	v.look(&judged)
	var best nearness
	for i, c := range p.clauses {
		x.Clauses = append(x.Clauses, c.try(&v, now))
		if n := c.nearness(&v, now); n.fields > 0 && (x.Nearest < 0 || best.less(n)) {
			x.Nearest, best = i, n
		}
	}
	if judged.Verdict != event.Allowed {
		x.Allow = "- " + bind(&judged).String()
	}
	return x
}

func (c *clause) try(v *view, now time.Time) Tried {
	t := Tried{File: c.File, Line: c.Line, Where: c.where, Clause: c.String(), Answer: c.answer(v, now)}
	for _, f := range c.asked {
		t.Fields = append(t.Fields, Field{f.String(), c.wants(f), v.has(f, now), c.ask(f, v, now)})
	}
	return t
}

// nearness ranks how near a clause comes to allowing a socket.
type nearness struct {
	allows bool // it does
	port   bool // it names the port
	wrong  int  // fields that differ
	fields int  // fields that match
}

func (c *clause) nearness(v *view, now time.Time) nearness {
	n := nearness{allows: true}
	for _, f := range c.asked {
		switch a := c.ask(f, v, now); {
		case a == Yes:
			n.fields++
			n.port = n.port || f == portField
		case a == No:
			n.wrong++
			n.allows = false
		default:
			n.allows = false
		}
	}
	return n
}

// less reports whether m is nearer than n.
func (n nearness) less(m nearness) bool {
	switch {
	case n.allows || m.allows: // of those that allow, the first counts
		return !n.allows
	case n.port != m.port:
		return m.port
	case n.wrong != m.wrong:
		return m.wrong < n.wrong
	}
	return m.fields > n.fields
}

// String returns the explanation for people, several lines.
func (x Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", x.Verdict)
	if x.Verdict != event.Allowed {
		fmt.Fprintf(&b, ", %s", x.Severity)
	}
	fmt.Fprintf(&b, ": %s\n", x.Explain)
	if len(x.Clauses) > 0 {
		b.WriteString("\nclauses tried:\n")
	}
	for i, t := range x.Clauses {
		mark := " "
		if i == x.Nearest {
			mark = ">"
		}
		fmt.Fprintf(&b, "%s %s  %s  %s\n", mark, t.Where, t.Clause, t.Answer)
		if t.Answer == Yes {
			continue
		}
		for _, f := range t.Fields {
			if f.Answer != Yes {
				fmt.Fprintf(&b, "      %s: asks for %s, it is %s\n", f.Name, f.Want, f.Got)
			}
		}
	}
	if x.Allow != "" {
		fmt.Fprintf(&b, "\nto allow it, add under allow:\n  %s\n", x.Allow)
	}
	return b.String()
}
