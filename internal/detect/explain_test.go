package detect

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"portwatch/internal/event"
)

func TestExplainTriesEveryClauseAndNamesTheNearest(t *testing.T) {
	p := compile(t, allow(
		Clause{Ports: port(80)},
		Clause{Ports: port(22), Exes: []string{"/usr/sbin/sshd"}, Users: []User{{"alice", 1000, true}}},
		Clause{Ports: port(22), Exes: []string{"/usr/sbin/sshd"}, Users: []User{{"root", 0, true}}, Scopes: []event.Scope{event.Loopback}},
		Clause{Exes: []string{"/usr/bin/nc"}},
	))
	e := sshd()
	x := p.Explain(e, today)
	if x.Verdict != event.Unexpected || x.Rule != "allow" || len(x.Clauses) != 4 || x.Nearest != 2 {
		t.Fatalf("got %+v", x)
	}
	want := Field{"scope", "loopback", "wildcard", No}
	if got := x.Clauses[2].Fields[1]; got != want {
		t.Errorf("field %+v, want %+v", got, want)
	}
	if want := "- {port: 22, protocol: tcp, exe: /usr/sbin/sshd, unit: ssh.service}"; x.Allow != want {
		t.Errorf("allow %q, want %q", x.Allow, want)
	}
	if e.Verdict != 0 || p.Used()[0] != 0 {
		t.Error("an explanation leaves traces")
	}
	text := `unexpected, HIGH: portwatch.yaml:3 allows tcp/22 for scope loopback, but scope is wildcard (exe /usr/sbin/sshd)

clauses tried:
  portwatch.yaml:1  {port: 80}  differs
      port: asks for 80, it is 22
  portwatch.yaml:2  {port: 22, exe: /usr/sbin/sshd, user: alice}  differs
      user: asks for alice, it is root
> portwatch.yaml:3  {port: 22, scope: loopback, exe: /usr/sbin/sshd, user: root}  differs
      scope: asks for loopback, it is wildcard
  portwatch.yaml:4  {exe: /usr/bin/nc}  differs
      exe: asks for /usr/bin/nc, it is /usr/sbin/sshd

to allow it, add under allow:
  - {port: 22, protocol: tcp, exe: /usr/sbin/sshd, unit: ssh.service}
`
	if got := x.String(); got != text {
		t.Errorf("got\n%s\nwant\n%s", got, text)
	}
	b, err := json.Marshal(x)
	if err != nil || !strings.Contains(string(b), `{"field":"scope","want":"loopback","got":"wildcard","answer":"differs"}`) {
		t.Errorf("%s, %v", b, err)
	}
}

func TestExplainAndVerdictNameTheSameClause(t *testing.T) {
	p := compile(t, allow(
		Clause{Ports: port(22), Exes: []string{"/usr/sbin/sshd"}, Users: []User{{"alice", 1000, true}}},
		Clause{Ports: port(22), Exes: []string{"/a"}, Users: []User{{"alice", 1000, true}}},
	))
	x := p.Explain(sshd(), today)
	if !strings.HasPrefix(x.Explain, x.Clauses[x.Nearest].Where+" ") {
		t.Errorf("nearest is %s but the line says %s", x.Clauses[x.Nearest].Where, x.Explain)
	}
}

