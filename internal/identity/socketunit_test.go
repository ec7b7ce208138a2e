package identity

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"portwatch/internal/event"
)

func systemdHost(t *testing.T) string {
	return tree(t, map[string]string{
		"sys/fs/cgroup/cgroup.procs":                                   "",
		"sys/fs/cgroup/system.slice/ssh.socket/":                       "",
		"sys/fs/cgroup/system.slice/system-web.slice/web@8001.socket/": "",
		"etc/systemd/system/echo.socket": `# An echo service.
[Unit]
ListenStream=1

[Socket]
ListenStream=7
ListenDatagram=127.0.0.1:7
ListenStream = \
  [::1]:8
ListenStream=/run/echo
ListenStream=vsock::9
ListenStream=%t/10
Accept=yes
`,
		"etc/systemd/system/echo.socket.d/10-more.conf":      "[Socket]\nListenStream=10.0.0.1:9%eth1\n",
		"usr/lib/systemd/system/ssh.socket":                  "[Socket]\nListenStream=22\n",
		"usr/lib/systemd/system/dropbear.socket":             "[Socket]\nListenStream=22\n",
		"usr/lib/systemd/system/finger.socket":               "[Socket]\nListenStream=79\n",
		"usr/lib/systemd/system/cfingerd.socket":             "[Socket]\nListenStream=79\n",
		"usr/lib/systemd/system/telnet.socket":               "[Socket]\nListenStream=23\n",
		"etc/systemd/system/telnet.socket":                   "-> /dev/null",
		"usr/lib/systemd/system/cups.socket":                 "[Socket]\nListenStream=631\n",
		"etc/systemd/system/cups.socket.d/override.conf":     "[Socket]\nListenStream=\nListenStream=127.0.0.1:631\n",
		"usr/lib/systemd/system/cups.socket.d/override.conf": "[Socket]\nListenStream=632\n",
		"etc/systemd/system/ipp.socket":                      "-> ../../../usr/lib/systemd/system/cups.socket",
		"usr/lib/systemd/system/web@.socket":                 "[Socket]\nListenStream=127.0.0.1:%i\n",
		"usr/lib/systemd/system/web.service":                 "[Socket]\nListenStream=99\n",
	})
}

func listening(protocol event.Protocol, addr, device string) *event.Event {
	ap := netip.MustParseAddrPort(addr)
	s := event.Socket{Protocol: protocol, Address: ap.Addr(), Port: ap.Port(), Device: device, HostNetns: true}
	return &event.Event{Type: event.Open, Socket: s, Process: &event.Process{PID: 1, Comm: "systemd", Cgroup: "/init.scope"}}
}

func TestSystemdListensForASocketUnit(t *testing.T) {
	r := New(Options{Root: systemdHost(t), Proc: tree(t, map[string]string{"self/cgroup": "0::/\n"})})
	const tcp, udp = event.TCP, event.UDP
	for _, c := range []struct {
		protocol     event.Protocol
		addr, device string
		want         string
	}{
		{tcp, "[::]:7", "", "echo.socket"},
		{tcp, "0.0.0.0:7", "", "echo.socket"},
		{udp, "127.0.0.1:7", "", "echo.socket"},
		{udp, "[::]:7", "", "init.scope"},
		{tcp, "127.0.0.1:7", "", "init.scope"},
		{tcp, "[::1]:8", "", "echo.socket"},
		{tcp, "10.0.0.1:9", "eth1", "echo.socket"},
		{tcp, "10.0.0.1:9", "eth0", "init.scope"},
		{tcp, "[::]:1", "", "init.scope"},  // not of the section
		{tcp, "[::]:10", "", "init.scope"}, // a specifier
		{tcp, "[::]:22", "", "ssh.socket"}, // two have it, one is active
		{tcp, "[::]:79", "", "init.scope"}, // two have it, none is
		{tcp, "[::]:23", "", "init.scope"}, // masked
		{tcp, "127.0.0.1:631", "", "cups.socket"},
		{tcp, "[::]:631", "", "init.scope"}, // reset
		{tcp, "[::]:632", "", "init.scope"}, // of a file that another hides
		{tcp, "127.0.0.1:8001", "", "web@8001.socket"},
		{tcp, "127.0.0.1:8002", "", "init.scope"}, // no such instance
		{tcp, "[::]:99", "", "init.scope"},
	} {
		ev := listening(c.protocol, c.addr, c.device)
		r.Enrich(ev)
		if got := ev.Process.Unit; got != c.want {
			t.Errorf("%v %s %s: unit %q, want %q", c.protocol, c.addr, c.device, got, c.want)
		}
	}
}

func TestOthersThanTheFirstProcessHaveTheUnitOfTheirCgroup(t *testing.T) {
	r := New(Options{Root: systemdHost(t), Proc: tree(t, map[string]string{"self/cgroup": "0::/\n"})})
	for pid, cgroup := range map[uint32]string{1: "/", 2: "/init.scope"} {
		ev := listening(event.TCP, "[::]:22", "")
		ev.Process.PID, ev.Process.Cgroup = pid, cgroup
		r.Enrich(ev)
		if ev.Process.Unit == "ssh.socket" {
			t.Errorf("process %d in %s is ssh.socket", pid, cgroup)
		}
	}
}

func TestANewSocketUnitIsFoundAtOnce(t *testing.T) {
	root := systemdHost(t)
	r := New(Options{Root: root, Proc: tree(t, nil)})
	ev := listening(event.TCP, "[::]:5000", "")
	now := time.Now()
	if got := r.sockets.unitFor(&ev.Socket, now); got != "" {
		t.Fatalf("unit %q", got)
	}
	if err := os.WriteFile(filepath.Join(root, "etc/systemd/system/new.socket"), []byte("[Socket]\nListenStream=5000\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := r.sockets.unitFor(&ev.Socket, now.Add(time.Millisecond)); got != "new.socket" {
		t.Errorf("unit %q, want new.socket", got)
	}
}

func FuzzUnitFile(f *testing.F) {
	f.Add([]byte("[Socket]\nListenStream=22\nListenDatagram=[::1]:5%eth0\nListenStream=\n"), "x")
	f.Add([]byte("[Socket]\nListenStream=\\\n%i\\"), "80")
	f.Fuzz(func(t *testing.T, b []byte, instance string) {
		p := unitParser{instance: instance}
		p.read(b)
		p.read(b)
		if len(p.listens) > maxListens {
			t.Fatalf("%d addresses", len(p.listens))
		}
		for _, l := range p.listens {
			if l.protocol == 0 || l.port == 0 && !l.address.IsValid() {
				t.Fatalf("%+v", l)
			}
		}
	})
}
