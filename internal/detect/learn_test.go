package detect_test

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"

	"portwatch/internal/config"
	"portwatch/internal/detect"
	"portwatch/internal/event"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func open(proto event.Protocol, addr string, port uint16, p *event.Process) *event.Event {
	e := &event.Event{Type: event.Open, Origin: event.Snapshot, Owner: event.OwnerKnown, Process: p}
	e.Socket = event.Socket{Protocol: proto, Address: netip.MustParseAddr(addr), Port: port, Netns: 1, HostNetns: true}
	if p == nil {
		e.Owner = event.OwnerUnknown
	}
	detect.Complete(e)
	return e
}

func daemon(exe, unit string) *event.Process {
	return &event.Process{PID: 7, Exe: exe, Unit: unit, Cgroup: "/system.slice/" + unit, User: "root"}
}

// server is what a small server has open.
func server() []*event.Event {
	dev := &event.Process{PID: 9, Exe: "/home/alice/go/bin/dlv", UID: 1000, User: "alice", Unit: "session-3.scope", Cgroup: "/user.slice/user-1000.slice/session-3.scope"}
	node := *dev
	node.Exe = "/usr/bin/node"
	web := &event.Process{
		PID: 8, Exe: "/usr/sbin/nginx", Cgroup: "/docker/x", ContainerID: strings.Repeat("ab", 32),
		ContainerName: "web", ContainerImage: "docker.io/library/nginx:1.27",
	}
	chosen := open(event.TCP, "127.0.0.1", 41235, &node)
	chosen.Origin = event.Live
	client := open(event.UDP, "0.0.0.0", 45000, daemon("/usr/sbin/chronyd", "chrony.service"))
	client.Socket.Role = event.Client
	kernel := open(event.UDP, "::", 4789, nil)
	kernel.Owner = event.OwnerKernel
	return []*event.Event{
		open(event.TCP, "0.0.0.0", 22, daemon("/usr/sbin/sshd", "ssh.service")),
		open(event.TCP, "::", 22, daemon("/usr/sbin/sshd", "ssh.service")),
		open(event.UDP, "127.0.0.53", 53, daemon("/usr/lib/systemd/systemd-resolved", "systemd-resolved.service")),
		open(event.TCP, "127.0.0.53", 53, daemon("/usr/lib/systemd/systemd-resolved", "systemd-resolved.service")),
		open(event.UDP, "127.0.0.1", 323, daemon("/usr/sbin/chronyd", "chrony.service")),
		open(event.TCP, "0.0.0.0", 80, web), open(event.TCP, "0.0.0.0", 443, web), open(event.TCP, "10.0.0.5", 8443, web),
		open(event.TCP, "127.0.0.1", 9001, dev), open(event.TCP, "127.0.0.1", 9002, dev), open(event.TCP, "::1", 9005, dev),
		chosen, client, kernel,
		open(event.TCP, "0.0.0.0", 6000, nil),
		open(event.TCP, "0.0.0.0", 31337, &event.Process{PID: 5, Exe: "/tmp/x", ExeDeleted: true, UID: 33, Cgroup: "/"}),
	}
}

const serverPolicy = `# Written by portwatch learn: what 15 open sockets of 9 services need.
# It allows what was open while portwatch looked, whether that was right or
# not. Read it before you trust it, and give each clause a reason.
allow:
  # unit chrony.service
  - {port: 323, protocol: udp, scope: loopback, exe: /usr/sbin/chronyd, unit: chrony.service}

  # unit ssh.service
  - {port: 22, protocol: tcp, exe: /usr/sbin/sshd, unit: ssh.service}

  # unit systemd-resolved.service
  - {port: 53, protocol: [tcp, udp], scope: loopback, exe: /usr/lib/systemd/systemd-resolved, unit: systemd-resolved.service}

  # container web
  - {ports: [80, 443], protocol: tcp, exe: /usr/sbin/nginx, container: web}
  - {port: 8443, protocol: tcp, scope: private, exe: /usr/sbin/nginx, container: web}

  # program /home/alice/go/bin/dlv
  - {ports: [9001-9002, 9005], protocol: tcp, scope: loopback, exe: /home/alice/go/bin/dlv, user: alice}

  # program /tmp/x
  # WARNING: the executable is deleted
  - {port: 31337, protocol: tcp, exe: /tmp/x, user: "33"}

  # program /usr/bin/node
  - {ports: 32768-60999, protocol: tcp, scope: loopback, exe: /usr/bin/node, user: alice}

  # opened by the kernel itself
  - {port: 4789, protocol: udp}

  # opened by a process that portwatch could not see
  - {port: 6000, protocol: tcp}
`

func TestWritePolicy(t *testing.T) {
	if got := string(detect.WritePolicy(server())); got != serverPolicy {
		t.Errorf("got\n%s\nwant\n%s", got, serverPolicy)
	}
}