// anyEvent returns an event of few values, so that clauses of anyClause
// often match.
func anyEvent(r *rand.Rand) *event.Event {
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	e := &event.Event{Type: event.Open, Origin: event.Origin(1 + r.IntN(3))}
	s := &e.Socket
	s.Protocol = []event.Protocol{event.TCP, event.UDP}[r.IntN(2)]
	s.Role = event.Role(r.IntN(3))
	if s.Protocol == event.TCP {
		s.Role = 0
	}
	s.Port = []uint16{22, 23, 80, 8000, 8001, 40000, 40001}[r.IntN(7)]
	if r.IntN(2) == 0 {
		s.RequestedPort = s.Port
	}
	if a := pick("", "0.0.0.0", "::", "127.0.0.1", "::1", "10.0.0.1", "8.8.8.8", "fe80::1%eth0", "::ffff:10.0.0.1"); a != "" {
		s.Address = netip.MustParseAddr(a)
		s.Scope = event.ScopeOf(s.Address)
	}
	if s.HostNetns = r.IntN(2) == 0; !s.HostNetns {
		s.Netns = uint32(r.IntN(2))
	}
	e.Owner = event.Owner(r.IntN(3))
	if e.Owner == event.OwnerUnknown && r.IntN(2) == 0 || e.Owner == event.OwnerKernel {
		return e
	}
	e.Process = &event.Process{
		Exe:           pick("", "/usr/sbin/a", "/usr/bin/b", "/tmp/*", "/opt/x y", "/opt/[", "/opt/\xff\x1b", "…/sbin/a", "memfd:x", `/a\b`, "/a,b: c #d", "/\u202e'\""),
		ExeDeleted:    r.IntN(4) == 0,
		UID:           []uint32{0, 0, 1000, 1000, NoUID}[r.IntN(5)],
		Unit:          pick("", "a.service", "b@1.service", "session-1.scope", `a\x2db.service`, "run-u3.service", "*"),
		Cgroup:        pick("", "/", "/system.slice/a.service", "/user.slice/user-1000.slice/user@1000.service/a.service"),
		ContainerID:   pick("", "", "0123456789abcdef"),
		ContainerName: pick("", "web", "db*"),
		PodUID:        pick("", "p"),
	}
	if p := e.Process; p.ContainerID != "" {
		p.ContainerImage = pick("", "docker.io/library/nginx:1", "nginx@sha256:00")
	} else {
		p.ContainerName = ""
	}
	if r.IntN(2) == 0 {
		e.Process.User = map[uint32]string{0: "root", 1000: pick("alice", "1234", "a\nb"), NoUID: "alice"}[e.Process.UID]
	}
	return e
}

func anyClause(r *rand.Rand) Clause {
	maybe := func() bool { return r.IntN(4) == 0 }
	var c Clause
	for len(c.Ports)+len(c.Exes)+len(c.Users)+len(c.Units) == 0 {
		for range r.IntN(3) {
			first := []uint16{22, 23, 80, 8000, 8001, 40000}[r.IntN(6)]
			c.Ports = append(c.Ports, PortRange{first, first + uint16(r.IntN(3))})
		}
		if maybe() {
			c.Exes = append(c.Exes, []string{"/usr/sbin/a", "/usr/bin/b", "/usr/**", "/**", "/usr/*/a", "/opt/*"}[r.IntN(6)])
		}
		if maybe() {
			c.Users = append(c.Users, []User{{"root", 0, true}, {"alice", 1000, true}, {Name: "alice"}, {Name: "root"}}[r.IntN(4)])
		}
		if maybe() {
			c.Units = append(c.Units, []string{"a.service", "*.service", "b@*.service", "*"}[r.IntN(4)])
		}
	}
	if maybe() {
		c.Protocols = []event.Protocol{[]event.Protocol{event.TCP, event.UDP}[r.IntN(2)]}
	}
	if maybe() {
		c.Scopes = []event.Scope{event.Scope(1 + r.IntN(5)), event.Scope(1 + r.IntN(5))}
	}
	if maybe() {
		c.Addresses = []netip.Prefix{netip.MustParsePrefix([]string{"10.0.0.0/8", "127.0.0.1/32", "0.0.0.0/0", "::/0"}[r.IntN(4)])}
	}
	if maybe() {
		c.HostNetns = true
	}
	if maybe() {
		c.Containers = []string{[]string{"web", "*", "nginx:*"}[r.IntN(3)]}
	} else if maybe() {
		in := r.IntN(2) == 0
		c.InContainer = &in
	}
	if maybe() {
		c.Until = today.Add(time.Duration(r.IntN(3)-1) * time.Hour)
	}
	return c
}

