package detect

import (
	"fmt"
	"testing"

	"portwatch/internal/event"
)

// BenchmarkJudge measures one verdict. Ports: every clause names a port of
// its own. OnePort: all clauses are about the port of the event. NoPort: no
// clause names one.
func BenchmarkJudge(b *testing.B) {
	for _, shape := range []struct {
		name string
		of   func(i int) Clause
	}{
		{"Ports", func(i int) Clause { return Clause{Ports: port(uint16(22 + i)), Exes: []string{"/usr/sbin/sshd"}} }},
		{"Ranges", func(i int) Clause {
			return Clause{Ports: []PortRange{{uint16(1 + i), uint16(2000 + i)}}, Exes: []string{fmt.Sprintf("/srv/%d", i)}}
		}},
		{"OnePort", func(i int) Clause { return Clause{Ports: port(22), Exes: []string{fmt.Sprintf("/srv/%d", i)}} }},
		{"OneUnit", func(i int) Clause { return Clause{Ports: port(22), Units: []string{fmt.Sprintf("%d.service", i)}} }},
		{"OneUser", func(i int) Clause {
			return Clause{Ports: port(22), Users: []User{{fmt.Sprint(1 + i), uint32(1 + i), true}}}
		}},
		{"NoPort", func(i int) Clause {
			return Clause{Exes: []string{fmt.Sprintf("/srv/%d", i)}, Units: []string{"x.service"}}
		}},
	} {
		for _, n := range []int{1, 100, 1000} {
			var clauses []Clause
			for i := range n {
				clauses = append(clauses, shape.of(i))
			}
			p := compile(b, allow(clauses...))
			hit := sshd()
			if shape.name != "Ports" {
				hit.Process.Exe, hit.Process.Unit = fmt.Sprintf("/srv/%d", min(n-1, 20)), "x.service"
			}
			if shape.name == "OneUnit" {
				hit.Process.Unit = fmt.Sprintf("%d.service", n-1)
			}
			if shape.name == "OneUser" {
				hit.Process.UID = uint32(n)
			}
			miss := with(func(e *event.Event) { e.Process.Exe = "/usr/bin/nc" })
			nobody := with(func(e *event.Event) { e.Owner, e.Process = event.OwnerUnknown, nil })
			for name, e := range map[string]*event.Event{"allowed": hit, "unexpected": miss, "unknown": nobody} {
				b.Run(fmt.Sprintf("%s/%d/%s", shape.name, n, name), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						p.Judge(e, today)
					}
					if e.Verdict.String() != name {
						b.Fatalf("%v: %s", e.Verdict, e.Explain)
					}
				})
			}
		}
	}
}
