package detect

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"portwatch/internal/event"
)

// WritePolicy returns a configuration that allows what the events show to be
// open, bound to who opened it and grouped by service. UDP clients are left
// out: the policy allows them as a kind.
func WritePolicy(events []*event.Event) []byte {
	services := learn(events)
	sockets := 0
	for _, s := range services {
		sockets += s.sockets
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Written by portwatch learn: what %d open sockets of %d services need.
# It allows what was open while portwatch looked, whether that was right or
# not. Read it before you trust it, and give each clause a reason.
`, sockets, len(services))
	if len(services) == 0 {
		b.WriteString("allow: []\n")
		return []byte(b.String())
	}
	b.WriteString("allow:\n")
	written := make(map[string]bool)
	for i, s := range services {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "  # %s\n", s.title())
		for _, w := range s.warnings {
			fmt.Fprintf(&b, "  # WARNING: %s\n", w)
		}
		for _, c := range s.clauses() {
			line := c.String()
			if written[line] { // another owner of whom as little is known
				fmt.Fprintf(&b, "  # as above: %s\n", line)
				continue
			}
			written[line] = true
			fmt.Fprintf(&b, "  - %s\n", line)
		}
	}
	return []byte(b.String())
}

// A service is the sockets of one unit, container, program or owner.
type service struct {
	kind, name string
	sockets    int
	openings   []opening
	warnings   []string
}

// An opening is one way in which a service was seen to be open.
type opening struct {
	who      Clause
	port     PortRange
	protocol event.Protocol
	scope    event.Scope
}

func (s *service) title() string {
	if s.name == "" {
		return s.kind
	}
	return s.kind + " " + event.Printable(s.name, shownBytes)
}

func learn(events []*event.Event) []*service {
	services := make(map[[2]string]*service)
	for _, e := range events {
		if e.Type != event.Open || e.Socket.Port == 0 || e.Rule == RuleSelf ||
			e.Socket.Protocol == event.UDP && e.Socket.Role == event.Client {
			continue
		}
		kind, name := serviceOf(e)
		key := [2]string{kind, name}
		s := services[key]
		if s == nil {
			s = &service{kind: kind, name: name}
			services[key] = s
		}
		s.sockets++
		o := opening{bindWho(e), portsOf(&e.Socket, e.Origin), e.Socket.Protocol, scopeOf(e)}
		s.openings = append(s.openings, o)
		var v view
		v.look(e)
		if w := v.trust(); w != "" && !slices.Contains(s.warnings, w) {
			s.warnings = append(s.warnings, w)
		}
	}
	all := slices.Collect(maps.Values(services))
	slices.SortFunc(all, func(a, b *service) int {
		return cmp.Or(cmp.Compare(rank(a.kind), rank(b.kind)), cmp.Compare(a.name, b.name))
	})
	return all
}

// The kinds of services, in the order in which they are written.
const (
	unitService      = "unit"
	containerService = "container"
	programService   = "program"
	kernelService    = "opened by the kernel itself"
	unknownService   = "opened by a process that portwatch could not see"
)

func rank(kind string) int {
	return slices.Index([]string{unitService, containerService, programService, kernelService, unknownService}, kind)
}

func serviceOf(e *event.Event) (kind, name string) {
	var v view
	v.look(e)
	switch p := v.proc; {
	case e.Owner == event.OwnerKernel:
		return kernelService, ""
	case v.inCont == isKnown:
		return containerService, containerOf(p)
	case v.unit == isKnown && lasting(p.Unit):
		return unitService, p.Unit
	case p.Exe != "":
		return programService, p.Exe
	}
	return unknownService, ""
}

// clauses folds the openings: ports of the same owner, protocols and scopes
// make one clause, so that loopback helpers and port ranges take one line.
func (s *service) clauses() []*Clause {
	// First by owner, protocol and port: which scopes?
	type socket struct {
		who      string
		protocol event.Protocol
		port     PortRange
	}
	scopes := make(map[socket][]event.Scope)
	owners := make(map[string]Clause)
	for _, o := range s.openings {
		who := o.who.String()
		owners[who] = o.who
		k := socket{who, o.protocol, o.port}
		scopes[k] = append(scopes[k], o.scope)
	}
	// Then by owner, port and scopes: which protocols?
	type place struct {
		who, scopes string
		port        PortRange
	}
	protocols := make(map[place][]event.Protocol)
	asked := make(map[string][]event.Scope)
	for k, list := range scopes {
		slices.Sort(list)
		list = slices.Compact(list)
		if slices.ContainsFunc(list, func(s event.Scope) bool { return s == 0 || anywhere(s) }) {
			list = nil
		}
		text := fmt.Sprint(list)
		asked[text] = list
		p := place{k.who, text, k.port}
		protocols[p] = append(protocols[p], k.protocol)
	}
	// Last by all but the port: which ports?
	type clause struct{ who, scopes, protocols string }
	ports := make(map[clause][]PortRange)
	spoken := make(map[string][]event.Protocol)
	for p, list := range protocols {
		slices.Sort(list)
		text := fmt.Sprint(list)
		spoken[text] = list
		c := clause{p.who, p.scopes, text}
		ports[c] = append(ports[c], p.port)
	}
	var all []*Clause
	for k, list := range ports {
		c := owners[k.who]
		c.Ports, c.Protocols, c.Scopes = joinPorts(list), spoken[k.protocols], asked[k.scopes]
		c.Protocols = slices.DeleteFunc(slices.Clone(c.Protocols), func(p event.Protocol) bool { return p == 0 })
		all = append(all, &c)
	}
	slices.SortFunc(all, func(a, b *Clause) int {
		return cmp.Or(cmp.Compare(a.Ports[0].First, b.Ports[0].First), cmp.Compare(a.String(), b.String()))
	})
	return all
}
