package detect

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"portwatch/internal/event"
)

var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// sshd is the socket that the tests vary.
func sshd() *event.Event {
	return &event.Event{
		Type: event.Open,
		Socket: event.Socket{
			Protocol: event.TCP, Family: event.IPv4, Address: netip.MustParseAddr("0.0.0.0"), Port: 22,
			Scope: event.Wildcard, Netns: 4026531840, HostNetns: true,
		},
		Owner: event.OwnerKnown,
		Process: &event.Process{
			PID: 812, Comm: "sshd", Exe: "/usr/sbin/sshd", User: "root", Cgroup: "/system.slice/ssh.service", Unit: "ssh.service",
		},
		Host: &event.Host{Name: "web1"},
	}
}

func with(change func(*event.Event)) *event.Event {
	e := sshd()
	change(e)
	return e
}

// compile makes a policy whose clauses stand in the lines 1, 2, ...
func compile(t testing.TB, s Settings) *Policy {
	t.Helper()
	for i := range s.Allow {
		s.Allow[i].File, s.Allow[i].Line = "/etc/portwatch/portwatch.yaml", i+1
	}
	p, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func allow(clauses ...Clause) Settings { return Settings{Allow: clauses} }

func port(n uint16) []PortRange { return []PortRange{{n, n}} }

func TestFieldsOfAClause(t *testing.T) {
	no, in := false, true
	container := func(id, name, image string) *event.Event {
		return with(func(e *event.Event) {
			e.Process.ContainerID, e.Process.ContainerName, e.Process.ContainerImage = id, name, image
		})
	}
	const id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	nobody := with(func(e *event.Event) { e.Owner, e.Process = event.OwnerUnknown, nil })
	kernel := with(func(e *event.Event) { e.Owner, e.Process = event.OwnerKernel, nil })
	exe := func(path string) *event.Event { return with(func(e *event.Event) { e.Process.Exe = path }) }
	addr := func(s string) *event.Event {
		return with(func(e *event.Event) {
			e.Socket.Address = netip.MustParseAddr(s)
			e.Socket.Scope = event.ScopeOf(e.Socket.Address)
		})
	}
	prefix := func(s ...string) (all []netip.Prefix) {
		for _, s := range s {
			all = append(all, netip.MustParsePrefix(s))
		}
		return all
	}
	user := func(owner event.Owner, uid uint32, name string) *event.Event {
		return with(func(e *event.Event) { e.Owner, e.Process.UID, e.Process.User = owner, uid, name })
	}
	unit := func(unit, cgroup string) *event.Event {
		return with(func(e *event.Event) { e.Process.Unit, e.Process.Cgroup = unit, cgroup })
	}

	for _, tc := range []struct {
		name   string
		clause Clause
		event  *event.Event
		want   event.Verdict
	}{
		{"port", Clause{Ports: port(22)}, sshd(), event.Allowed},
		{"another port", Clause{Ports: port(23)}, sshd(), event.Unexpected},
		{"first of a range", Clause{Ports: []PortRange{{22, 30}}}, sshd(), event.Allowed},
		{"last of a range", Clause{Ports: []PortRange{{10, 22}}}, sshd(), event.Allowed},
		{"just behind a range", Clause{Ports: []PortRange{{10, 21}}}, sshd(), event.Unexpected},
		{"just before a range", Clause{Ports: []PortRange{{23, 65535}}}, sshd(), event.Unexpected},
		{"every port", Clause{Ports: []PortRange{{1, 65535}}}, with(func(e *event.Event) { e.Socket.Port = 65535 }), event.Allowed},

		{"protocol", Clause{Protocols: []event.Protocol{event.UDP, event.TCP}}, sshd(), event.Allowed},
		{"another protocol", Clause{Protocols: []event.Protocol{event.UDP}}, sshd(), event.Unexpected},

		{"scope", Clause{Scopes: []event.Scope{event.Wildcard}}, sshd(), event.Allowed},
		{"another scope", Clause{Scopes: []event.Scope{event.Loopback}}, sshd(), event.Unexpected},
		{"scope refined by the caller", Clause{Scopes: []event.Scope{event.Loopback}}, with(func(e *event.Event) { e.Socket.Scope = event.Loopback }), event.Allowed},
		{"scope not known", Clause{Scopes: []event.Scope{event.Loopback}}, with(func(e *event.Event) { e.Socket.Scope, e.Socket.Address = 0, netip.Addr{} }), event.Unknown},

		{"address in a network", Clause{Addresses: prefix("10.0.0.0/8")}, addr("10.9.8.7"), event.Allowed},
		{"address outside", Clause{Addresses: prefix("10.0.0.0/8", "::1/128")}, addr("11.9.8.7"), event.Unexpected},
		{"address in IPv6 form", Clause{Addresses: prefix("10.0.0.0/8")}, addr("::ffff:10.9.8.7"), event.Allowed},
		{"address with a zone", Clause{Addresses: prefix("fe80::/10")}, addr("fe80::1%eth0"), event.Allowed},
		{"a wildcard is in no network of hosts", Clause{Addresses: prefix("10.0.0.0/8")}, sshd(), event.Unexpected},
		{"address not known", Clause{Addresses: prefix("10.0.0.0/8")}, with(func(e *event.Event) { e.Socket.Address = netip.Addr{} }), event.Unknown},

		{"host netns", Clause{HostNetns: true}, sshd(), event.Allowed},
		{"another netns", Clause{HostNetns: true}, with(func(e *event.Event) { e.Socket.HostNetns = false }), event.Unexpected},
		{"netns not known", Clause{HostNetns: true}, with(func(e *event.Event) { e.Socket.HostNetns, e.Socket.Netns = false, 0 }), event.Unknown},

		{"before until", Clause{Ports: port(22), Until: today.Add(1)}, sshd(), event.Allowed},
		{"until is over", Clause{Ports: port(22), Until: today}, sshd(), event.Unexpected},

		{"exe", Clause{Exes: []string{"/usr/sbin/nginx", "/usr/sbin/sshd"}}, sshd(), event.Allowed},
		{"another exe", Clause{Exes: []string{"/usr/sbin/sshd"}}, exe("/usr/bin/nc"), event.Unexpected},
		{"exe by glob", Clause{Exes: []string{"/usr/*/ssh?"}}, sshd(), event.Allowed},
		{"a star stays in its folder", Clause{Exes: []string{"/usr/*"}}, sshd(), event.Unexpected},
		{"two stars cross folders", Clause{Exes: []string{"/usr/**"}}, sshd(), event.Allowed},
		{"exe is no prefix", Clause{Exes: []string{"/usr/sbin/sshd"}}, exe("/usr/sbin/sshd2"), event.Unexpected},
		{"exe not known", Clause{Exes: []string{"/usr/sbin/sshd"}}, exe(""), event.Unknown},
		{"exe not known, everything else neither", Clause{Exes: []string{"/**"}}, nobody, event.Unknown},
		{"the kernel has no exe", Clause{Exes: []string{"/**"}}, kernel, event.Unexpected},
		{"a truncated exe satisfies nothing", Clause{Exes: []string{"/**"}}, exe("…/sbin/sshd"), event.Unknown},
		{"a truncated exe that may be it", Clause{Exes: []string{"/usr/sbin/sshd"}}, exe("…/sbin/sshd"), event.Unknown},
		{"a truncated exe that can't be it", Clause{Exes: []string{"/usr/sbin/sshd"}}, exe("…/sbin/nc"), event.Unexpected},
		{"a memfd has no path", Clause{Exes: []string{"/**", "/memfd:x"}}, with(func(e *event.Event) { e.Process.Exe, e.Process.ExeDeleted = "/memfd:x", true }), event.Unexpected},
		{"a memfd as the kernel names it", Clause{Exes: []string{"/**"}}, exe("memfd:x"), event.Unexpected},
		{"comm is no identity", Clause{Exes: []string{"/usr/sbin/sshd"}}, with(func(e *event.Event) { e.Process.Comm, e.Process.Exe = "/usr/sbin/sshd", "/tmp/x" }), event.Unexpected},
		{"exe across newlines", Clause{Exes: []string{"/usr/sbin/*"}}, exe("/usr/sbin/\n/x"), event.Unexpected},

		{"user by uid", Clause{Users: []User{{"root", 0, true}}}, sshd(), event.Allowed},
		{"user by uid, whatever its name here", Clause{Users: []User{{"alice", 1000, true}}}, user(event.OwnerKnown, 1000, ""), event.Allowed},
		{"another user", Clause{Users: []User{{"root", 0, true}}}, user(event.OwnerKnown, 1000, "alice"), event.Unexpected},
		{"user by name", Clause{Users: []User{{Name: "alice"}}}, user(event.OwnerKnown, 1000, "alice"), event.Allowed},
		{"another name", Clause{Users: []User{{Name: "alice"}}}, sshd(), event.Unexpected},
		{"a name that nobody has looked up", Clause{Users: []User{{Name: "alice"}}}, user(event.OwnerKnown, 1000, ""), event.Unknown},
		{"uid 0 that nobody read is not root", Clause{Users: []User{{"root", 0, true}}}, user(event.OwnerUnknown, 0, ""), event.Unknown},
		{"uid of a socket whose process is gone", Clause{Users: []User{{"alice", 1000, true}}}, user(event.OwnerUnknown, 1000, ""), event.Allowed},
		{"user of nobody", Clause{Users: []User{{"root", 0, true}}}, nobody, event.Unknown},
		{"the kernel is not root", Clause{Users: []User{{"root", 0, true}}}, kernel, event.Unexpected},

		{"unit", Clause{Units: []string{"ssh.service"}}, sshd(), event.Allowed},
		{"unit by glob", Clause{Units: []string{"getty@*.service"}}, unit("getty@tty1.service", "/system.slice/x"), event.Allowed},
		{"another unit", Clause{Units: []string{"ssh.service"}}, unit("nc.service", "/system.slice/nc.service"), event.Unexpected},
		{"no unit", Clause{Units: []string{"ssh.service"}}, unit("", "/"), event.Unexpected},
		{"unit not known", Clause{Units: []string{"ssh.service"}}, unit("", ""), event.Unknown},
		{"a user names a unit of his own ssh.service", Clause{Units: []string{"ssh.service"}},
			unit("ssh.service", "/user.slice/user-1000.slice/user@1000.service/app.slice/ssh.service"), event.Unexpected},
		{"a user's unit beside the user", Clause{Units: []string{"ssh.service"}, Users: []User{{"root", 0, true}}},
			unit("ssh.service", "/user.slice/user-0.slice/user@0.service/app.slice/ssh.service"), event.Allowed},
		{"a user's manager", Clause{Units: []string{"user@*.service"}},
			unit("user@1000.service", "/user.slice/user-1000.slice/user@1000.service/init.scope"), event.Allowed},
		{"a user passes his unit for another's manager", Clause{Units: []string{"user@0.service"}},
			unit("user@0.service", "/user.slice/user-1000.slice/user@1000.service/user@0.service"), event.Unexpected},

		{"in a container", Clause{InContainer: &in}, container(id, "", ""), event.Allowed},
		{"not in a container", Clause{InContainer: &in}, sshd(), event.Unexpected},
		{"outside of containers", Clause{InContainer: &no}, sshd(), event.Allowed},
		{"in a container after all", Clause{InContainer: &no}, container(id, "", ""), event.Unexpected},
		{"container not known", Clause{InContainer: &no}, unit("", ""), event.Unknown},
		{"the kernel is in no container", Clause{InContainer: &no}, kernel, event.Allowed},
		{"container by id", Clause{Containers: []string{id}}, container(id, "", ""), event.Allowed},
		{"container by short id", Clause{Containers: []string{id[:12]}}, container(id, "", ""), event.Allowed},
		{"container by too short an id", Clause{Containers: []string{id[:11]}}, container(id, "web", "nginx"), event.Unexpected},
		{"container by name", Clause{Containers: []string{"web*"}}, container(id, "web1", "nginx"), event.Allowed},
		{"container by image", Clause{Containers: []string{"quay.io/*/app:*"}}, container(id, "x", "quay.io/we/app:1"), event.Allowed},
		{"container by the short name of its image", Clause{Containers: []string{"nginx:*"}}, container(id, "x", "docker.io/library/nginx:1.27"), event.Allowed},
		{"image of another registry", Clause{Containers: []string{"nginx:*"}}, container(id, "x", "evil.io/library/nginx:1.27"), event.Unexpected},
		{"another container", Clause{Containers: []string{"db"}}, container(id, "web", "nginx"), event.Unexpected},
		{"container whose name nobody knows", Clause{Containers: []string{"db"}}, container(id, "", ""), event.Unknown},
		{"no container has no name", Clause{Containers: []string{"*"}}, sshd(), event.Unexpected},

		{"all fields", Clause{Ports: port(22), Exes: []string{"/usr/sbin/sshd"}, Users: []User{{"root", 0, true}}, Units: []string{"ssh.*"}}, sshd(), event.Allowed},
		{"all fields but one", Clause{Ports: port(22), Exes: []string{"/usr/sbin/sshd"}, Users: []User{{"alice", 1000, true}}, Units: []string{"ssh.*"}}, sshd(), event.Unexpected},
		{"not known beside what differs", Clause{Ports: port(22), Exes: []string{"/usr/sbin/sshd"}, Users: []User{{"alice", 1000, true}}}, exe(""), event.Unexpected},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := *tc.event
			compile(t, allow(tc.clause)).Judge(&e, today)
			if e.Verdict != tc.want {
				t.Errorf("got %v (%s), want %v", e.Verdict, e.Explain, tc.want)
			}
			if e.Rule == "" || e.Severity == 0 || e.Explain == "" || strings.Contains(e.Explain, "\n") {
				t.Errorf("rule %q, severity %v, explain %q", e.Rule, e.Severity, e.Explain)
			}
		})
	}
}

