package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"portwatch/internal/event"
)

// record builds what the kernel side sends.
func record(e bpfEvent, path, cgroup, args string) []byte {
	e.PathLen, e.CgroupLen, e.ArgsLen = uint16(len(path)), uint16(len(cgroup)), uint16(len(args))
	b := (*[unsafe.Sizeof(e)]byte)(unsafe.Pointer(&e))[:]
	return append(append(append(bytes.Clone(b), path...), cgroup...), args...)
}

func vsftpd() bpfEvent {
	e := bpfEvent{
		Time: 5e9, Cookie: 7, Sk: 0xffff888000000001, Start: 4e9, Netns: 4026531840, Pid: 812, Tid: 812, Ppid: 1, Backlog: 32,
		Family: uint16(event.IPv6), Protocol: uint16(event.TCP), Port: 21, RequestedPort: 21, Kind: kindOpen, State: 10,
		Flags: flagHasExe, ExeNlink: 1, ExeIno: 99,
	}
	for i, c := range "vsftpd" {
		e.Comm[i] = int8(c)
	}
	return e
}

func TestDecodeOpen(t *testing.T) {
	p := &Probe{hostNetns: 4026531840}
	var ev event.Event
	b := record(vsftpd(), "vsftpd\x00sbin\x00usr\x00", "vsftpd.service\x00system.slice\x00", "/usr/sbin/vsftpd\x00/etc/vsftpd.conf\x00")
	if err := p.decode(b, &ev); err != nil {
		t.Fatal(err)
	}
	s, who := ev.Socket, ev.Process
	if ev.Type != event.Open || ev.Origin != event.Live || ev.Owner != event.OwnerKnown {
		t.Errorf("type %v, origin %v, owner %v", ev.Type, ev.Origin, ev.Owner)
	}
	if s.Address != netip.IPv6Unspecified() || s.Port != 21 || !s.DualStack || s.Scope != event.Wildcard || !s.HostNetns || s.Key() != 7 {
		t.Errorf("socket %+v", s)
	}
	if who.Exe != "/usr/sbin/vsftpd" || who.Cgroup != "/system.slice/vsftpd.service" || who.Cmdline != "/usr/sbin/vsftpd /etc/vsftpd.conf" || who.Comm != "vsftpd" {
		t.Errorf("process %+v", who)
	}
}

func TestDecodePaths(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		flags, nlink     uint32
		deleted          bool
	}{
		{"file", "nc\x00bin\x00", "/bin/nc", flagHasExe, 1, false},
		{"deleted", "nc\x00bin\x00", "/bin/nc", flagHasExe, 0, true},
		{"memfd", "memfd:x\x00", "/memfd:x", flagHasExe | flagPathDetached, 0, true},
		{"cut", "sshd\x00d\x00", "…/d/sshd", flagHasExe | flagPathCut, 1, false},
		{"cut to nothing", "", "", flagHasExe | flagPathCut, 1, false},
		{"kernel thread", "", "", 0, 0, false},
		{"any bytes", "\xff\n\x00\x1b[2J\x00", "/\x1b[2J/\xff\n", flagHasExe, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := vsftpd()
			e.Flags, e.ExeNlink = c.flags, c.nlink
			var ev event.Event
			if err := new(Probe).decode(record(e, c.text, "", ""), &ev); err != nil {
				t.Fatal(err)
			}
			if ev.Process.Exe != c.want || ev.Process.ExeDeleted != c.deleted {
				t.Errorf("exe %q, deleted %v; want %q, %v", ev.Process.Exe, ev.Process.ExeDeleted, c.want, c.deleted)
			}
		})
	}
}

func TestDecodeRole(t *testing.T) {
	for _, c := range []struct {
		requested, peer uint16
		want            event.Role
	}{{53, 0, event.Server}, {0, 0, event.Client}, {53, 4000, event.Client}} {
		e := vsftpd()
		e.Protocol, e.RequestedPort, e.PeerPort = uint16(event.UDP), c.requested, c.peer
		var ev event.Event
		if err := new(Probe).decode(record(e, "", "", ""), &ev); err != nil {
			t.Fatal(err)
		}
		if ev.Socket.Role != c.want {
			t.Errorf("requested %d, connected to %d: role %v, want %v", c.requested, c.peer, ev.Socket.Role, c.want)
		}
	}
}

func TestOpenerOfManySocketsIsKeptOnce(t *testing.T) {
	p := new(Probe)
	b := record(vsftpd(), "vsftpd\x00sbin\x00usr\x00", "", "")
	var first, second, third event.Event
	for _, ev := range []*event.Event{&first, &second} {
		if err := p.decode(b, ev); err != nil {
			t.Fatal(err)
		}
	}
	other := record(vsftpd(), "nc\x00bin\x00", "", "") // after an exec
	if err := p.decode(other, &third); err != nil {
		t.Fatal(err)
	}
	if first.Process != second.Process {
		t.Error("the same opener was decoded twice")
	}
	if third.Process == first.Process || third.Process.Exe != "/bin/nc" {
		t.Errorf("after an exec the opener is still %q", third.Process.Exe)
	}
}

