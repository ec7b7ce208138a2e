package event

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func vsftpd() *Event {
	return &Event{
		Time: time.Date(2026, 11, 23, 9, 30, 15, 123456000, time.UTC),
		Type: Open, Origin: Live,
		Socket: Socket{
			Cookie: 1<<63 + 5, Protocol: TCP, Family: IPv6, Address: netip.MustParseAddr("::"),
			Port: 21, RequestedPort: 21, Backlog: 32, Scope: Wildcard, Netns: 4026531840, HostNetns: true, DualStack: true,
		},
		Owner: OwnerKnown,
		Process: &Process{
			PID: 812, PPID: 1, Start: 1500 * time.Millisecond, Comm: "vsftpd", Exe: "/usr/sbin/vsftpd",
			Cmdline: "/usr/sbin/vsftpd /etc/vsftpd.conf", User: "root", Cgroup: "/system.slice/vsftpd.service",
		},
		Verdict: Unexpected, Rule: "allow", Severity: High, Explain: "no clause allows tcp/21",
		Latency: 150 * time.Microsecond,
		Host:    &Host{Name: "web1", BootID: "b"},
	}
}

func TestJSONIsFlatAndCarriesNetstatStrings(t *testing.T) {
	b, err := json.Marshal(vsftpd())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"kind": "event", "type": "open", "origin": "live", "time": "2026-11-23T09:30:15.123456Z",
		"protocol": "tcp", "family": "ipv6", "address": "::", "port": 21.0, "scope": "wildcard", "cookie": "9223372036854775813",
		"pid": 812.0, "uid": 0.0, "exe": "/usr/sbin/vsftpd", "owner": "known",
		"verdict": "unexpected", "severity": "HIGH", "latency_seconds": 0.00015,
		"local_address": ":::21", "foreign_address": ":::*", "name": "vsftpd", "process": "812",
		"recv": "0", "send": "0", "state": "LISTEN", "host": "web1",
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s = %v, want %v", k, got[k], v)
		}
	}
	for _, k := range []string{
		"role", "device", "container_id", "opened_at", "duration_seconds", "count", "mptcp",
		"exe_world_writable", "exe_foreign", "container_rootless", "pod_name", "pod_namespace", "ancestry",
	} {
		if v, ok := got[k]; ok {
			t.Errorf("%s = %v, want it absent", k, v)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	want := vsftpd()
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got := new(Event)
	if err := json.Unmarshal(b, got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestJSONSaysWhoOpened(t *testing.T) {
	want := vsftpd()
	p := want.Process
	p.ExeWorldWritable, p.ExeForeign = true, true
	p.ContainerID, p.ContainerRuntime, p.ContainerName, p.ContainerImage = "0123", "containerd", "web", "nginx:1.27"
	p.ContainerRootless = true
	p.PodUID, p.PodName, p.PodNamespace = "u", "web-0", "shop"
	p.Ancestry = []Ancestor{{PID: 700, Comm: "bash", Exe: "/usr/bin/bash"}, {PID: 1, Comm: "systemd"}}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		`"exe_world_writable":true`, `"exe_foreign":true`, `"container_rootless":true`,
		`"pod_uid":"u"`, `"pod_name":"web-0"`, `"pod_namespace":"shop"`,
		`"ancestry":[{"pid":700,"comm":"bash","exe":"/usr/bin/bash"},{"pid":1,"comm":"systemd"}]`,
	} {
		if !strings.Contains(string(b), s) {
			t.Errorf("%s lacks %s", b, s)
		}
	}
	got := new(Event)
	if err := json.Unmarshal(b, got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestHostileTextBecomesUTF8(t *testing.T) {
	e := vsftpd()
	e.Process.Comm = "\xff\xfe\x1b[2J\x00"
	e.Process.Exe = "/tmp/\xc3\x28"
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(b) || strings.ContainsRune(string(b), '\x1b') {
		t.Errorf("%q carries raw bytes", b)
	}
}

func TestCloseCarriesItsDuration(t *testing.T) {
	e := vsftpd()
	e.Type, e.OpenedAt = Close, e.Time.Add(-1500*time.Millisecond)
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), `"duration_seconds":1.5`) {
		t.Errorf("%s has no duration_seconds of 1.5", b)
	}
}

func TestScopeOf(t *testing.T) {
	for addr, want := range map[string]Scope{
		"0.0.0.0": Wildcard, "::": Wildcard, "127.0.0.1": Loopback, "127.9.9.9": Loopback, "::1": Loopback,
		"::ffff:127.0.0.1": Loopback, "169.254.1.1": LinkLocal, "fe80::1": LinkLocal, "10.0.0.1": Private,
		"172.31.0.1": Private, "172.32.0.1": Public, "192.168.1.1": Private, "100.64.0.1": Private, "fd00::1": Private,
		"8.8.8.8": Public, "2001:db8::1": Public, "::ffff:0.0.0.0": Wildcard,
	} {
		if got := ScopeOf(netip.MustParseAddr(addr)); got != want {
			t.Errorf("ScopeOf(%s) = %v, want %v", addr, got, want)
		}
	}
}

func TestEveryWordReadsBack(t *testing.T) {
	for s := Info; s <= Critical; s++ {
		var got Severity
		if err := got.UnmarshalText([]byte(s.String())); err != nil || got != s {
			t.Errorf("%v reads back as %v, %v", s, got, err)
		}
	}
	var s Severity
	if err := s.UnmarshalText([]byte("high")); err == nil {
		t.Error(`"high" was taken for a severity of the JSON form`)
	}
}