func TestExplanationNamesClauseAndBothProcesses(t *testing.T) {
	ssh := Clause{Ports: port(22), Exes: []string{"/usr/sbin/sshd"}, Reason: "administration"}
	unit := Clause{Ports: port(22), Units: []string{"ssh.service"}}
	for _, tc := range []struct {
		name       string
		policy     Settings
		event      *event.Event
		rule, want string
	}{
		{"allowed", allow(ssh), sshd(), "portwatch.yaml:1", "portwatch.yaml:1 allows it: administration"},
		{"no clause", allow(), sshd(), "allow", "no clause allows tcp/22"},
		{"impostor", allow(ssh), with(func(e *event.Event) { e.Process.Exe = "/usr/bin/nc" }), "allow",
			"portwatch.yaml:1 allows tcp/22 for exe /usr/sbin/sshd, but exe is /usr/bin/nc"},
		{"another unit", allow(unit), with(func(e *event.Event) { e.Process.Unit, e.Process.Exe = "nc.service", "/usr/bin/nc" }), "allow",
			"portwatch.yaml:1 allows tcp/22 for unit ssh.service, but unit is nc.service (exe /usr/bin/nc)"},
		{"nearest", allow(Clause{Ports: port(22), Exes: []string{"/a"}, Users: []User{{"alice", 1000, true}}}, unit),
			with(func(e *event.Event) { e.Process.Unit = "" }), "allow",
			"portwatch.yaml:2 allows tcp/22 for unit ssh.service, but unit is none (exe /usr/sbin/sshd)"},
		{"expired", allow(Clause{Ports: port(22), Until: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}), sshd(), "allow",
			"portwatch.yaml:1 allowed tcp/22 until 2026-10-31"},
		{"not known", allow(ssh), with(func(e *event.Event) { e.Owner, e.Process = event.OwnerUnknown, nil }), "allow",
			"portwatch.yaml:1 would allow tcp/22 for exe /usr/sbin/sshd, but its exe is not known"},
		{"kernel", allow(ssh), with(func(e *event.Event) { e.Owner, e.Process = event.OwnerKernel, nil }), "allow",
			"portwatch.yaml:1 allows tcp/22 for exe /usr/sbin/sshd, but exe is the kernel itself"},
		{"deleted", allow(), with(func(e *event.Event) { e.Process.ExeDeleted = true }), "allow",
			"no clause allows tcp/22; the executable is deleted"},
		{"udp client", allow(), with(func(e *event.Event) { e.Socket.Protocol, e.Socket.Role = event.UDP, event.Client }), "udp_clients",
			"a UDP client: the kernel chose its port, or it is connected to one peer"},
		{"portwatch itself", Settings{Self: 812}, sshd(), "self", "portwatch itself opened it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			compile(t, tc.policy).Judge(tc.event, today)
			if tc.event.Explain != tc.want || tc.event.Rule != tc.rule {
				t.Errorf("\ngot  %s: %s\nwant %s: %s", tc.event.Rule, tc.event.Explain, tc.rule, tc.want)
			}
		})
	}
}