func TestDecodeRefusesWhatIsNotWhole(t *testing.T) {
	whole := record(vsftpd(), "vsftpd\x00", "", "")
	var ev event.Event
	if err := new(Probe).decode(whole[:len(whole)-1], &ev); !errors.Is(err, errText) {
		t.Errorf("cut off text: %v", err)
	}
	if err := new(Probe).decode(whole[:8], &ev); err != nil || ev.Type != 0 {
		t.Errorf("a wake-up: %v, type %v", err, ev.Type)
	}
	bad := vsftpd()
	bad.Protocol = 262
	if err := new(Probe).decode(record(bad, "", "", ""), &ev); err == nil {
		t.Error("protocol 262 was taken for one of ours")
	}
}

// Rows arrive in pieces of any size.
func TestRowsAreReadAcrossBuffers(t *testing.T) {
	var rows bytes.Buffer
	for i := range 500 {
		e := vsftpd()
		e.Kind, e.Cookie, e.Sk, e.Pid = kindHolder, uint64(i+1), uint64(i)<<8|1<<63, uint32(i/10+1)
		text := "x\x00" + strings.Repeat("y", 250) + "\x00"
		if i%10 != 0 {
			e.Flags |= flagSameProcess
			text = ""
		}
		rows.Write(record(e, text, "", ""))
	}
	c := &collector{probe: new(Probe), snap: new(Snapshot), found: make(map[uint64]int), byAddress: make(map[uint64]int)}
	if err := c.decode(&rows); err != nil {
		t.Fatal(err)
	}
	if len(c.snap.Open) != 500 {
		t.Fatalf("%d rows, want 500", len(c.snap.Open))
	}
	for i := range c.snap.Open {
		p := c.snap.Open[i].Process
		if p.PID != uint32(i/10+1) || !strings.HasSuffix(p.Exe, "/x") {
			t.Fatalf("row %d: pid %d, exe %q", i, p.PID, p.Exe)
		}
		if first := c.snap.Open[i/10*10].Process; p != first {
			t.Fatalf("row %d: the process was kept twice", i)
		}
	}
}

func TestSocketFoundTwiceIsOne(t *testing.T) {
	sock := vsftpd()
	sock.Kind, sock.Pid, sock.Uid = kindSocket, 0, 5
	young, old := vsftpd(), vsftpd()
	young.Kind, old.Kind = kindHolder, kindHolder
	old.Start, old.Pid = 1, 100
	old.Cookie = 0 // an MPTCP listener whose cookie the file's row does not know
	var rows bytes.Buffer
	for _, e := range []bpfEvent{sock, young, old} {
		rows.Write(record(e, "x\x00", "", ""))
	}
	c := &collector{probe: new(Probe), snap: new(Snapshot), found: make(map[uint64]int), byAddress: make(map[uint64]int)}
	if err := c.decode(&rows); err != nil {
		t.Fatal(err)
	}
	if len(c.snap.Open) != 1 {
		t.Fatalf("%d sockets, want 1", len(c.snap.Open))
	}
	if ev := c.snap.Open[0]; ev.Socket.Cookie != 7 || ev.Owner != event.OwnerKnown || ev.Process.PID != 100 {
		t.Errorf("cookie %d, owner %v, pid %d; want the oldest holder, 100", ev.Socket.Cookie, ev.Owner, ev.Process.PID)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(record(vsftpd(), "vsftpd\x00sbin\x00", "a\x00", "b\x00c"))
	f.Add([]byte("wake up!"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var ev event.Event
		if new(Probe).decode(b, &ev) == nil && ev.Type != 0 {
			if _, err := ev.MarshalJSON(); err != nil {
				t.Fatal(err)
			}
		}
		c := &collector{probe: new(Probe), snap: new(Snapshot), found: make(map[uint64]int), byAddress: make(map[uint64]int)}
		_ = c.decode(bytes.NewReader(b))
	})
}

func BenchmarkDecode(b *testing.B) {
	p := new(Probe)
	rec := record(vsftpd(), "vsftpd\x00sbin\x00usr\x00", "vsftpd.service\x00system.slice\x00", "/usr/sbin/vsftpd\x00")
	var ev event.Event
	b.ReportAllocs()
	for b.Loop() {
		if err := p.decode(rec, &ev); err != nil {
			b.Fatal(err)
		}
	}
}

// The Go type is made from the C one; this says that both mean the same bytes.
func TestLayout(t *testing.T) {
	if eventBytes != 152 || binary.Size(bpfEvent{}) != eventBytes {
		t.Errorf("bpfEvent is %d bytes and %d without padding, want 152", eventBytes, binary.Size(bpfEvent{}))
	}
	if off := reflect.TypeFor[bpfEvent]().Field(1).Offset; off != 0 {
		t.Errorf("time is at offset %d", off)
	}
}
