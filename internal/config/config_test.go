package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"portwatch/internal/detect"
	"portwatch/internal/event"
)

func TestMistakesAreNamedWithLineAndRemedy(t *testing.T) {
	for text, want := range map[string]string{
		"alow: []":                                            `f:1: the configuration has no key "alow"; did you mean allow?`,
		"allow:\n- {prot: 22}":                                `f:2: a clause has no key "prot"; did you mean port?`,
		"allow:\n- {colour: red}":                             `f:2: a clause has no key "colour"; it knows port, ports, protocol, address, scope, exe, user, unit, container, netns, until and reason`,
		"allow: [{port: 0}]":                                  `f:1: port "0" is not a port from 1 to 65535 or a range such as 8000-8100`,
		"allow: [{port: 65536}]":                              `f:1: port "65536" is not a port from 1 to 65535 or a range such as 8000-8100`,
		"allow: [{port: 022}]":                                `f:1: port "022" is not a port from 1 to 65535 or a range such as 8000-8100`,
		"allow: [{port: ssh}]":                                `f:1: port "ssh" is not a port from 1 to 65535 or a range such as 8000-8100`,
		"allow: [{port: -1}]":                                 `f:1: port "-1" is not a port from 1 to 65535 or a range such as 8000-8100`,
		"allow: [{port: '80, 443'}]":                          `f:1: port "80, 443" is not a port; write a list: [80, 443]`,
		"allow:\n- ports: [1,\n  9-3]":                        `f:3: ports "9-3" runs backwards; write 3-9`,
		"allow: [{ports: []}]":                                `f:1: ports is an empty list; name a value or leave ports out`,
		"allow: [{ports: {a: 1}}]":                            `f:1: ports is one value, not a mapping`,
		"allow: [{port: 1, ports: 2}]":                        `f:1: the clause has both port and ports; keep one`,
		"allow: [{port: 1, port: 2}]":                         `f:1: a clause has the key "port" twice, first in line 1; keep one`,
		"allow: [{port: }]":                                   `f:1: port has no value`,
		"allow: [22]":                                         `f:1: a clause is a mapping such as {port: 22, exe: /usr/sbin/sshd}, not "22"`,
		"allow: {port: 22}":                                   `f:1: allow is a list such as [{port: 22}], not a mapping`,
		"allow:":                                              `f:1: allow is empty; write allow: [] to allow nothing, or leave it out for the built-in list`,
		"allow: [{reason: x}]":                                `f:1: the clause asks for nothing and would allow every port; name one, as in {port: 22, exe: /usr/sbin/sshd}`,
		"allow: [{until: 2027-01-31}]":                        `f:1: the clause asks for nothing and would allow every port; name one, as in {port: 22, exe: /usr/sbin/sshd}`,
		"allow: [{protocol: sctp}]":                           `f:1: protocol "sctp" is not tcp or udp`,
		"allow: [{scope: lan}]":                               `f:1: scope "lan" is not loopback, link_local, private, public or wildcard`,
		"allow: [{address: 10.0.0.1/8}]":                      `f:1: address "10.0.0.1/8" has bits behind its /8; write 10.0.0.0/8`,
		"allow: [{address: 10.0.0.0/33}]":                     `f:1: address "10.0.0.0/33" is not an address such as 10.0.0.1 or a network such as 10.0.0.0/8`,
		"allow: [{address: fe80::1%eth0}]":                    `f:1: address "fe80::1%eth0" names an interface; write fe80::1`,
		"allow: [{exe: nginx}]":                               `f:1: exe "nginx" is not an absolute path such as /usr/sbin/sshd`,
		"allow: [{exe: '/a/[b'}]":                             `f:1: exe "/a/[b" has a [ without ] or ends in \`,
		"allow: [{exe: /a**/b}]":                              `f:1: exe "/a**/b" has ** beside other characters; write ** as a folder of its own, as in /usr/**/bin`,
		"allow: [{unit: ''}]":                                 `f:1: unit "" is empty`,
		"allow: [{user: ''}]":                                 `f:1: user "" is not the name of a user or a uid`,
		"allow: [{netns: 3}]":                                 `f:1: netns "3" is not host`,
		"allow: [{port: 1, until: 2027-02-30}]":               `f:1: until "2027-02-30" is not a date such as 2027-01-31 or a moment such as 2027-01-31T18:00:00Z`,
		"severity: {default: HGIH}":                           `f:1: severity of default "HGIH" is not INFO, LOW, MEDIUM, HIGH or CRITICAL`,
		"severity: {lopback: LOW}":                            `f:1: severity has no key "lopback"; did you mean loopback?`,
		"severity: HIGH":                                      `f:1: severity is a mapping such as {default: HIGH, loopback: LOW}, not "HIGH"`,
		"severity: {rules: [{port: 1}]}":                      `f:1: a severity rule needs a severity, as in {port: 21, severity: CRITICAL}`,
		"severity: {rules: [{severity: low}]}":                `f:1: a severity rule asks for nothing; the severity of everything is severity.default`,
		"udp_clients: no":                                     `f:1: udp_clients "no" is not ignore or alert`,
		"resolve_after: 5":                                    `f:1: resolve_after 5 has no unit; write 5s or 5m`,
		"resolve_after: -1s":                                  `f:1: resolve_after -1s is less than 0s`,
		"dedup_period: soon":                                  `f:1: dedup_period "soon" is not a duration such as 5s, 10m or 1h`,
		"self_check: 1ms":                                     `f:1: self_check 1ms is less than 1s`,
		"first_start_digest: maybe":                           `f:1: first_start_digest "maybe" is not true or false`,
		"metrics: {listen: 9765}":                             `f:1: metrics.listen "9765" is not an address; write host:port such as 127.0.0.1:9765, or off`,
		"metrics: {listen: ':99999'}":                         `f:1: metrics.listen ":99999" has no port between 0 and 65535; write host:port such as 127.0.0.1:9765, or off`,
		"metrics: {port: 1}":                                  `f:1: metrics has no key "port"; it knows listen`,
		"state: here":                                         `f:1: state "here" is not an absolute path such as /var/lib/portwatch, or off`,
		"notify: [{name: a}]":                                 `f:1: a receiver needs a type, such as type: webhook`,
		"notify: [secret]":                                    `f:1: a receiver is a mapping such as {name: ops, type: webhook, url_file: /etc/portwatch/url}`,
		"notify:\n- {name: a, type: x}\n- {name: a, type: y}": `f:3: a receiver named "a" stands in line 2 already; give this one another name`,
		"rules: [{a: b}]":                                     `f:1: a path of rules is one value, not a mapping`,
		"a: [":                                                `f:1: not YAML: did not find expected node content`,
		"allow: []\n---\nallow: []":                           `f:2: a second document begins here; a configuration is one`,
		"allow: [*a]":                                         `f:1: an alias has no anchor; quote a value that begins with *`,
		"<<: {allow: []}":                                     `f:1: << is not supported; write the keys out`,
		"tests: [{name: a, event: {port: 1}}]":                `f:1: the test "a" states no verdict: allowed, unexpected or unknown`,
		"tests: [{name: a, verdict: allowed}]":                `f:1: the test "a" has no event, as in {name: sshd may listen, event: {port: 22, exe: /usr/sbin/sshd}, verdict: allowed}`,
		"tests: [{name: a, event: {exe: /x}, verdict: allowed}]":                 `f:1: the event of a test needs a port, as in {port: 22, exe: /usr/sbin/sshd, user: root}`,
		"tests: [{name: a, event: {port: 70000}, verdict: allowed}]":             `f:1: port: is a number 70000, which does not fit; it is a number in its range`,
		"tests: [{name: a, event: {protocol: sctp, port: 1}, verdict: allowed}]": `f:1: protocol: "sctp" is not a protocol`,
		"tests: [{name: a, event: {port: 1, exee: /x}, verdict: allowed}]":       `f:1: the event of a test has no key "exee"; did you mean exe?`,
	} {
		_, err := Parse("f", []byte(text))
		if err == nil {
			t.Errorf("%q was accepted, want %q", text, want)
		} else if got := err.Error(); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestAllMistakesAreSaidAtOnceInOrder(t *testing.T) {
	_, err := Parse("f", []byte("resolve_after: 5\nallow:\n- {port: 0}\n- {scope: lan, protocol: x}\nmetrics: {listn: x}\n"))
	if err == nil {
		t.Fatal("accepted")
	}
	var lines []string
	for l := range strings.SplitSeq(err.Error(), "\n") {
		lines = append(lines, l[:4])
	}
	if got, want := strings.Join(lines, " "), "f:1: f:3: f:4: f:4: f:5:"; got != want {
		t.Errorf("lines %s, want %s\n%v", got, want, err)
	}
}

func TestMistakesAreBounded(t *testing.T) {
	_, err := Parse("f", []byte("allow: ["+strings.Repeat("{port: "+strings.Repeat("x", 5000)+"},", 2000)+"]"))
	if err == nil || len(err.Error()) > 20_000 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

func TestAliasesCannotMultiply(t *testing.T) {
	text := "tests: []\nallow:\n- &a {ports: &p [" + strings.Repeat("1,", 3000) + "]}\n" + strings.Repeat("- *a\n", 3000)
	_, err := Parse("f", []byte(text))
	if err == nil || !strings.Contains(err.Error(), "aliases of this file stand for more than") {
		t.Errorf("got %v", err)
	}
}

const full = `
allow:
  - {ports: [80, "443", 8000-8100], exe: [/usr/sbin/nginx, "/opt/*/bin/**"]}
  - {port: 22, unit: ssh.service, reason: administration}
  - {port: 53, protocol: [tcp, UDP], address: [10.0.0.0/8, "::1", "::ffff:1.2.3.4"]}
  - {ports: 9000, scope: loopback, user: [alice, 1000], until: 2027-01-31}
  - {port: 1, container: true, netns: host}
  - {port: 2, container: ["web*", redis], until: "2027-01-31T18:00:00Z"}
severity:
  default: medium
  public: CRITICAL
  rules:
    - {port: 21, severity: low}
udp_clients: alert
rules: [rules.d, /abs/x.py]
notify:
  - {name: ops, type: webhook, url_file: /u}
  - {type: stdout}
metrics: {listen: off}
state: /var/lib/pw/
first_start_digest: false
resolve_after: 0s
dedup_period: 90m
self_check: off
tests:
  - {name: one, event: {port: 22, unit: ssh.service}, verdict: allowed, rule: "pw.yaml:4"}
`

func TestEveryFieldIsRead(t *testing.T) {
	c, err := Parse("/etc/pw/pw.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Path, "/etc/pw/pw.yaml"; got != want {
		t.Errorf("Path = %s, want %s", got, want)
	}
	a := c.Policy.Allow
	if len(a) != 6 {
		t.Fatalf("%d clauses, want 6", len(a))
	}
	for i := range a {
		if a[i].Line != i+3 || a[i].File != c.Path {
			t.Errorf("clause %d is at %s:%d, want line %d", i, a[i].File, a[i].Line, i+3)
		}
	}
	if got, want := a[0].Ports, ([]detect.PortRange{{First: 80, Last: 80}, {First: 443, Last: 443}, {First: 8000, Last: 8100}}); !reflect.DeepEqual(got, want) {
		t.Errorf("ports %v, want %v", got, want)
	}
	if got, want := a[2].Protocols, ([]event.Protocol{event.TCP, event.UDP}); !reflect.DeepEqual(got, want) {
		t.Errorf("protocols %v, want %v", got, want)
	}
	if got, want := a[2].Addresses[2].String(), "1.2.3.4/32"; got != want {
		t.Errorf("address %v, want %v", got, want)
	}
	if got, want := a[3].Users, ([]detect.User{{Name: "alice"}, {Name: "1000", UID: 1000, Known: true}}); !reflect.DeepEqual(got, want) {
		t.Errorf("users %v, want %v", got, want)
	}
	if got, want := a[3].Until, time.Date(2027, 2, 1, 0, 0, 0, 0, time.Local); !got.Equal(want) {
		t.Errorf("until %v, want %v", got, want)
	}
	if a[4].InContainer == nil || !*a[4].InContainer || !a[4].HostNetns {
		t.Errorf("clause %+v wants a container in the host's netns", a[4])
	}
	s := c.Policy.Severities
	if s.Default != event.Medium || s.Scope[event.Public] != event.Critical || s.Scope[event.Loopback] != event.Low || len(s.Rules) != 1 || s.Rules[0].Severity != event.Low {
		t.Errorf("severities %+v", s)
	}
	if got, want := c.Rules[0].Path+" "+c.Rules[1].Path, "/etc/pw/rules.d /abs/x.py"; got != want {
		t.Errorf("rules %s, want %s", got, want)
	}
	var ops struct {
		Name, Type string
		URLFile    string `yaml:"url_file"`
	}
	if err := c.Notify[0].Options.Decode(&ops); err != nil || ops.URLFile != "/u" || ops.Name != "ops" {
		t.Errorf("receiver %+v, %v", ops, err)
	}
	if c.Notify[1].Name != "stdout" {
		t.Errorf("a receiver without a name is called %q, want that of its type", c.Notify[1].Name)
	}
	if c.Listen != "" || c.StateDir != "/var/lib/pw" || c.FirstStartDigest || c.ResolveAfter != 0 || c.SelfCheck != 0 ||
		c.Policy.DedupPeriod != 90*time.Minute || !c.Policy.AlertUDPClients {
		t.Errorf("got %+v", c)
	}
	if len(c.Tests) != 1 || c.Tests[0].Event.Process.Unit != "ssh.service" {
		t.Errorf("tests %+v", c.Tests)
	}
}

func TestShippedFileIsTheBuiltInPolicy(t *testing.T) {
	got, err := Load("../../deploy/portwatch.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := BuiltIn()
	got.Path, got.SHA256 = want.Path, want.SHA256
	for i := range got.Policy.Allow {
		got.Policy.Allow[i].File, got.Policy.Allow[i].Line = detect.BuiltIn, 0
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestBuiltInAllowsItsPortsAndNoOther(t *testing.T) {
	p, err := detect.Compile(BuiltIn().Policy)
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[uint16]bool{22: true, 53: true, 80: true, 443: true, 47760: true}
	for port := 1; port < 1<<16; port++ {
		e := &event.Event{Type: event.Open, Socket: event.Socket{Protocol: event.TCP, Port: uint16(port), Scope: event.Wildcard}}
		p.Judge(e, time.Time{})
		if got := e.Verdict == event.Allowed; got != allowed[uint16(port)] {
			t.Errorf("port %d: %v", port, e.Verdict)
		}
	}
}

func TestFileWithoutAllowKeepsTheBuiltInList(t *testing.T) {
	for text, want := range map[string]int{"": 5, "# nothing\n": 5, "udp_clients: ignore": 5, "allow: []": 0} {
		c, err := Parse("f", []byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got := len(c.Policy.Allow); got != want {
			t.Errorf("%q has %d clauses, want %d", text, got, want)
		}
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "portwatch.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadAsksTheMachine(t *testing.T) {
	for text, want := range map[string]string{
		"allow: [{port: 1, user: no-such-user-here}]":                                  `:1: user "no-such-user-here" is not in /etc/passwd; write the name as it stands there, or a uid`,
		"allow:\n- port: 1\n  user:\n  - root\n  - no-such-user-here":                  `:5: user "no-such-user-here" is not in`,
		"tests: [{name: a, verdict: allowed, event: {port: 1,\nuser: nobody-at-all}}]": `:2: user "nobody-at-all" is not in`,
		"\nrules: [none.d]": `:2: rules: there is no `,
	} {
		path := write(t, text)
		_, err := Load(path)
		if err == nil || !strings.HasPrefix(err.Error(), path+want) {
			t.Errorf("%q: got %v, want %s%s", text, err, path, want)
		}
		if _, err := Read(path); err != nil {
			t.Errorf("Read asks the machine about %q: %v", text, err)
		}
	}
	c, err := Load(write(t, "allow: [{port: 1, user: [root, 4000000]}]"))
	if err != nil {
		t.Fatal(err)
	}
	want := []detect.User{{Name: "root", Known: true}, {Name: "4000000", UID: 4000000, Known: true}}
	if got := c.Policy.Allow[0].Users; !reflect.DeepEqual(got, want) {
		t.Errorf("users %v, want %v", got, want)
	}
}

func TestUnreadableFilesSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); err == nil || err.Error() != dir+": is a folder; name the file in it" {
		t.Errorf("folder: %v", err)
	}
	missing := filepath.Join(dir, "x.yaml")
	if _, err := Load(missing); err == nil || err.Error() != missing+": there is no such file" {
		t.Errorf("missing: %v", err)
	}
	if _, err := Load("/dev/zero"); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("endless: %v", err)
	}
	if os.Geteuid() != 0 {
		path := write(t, "")
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "may not read it") {
			t.Errorf("forbidden: %v", err)
		}
	}
}

func TestNoMessageRepeatsWhatAReceiverHolds(t *testing.T) {
	for _, text := range []string{
		"notify: [{url: hunter2}]", "notify: [{type: webhook, url: hunter2, url: hunter2}]", "notify: [hunter2]",
		"notify: [{type: [hunter2]}]", "notify: hunter2", "notify: [{[hunter2]: x}]",
		"notify: [{type: webhook, url: *hunter2}]",
	} {
		if _, err := Parse("f", []byte(text)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTestsTakeEveryFieldOfAnEventLine(t *testing.T) {
	e := &event.Event{Process: &event.Process{}, Host: &event.Host{}}
	for _, v := range []reflect.Value{reflect.ValueOf(e).Elem(), reflect.ValueOf(&e.Socket).Elem(), reflect.ValueOf(e.Process).Elem(), reflect.ValueOf(e.Host).Elem()} {
		for i := range v.NumField() {
			switch f := v.Field(i); f.Kind() {
			case reflect.String:
				f.SetString("x")
			case reflect.Bool:
				f.SetBool(true)
			case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
				f.SetUint(2)
			case reflect.Int64:
				f.SetInt(2e9)
			}
		}
	}
	e.Time, e.OpenedAt = time.Unix(9, 0), time.Unix(5, 0)
	e.Type, e.Socket.Protocol, e.Socket.Address = event.Close, event.TCP, event.Event{}.Socket.Address
	line, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	text := "tests: [{name: recorded, verdict: allowed, event: " + string(line) + "}]"
	if _, err := Parse("f", []byte(text)); err != nil {
		t.Errorf("%s\n%v", text, err)
	}
}

func TestTestsOfThePolicy(t *testing.T) {
	path := write(t, `
allow:
- {port: 22, exe: /usr/sbin/sshd, unit: ssh.service}
- {port: 23, user: root}
- {port: 24, container: false, until: 2026-12-31}
udp_clients: ignore
tests:
- {name: as it should be, event: {port: 22, exe: /usr/sbin/sshd, unit: ssh.service}, verdict: allowed, rule: "portwatch.yaml:3"}
- {name: a unit left out is not known, event: {port: 22, exe: /usr/sbin/sshd}, verdict: unknown, severity: high}
- {name: an empty unit is none, event: {port: 22, exe: /usr/sbin/sshd, unit: ""}, verdict: unexpected}
- {name: nobody, event: {port: 22}, verdict: unknown}
- {name: root by name, event: {port: 23, user: root}, verdict: allowed}
- {name: root by uid, event: {port: 23, uid: 0}, verdict: allowed}
- {name: a user left out is not root, event: {port: 23, exe: /bin/a}, verdict: unknown}
- {name: daemon, event: {port: 23, user: daemon}, verdict: unexpected}
- {name: loopback is low, event: {port: 9, address: "::1"}, verdict: unexpected, severity: LOW}
- {name: a memfd is critical, event: {port: 9, exe: "memfd:a", exe_deleted: true}, verdict: unexpected, severity: CRITICAL}
- {name: in time, event: {port: 24, container_id: "", time: 2026-12-31}, verdict: allowed}
- {name: too late, event: {port: 24, container_id: "", time: 2027-01-01}, verdict: unexpected}
- {name: a client, event: {port: 40000, protocol: udp, role: client}, verdict: allowed, rule: udp_clients}
- {name: a server, event: {port: 40000, protocol: udp}, verdict: unexpected}
- name: a recorded line
  event: {"kind":"event","time":"2026-11-23T09:30:15.123456Z","type":"open","origin":"live","protocol":"tcp","family":"ipv6","address":"::","port":22,"dual_stack":true,"scope":"wildcard","netns":4026531840,"host_netns":true,"cookie":"9223372036854775813","backlog":32,"owner":"known","pid":812,"ppid":1,"comm":"nc","exe":"/usr/bin/nc","uid":0,"user":"root","gid":0,"cgroup":"/","pid_start":1.5,"verdict":"allowed","latency_seconds":0.00015,"host":"web1"}
  verdict: unexpected
`)
	for _, read := range []func(string) (*Config, error){Load, Read} {
		c, err := read(path)
		if err != nil {
			t.Fatal(err)
		}
		p, err := detect.Compile(c.Policy)
		if err != nil {
			t.Fatal(err)
		}
		results := p.RunTests(c.Tests, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))
		if len(results) != 15 {
			t.Errorf("%d results, want 15", len(results))
		}
		for _, r := range results {
			if !r.Pass {
				t.Errorf("%s:\n%s", r.Name, r.Difference)
			}
		}
	}
}