func TestFirstClauseInTheFileGivesTheVerdict(t *testing.T) {
	var clauses []Clause
	for range 20 { // enough for the index to go by executable
		clauses = append(clauses, Clause{Ports: port(22), Exes: []string{"/other"}})
	}
	any, exact := Clause{Ports: port(22)}, Clause{Ports: port(22), Exes: []string{"/usr/sbin/sshd"}}
	noPort := Clause{Users: []User{{"root", 0, true}}}
	for _, tc := range []struct {
		name string
		tail []Clause
	}{
		{"plain path first", []Clause{exact, any, noPort}},
		{"any exe first", []Clause{any, exact, noPort}},
		{"no port first", []Clause{noPort, exact, any}},
	} {
		e := sshd()
		compile(t, allow(append(clauses[:20:20], tc.tail...)...)).Judge(e, today)
		if want := "portwatch.yaml:21"; e.Rule != want {
			t.Errorf("%s: rule %s, want %s", tc.name, e.Rule, want)
		}
	}
}

func TestAnAllowingClauseBeatsOneThatIsLeftOpen(t *testing.T) {
	p := compile(t, allow(Clause{Ports: port(22), Exes: []string{"/a"}}, Clause{Scopes: []event.Scope{event.Wildcard}}))
	e := with(func(e *event.Event) { e.Process.Exe = "" })
	p.Judge(e, today)
	if e.Verdict != event.Allowed || e.Rule != "portwatch.yaml:2" {
		t.Errorf("%v by %s, want allowed by line 2", e.Verdict, e.Rule)
	}
}