func TestLearntPolicyLeavesNothingUnexpected(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	sets := [][]*event.Event{nil, server()}
	for range 150 {
		var set []*event.Event
		for range r.IntN(12) {
			set = append(set, detect.AnyEvent(r))
		}
		sets = append(sets, set)
	}
	for _, set := range sets {
		text := detect.WritePolicy(set)
		for _, c := range string(text) {
			if !unicode.IsPrint(c) && c != '\n' {
				t.Fatalf("%q holds %q", text, c)
			}
		}
		p := policy(t, string(text))
		for _, e := range set {
			p.Judge(e, now)
			if e.Verdict != event.Allowed {
				t.Fatalf("%s\n%+v\n%+v\n%v: %s", text, e.Socket, e.Process, e.Verdict, e.Explain)
			}
		}
		for _, f := range p.Review(set, now) {
			if f.Kind == detect.Missing || f.Kind == detect.Dead || f.Kind == detect.Duplicate {
				t.Fatalf("%s\n%s", text, f)
			}
		}
	}
}

func policy(t *testing.T, text string) *detect.Policy {
	t.Helper()
	c, err := config.Parse("portwatch.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	p, err := detect.Compile(c.Policy)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return p
}

func TestExplainOffersALineThatAllows(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	p := policy(t, "allow: []\nudp_clients: alert")
	for range 500 {
		e := detect.AnyEvent(r)
		line := p.Explain(e, now).Allow
		q := policy(t, "udp_clients: alert\nallow:\n"+line)
		if q.Judge(e, now); e.Verdict != event.Allowed {
			t.Fatalf("%s\n%+v\n%+v\n%v: %s", line, e.Socket, e.Process, e.Verdict, e.Explain)
		}
	}
}

// FuzzLearn: names that a hostile process chose neither break the policy nor
// keep it from allowing what was seen, and nothing of them gets out of its
// line.
func FuzzLearn(f *testing.F) {
	f.Add("/usr/sbin/sshd", "root", "ssh.service", "", "", "/", uint16(22))
	f.Add("/\x1b[2J\n- {port: 1-65535}", "a\nb", "x\\x2d*.service", "c|d", "img:\xff", "/user@0/", uint16(1))
	f.Fuzz(func(t *testing.T, exe, user, unit, container, image, cgroup string, port uint16) {
		e := open(event.TCP, "0.0.0.0", max(port, 1), &event.Process{
			PID: 1, UID: 1, Exe: exe, User: user, Unit: unit, ContainerName: container, ContainerImage: image, Cgroup: cgroup,
		})
		text := string(detect.WritePolicy([]*event.Event{e}))
		if n := strings.Count(text, "\n"); n > 7 {
			t.Fatalf("%d lines:\n%s", n, text)
		}
		p := policy(t, text)
		p.Judge(e, now)
		if e.Verdict != event.Allowed {
			t.Fatalf("%s\n%v: %s", text, e.Verdict, e.Explain)
		}
		if e.Socket.Port++; e.Socket.Port != 0 {
			if p.Judge(e, now); e.Verdict == event.Allowed {
				t.Fatalf("%s\nallows port %d too", text, e.Socket.Port)
			}
		}
	})
}

func TestLintNamesWhatIsOdd(t *testing.T) {
	p := policy(t, `allow:
- {port: 22, exe: /usr/sbin/sshd}
- {port: 22, exe: /usr/sbin/sshd, reason: again}
- {ports: 8000-8100, until: 2026-11-22}
- {ports: 9000-9100, user: "1000"}
- {ports: 9050-9200, scope: loopback}
- {port: 80, exe: /usr/sbin/nginx}
- {port: 80}
- {port: 80, unit: apache2.service}
- {port: 443, exe: /usr/sbin/nginx}
- {port: 443, exe: /usr/sbin/haproxy}
- {exe: /usr/bin/node}
`)
	var got []string
	for _, f := range p.Lint(now) {
		got = append(got, f.String())
	}
	want := []string{
		"portwatch.yaml:3: duplicate: {port: 22, exe: /usr/sbin/sshd, reason: again}: says what portwatch.yaml:2 says",
		"portwatch.yaml:4: expired: {ports: 8000-8100, until: 2026-11-22}: allows nothing since its last day, 2026-11-22, is over",
		`portwatch.yaml:6: overlapping: {ports: 9050-9200, scope: loopback}: shares sockets with portwatch.yaml:5`,
		"portwatch.yaml:7: weakened: {port: 80, exe: /usr/sbin/nginx}: binds nothing, for portwatch.yaml:8 allows all of it and more",
		"portwatch.yaml:8: overlapping: {port: 80}: shares sockets with portwatch.yaml:7",
		"portwatch.yaml:9: shadowed: {port: 80, unit: apache2.service}: is never reached, for portwatch.yaml:8 allows all of it",
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

func TestReviewNamesDeadAndMissingClauses(t *testing.T) {
	p := policy(t, `allow:
- {port: 22, unit: ssh.service}
- {port: 25}
- {port: 26, until: 2026-01-01}
`)
	observed := []*event.Event{
		open(event.TCP, "0.0.0.0", 22, daemon("/usr/sbin/sshd", "ssh.service")),
		open(event.TCP, "0.0.0.0", 21, daemon("/usr/sbin/vsftpd", "vsftpd.service")),
	}
	var got []string
	for _, f := range p.Review(observed, now) {
		got = append(got, f.String())
	}
	want := []string{
		"portwatch.yaml:3: dead: {port: 25}: allows nothing that was seen open",
		"portwatch.yaml:4: expired: {port: 26, until: 2026-01-01}: allows nothing since its last day, 2026-01-01, is over",
		"missing: {port: 21, protocol: tcp, exe: /usr/sbin/vsftpd, unit: vsftpd.service}: nothing allows it: unit vsftpd.service",
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}