// TestIndexSaysWhatAskingEveryClauseSays compares the verdict with a plain
// reading of the rules: the first clause that matches allows; else one that
// would but for what is not known leaves it open.
func TestIndexSaysWhatAskingEveryClauseSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	verdicts := make(map[event.Verdict]int)
	for range 150 {
		var s Settings
		s.AlertUDPClients = true
		for range r.IntN(40) {
			s.Allow = append(s.Allow, anyClause(r))
		}
		p := compile(t, s)
		for range 50 {
			e := anyEvent(r)
			want, rule := event.Unexpected, RuleAllowList
			var v view
			v.look(e)
			for _, c := range p.clauses {
				if a := c.answer(&v, today); a == Yes {
					want, rule = event.Allowed, c.where
					break
				} else if a == NotKnown {
					want = event.Unknown
				}
			}
			p.Judge(e, today)
			if e.Verdict != want || e.Rule != rule {
				t.Fatalf("%v by %s, want %v by %s", e.Verdict, e.Rule, want, rule)
			}
			verdicts[want]++
			x := p.Explain(e, today)
			if x.Verdict != want || x.Rule != rule || x.Explain != e.Explain || x.Severity != e.Severity {
				t.Fatalf("explained as %+v, judged %v by %s: %s", x, want, rule, e.Explain)
			}
			if want == event.Allowed && x.Clauses[x.Nearest].Where != rule {
				t.Fatalf("nearest is %s, but %s allows", x.Clauses[x.Nearest].Where, rule)
			}
		}
	}
	for v, n := range verdicts {
		if n < 300 {
			t.Errorf("only %d of %v: the test tests little", n, v)
		}
	}
}

// narrower returns c with what it does not ask for taken from d.
func narrower(c, d Clause) Clause {
	fill := func(to, from any) {
		if v := reflect.ValueOf(to).Elem(); v.IsZero() {
			v.Set(reflect.ValueOf(from))
		}
	}
	fill(&c.Ports, d.Ports)
	fill(&c.Protocols, d.Protocols)
	fill(&c.Addresses, d.Addresses)
	fill(&c.Scopes, d.Scopes)
	fill(&c.Exes, d.Exes)
	fill(&c.Users, d.Users)
	fill(&c.Units, d.Units)
	fill(&c.HostNetns, d.HostNetns)
	fill(&c.Until, d.Until)
	if c.InContainer == nil {
		fill(&c.Containers, d.Containers)
	}
	return c
}

func TestLintOfRandomClausesIsTrue(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	covered, apart := 0, 0
	for range 1500 {
		wide, narrow := anyClause(r), anyClause(r)
		if r.IntN(2) == 0 {
			narrow = narrower(wide, narrow)
		}
		p := compile(t, allow(wide, narrow))
		a, b := p.clauses[0], p.clauses[1]
		covers, overlaps := a.covers(b), a.overlaps(b)
		if !a.covers(a) {
			t.Fatalf("%s does not cover itself", a)
		}
		for range 60 {
			e := anyEvent(r)
			var v view
			v.look(e)
			inA, inB := a.answer(&v, today) == Yes, b.answer(&v, today) == Yes
			if covers && inB {
				covered++
				if !inA {
					t.Fatalf("%s covers %s but not %+v %+v", a, b, e, e.Process)
				}
			}
			if inA && inB && (len(a.Ports) == 0) == (len(b.Ports) == 0) && len(a.exes)+len(b.exes)+len(a.units)+len(b.units) == 0 {
				apart++
				if !overlaps {
					t.Fatalf("%s and %s both allow %+v but do not overlap", a, b, e)
				}
			}
		}
	}
	if covered < 300 || apart < 50 {
		t.Errorf("covered %d, both %d: the test tests little", covered, apart)
	}
}