func TestSeverity(t *testing.T) {
	loopback := func(e *event.Event) {
		e.Socket.Address, e.Socket.Scope = netip.MustParseAddr("127.0.0.1"), event.Loopback
	}
	custom := Severities{
		Default: event.Medium, Scope: map[event.Scope]event.Severity{event.Public: event.Critical},
		Rules: []SeverityRule{
			{Clause{Ports: port(2121)}, event.Info},
			{Clause{Ports: []PortRange{{2000, 3000}}}, event.Low},
			{Clause{Ports: port(4000), Exes: []string{"/usr/sbin/sshd"}}, event.Info},
		},
	}
	for _, tc := range []struct {
		name   string
		s      Severities
		change func(*event.Event)
		want   event.Severity
	}{
		{"default", Severities{}, func(*event.Event) {}, event.High},
		{"loopback", Severities{}, loopback, event.Low},
		{"deleted", Severities{}, func(e *event.Event) { loopback(e); e.Process.ExeDeleted = true }, event.Critical},
		{"memfd", Severities{}, func(e *event.Event) { e.Process.Exe = "memfd:a" }, event.Critical},
		{"tmp", Severities{}, func(e *event.Event) { e.Process.Exe = "/tmp/a" }, event.Critical},
		{"var tmp", Severities{}, func(e *event.Event) { e.Process.Exe = "/var/tmp/b/a" }, event.Critical},
		{"shm", Severities{}, func(e *event.Event) { e.Process.Exe = "/dev/shm/a" }, event.Critical},
		{"not tmp", Severities{}, func(e *event.Event) { e.Process.Exe = "/tmpfs/a" }, event.High},
		{"nobody", Severities{}, func(e *event.Event) { e.Process, e.Owner = nil, event.OwnerUnknown }, event.High},
		{"own default", custom, func(*event.Event) {}, event.Medium},
		{"own scope", custom, func(e *event.Event) { e.Socket.Scope = event.Public }, event.Critical},
		{"loopback keeps its own", custom, loopback, event.Low},
		{"first rule", custom, func(e *event.Event) { e.Socket.Port = 2121 }, event.Info},
		{"second rule", custom, func(e *event.Event) { e.Socket.Port = 2222 }, event.Low},
		{"a rule has the last word", custom, func(e *event.Event) { e.Socket.Port = 2222; e.Process.ExeDeleted = true }, event.Low},
		{"a rule whose field is not known", custom, func(e *event.Event) { e.Socket.Port, e.Process.Exe = 4000, "" }, event.Medium},
	} {
		e := with(tc.change)
		compile(t, Settings{Severities: tc.s}).Judge(e, today)
		if e.Severity != tc.want {
			t.Errorf("%s: got %v, want %v", tc.name, e.Severity, tc.want)
		}
	}
}

func TestUDPClientsAreJudgedOnRequest(t *testing.T) {
	for _, tc := range []struct {
		role  event.Role
		alert bool
		want  event.Verdict
	}{
		{event.Client, false, event.Allowed}, {event.Client, true, event.Unexpected},
		{event.Server, false, event.Unexpected}, {0, false, event.Unexpected},
	} {
		e := with(func(e *event.Event) { e.Socket.Protocol, e.Socket.Role = event.UDP, tc.role })
		compile(t, Settings{AlertUDPClients: tc.alert}).Judge(e, today)
		if e.Verdict != tc.want {
			t.Errorf("role %v, alert %v: %v, want %v", tc.role, tc.alert, e.Verdict, tc.want)
		}
	}
}

func TestCloseIsNotJudged(t *testing.T) {
	e := with(func(e *event.Event) { e.Type = event.Close })
	p := compile(t, allow())
	p.Judge(e, today)
	if _, ok := p.Match(e); ok || e.Verdict != 0 {
		t.Errorf("a close has the verdict %v and matches: %v", e.Verdict, ok)
	}
}

func TestUsedCountsTheVerdictsOfAClause(t *testing.T) {
	p := compile(t, allow(Clause{Ports: port(80)}, Clause{Ports: port(22)}))
	for range 3 {
		p.Judge(sshd(), today)
	}
	if got, want := fmt.Sprint(p.Used()), "[0 3]"; got != want {
		t.Errorf("used %s, want %s", got, want)
	}
}

func TestCompileNamesTheClause(t *testing.T) {
	for want, c := range map[string]Clause{
		"x.yaml:7: the clause asks for nothing and would match every socket": {},
		"x.yaml:7: 9-3 is not a range of ports":                              {Ports: []PortRange{{9, 3}}},
		`x.yaml:7: exe "/a[" has a [ without ] or ends in \`:                 {Exes: []string{"/a["}},
	} {
		c.File, c.Line = "/etc/x.yaml", 7
		if _, err := Compile(allow(c)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestHostileTextIsBoundedAndPrintable(t *testing.T) {
	bad := strings.Repeat("\x1b[2J\n\xff\u202e", 500)
	p := compile(t, allow(Clause{Ports: port(22), Exes: []string{"/a"}, Users: []User{{Name: "x"}}, Units: []string{"y"}}))
	e := with(func(e *event.Event) { e.Process.Exe, e.Process.User, e.Process.Unit = "/"+bad, bad, bad })
	p.Judge(e, today)
	if len(e.Explain) > 3000 || !utf8.ValidString(e.Explain) || strings.ContainsAny(e.Explain, "\x1b\n\u202e") {
		t.Errorf("%d bytes: %q", len(e.Explain), e.Explain)
	}
	m, _ := p.Match(e)
	if len(m.Dedup) > dedupBytes || strings.ContainsAny(m.Dedup, "\x1b\n\u202e") {
		t.Errorf("dedup of %d bytes: %q", len(m.Dedup), m.Dedup)
	}
}

func TestMatch(t *testing.T) {
	p := compile(t, Settings{DedupPeriod: 5 * time.Minute})
	e := with(func(e *event.Event) { e.Socket.Port, e.Process.Exe = 21, "/usr/sbin/vsftpd" })
	p.Judge(e, today)
	m, ok := p.Match(e)
	if !ok || m.Title != "Unexpected Port Opened: 21" || m.Severity != event.High || m.Rule != "allow" ||
		m.Explain != "no clause allows tcp/21" || m.Period != 5*time.Minute || m.Destinations != nil {
		t.Errorf("got %+v, %v", m, ok)
	}
	if want := "Unexpected Port Opened: 21|web1||/usr/sbin/vsftpd"; m.Dedup != want {
		t.Errorf("dedup %q, want %q", m.Dedup, want)
	}
	e.Verdict = event.Allowed
	if _, ok := p.Match(e); ok {
		t.Error("an allowed port alerts")
	}
}

func TestDedupTellsHostPortExecutableAndContainer(t *testing.T) {
	p := compile(t, allow())
	seen := make(map[string]string)
	for name, change := range map[string]func(*event.Event){
		"one":            func(*event.Event) {},
		"port":           func(e *event.Event) { e.Socket.Port = 23 },
		"host":           func(e *event.Event) { e.Host.Name = "web2" },
		"exe":            func(e *event.Event) { e.Process.Exe = "/x" },
		"container":      func(e *event.Event) { e.Process.ContainerID = "abc" },
		"exe with a bar": func(e *event.Event) { e.Process.Exe = "abc|/usr/sbin/sshd" },
		"long exe":       func(e *event.Event) { e.Process.Exe = "/" + strings.Repeat("x", 5000) },
		"longer exe":     func(e *event.Event) { e.Process.Exe = "/" + strings.Repeat("x", 5001) },
		"odd exe":        func(e *event.Event) { e.Process.Exe = "/\x01" },
		"as if odd":      func(e *event.Event) { e.Process.Exe = `/\x01` },
	} {
		e := with(change)
		p.Judge(e, today)
		m, _ := p.Match(e)
		if other, twice := seen[m.Dedup]; twice {
			t.Errorf("%s and %s share %q", name, other, m.Dedup)
		}
		seen[m.Dedup] = name
	}
	again := with(func(e *event.Event) { e.Process.PID, e.Socket.Cookie, e.Socket.Family = 9, 9, event.IPv6 })
	p.Judge(again, today)
	if m, _ := p.Match(again); seen[m.Dedup] != "one" {
		t.Errorf("another worker of the same service has a key of its own: %q", m.Dedup)
	}
}

func TestUnknownAlertsOnceAPort(t *testing.T) {
	p := compile(t, allow(Clause{Ports: port(22), Exes: []string{"/a"}}))
	keys := make(map[string]bool)
	for i := range 5 {
		e := with(func(e *event.Event) {
			e.Owner, e.Process = event.OwnerUnknown, &event.Process{UID: uint32(i), ContainerID: fmt.Sprint(i)}
		})
		p.Judge(e, today)
		m, ok := p.Match(e)
		if !ok || e.Verdict != event.Unknown || m.Title != "Unexpected Port Opened: 22" {
			t.Fatalf("%v, %+v, %v", e.Verdict, m, ok)
		}
		keys[m.Dedup] = true
	}
	if len(keys) != 1 {
		t.Errorf("keys %v, want one", keys)
	}
}

func TestRunTestsShowsTheDifference(t *testing.T) {
	p := compile(t, allow(Clause{Ports: port(22), Until: today}))
	results := p.RunTests([]Test{
		{Name: "over", Event: sshd(), Verdict: event.Unexpected, Severity: event.High},
		{Name: "at its time", Event: with(func(e *event.Event) { e.Time = today.Add(-time.Hour) }), Verdict: event.Allowed, Rule: "portwatch.yaml:1"},
		{Name: "wrong", Event: sshd(), Verdict: event.Allowed, Severity: event.Low, Rule: "x"},
	}, today)
	for i, want := range []string{"", "", "verdict: want allowed, got unexpected\nseverity: want LOW, got HIGH\nrule: want x, got allow\n" +
		"because: portwatch.yaml:1 allowed tcp/22 until 2026-11-23T12:00:00Z"} {
		if got := results[i].Difference; got != want || results[i].Pass != (want == "") {
			t.Errorf("%s: pass %v\ngot  %s\nwant %s", results[i].Name, results[i].Pass, got, want)
		}
	}
	if p.Used()[0] != 0 {
		t.Error("a test counts as use of a clause")
	}
}
