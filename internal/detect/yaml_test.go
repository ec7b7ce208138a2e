package detect

import (
	"net/netip"
	"testing"
	"time"

	"portwatch/internal/event"
)

func TestClauseAsYAML(t *testing.T) {
	yes := true
	for want, c := range map[string]Clause{
		"{port: 22}": {Ports: port(22)},
		"{ports: [80, 443, 8000-8100], protocol: [tcp, udp]}": {Ports: []PortRange{{80, 80}, {443, 443}, {8000, 8100}}, Protocols: []event.Protocol{event.TCP, event.UDP}},
		"{ports: 1-9, scope: loopback, address: [10.0.0.0/8, '::1'], netns: host, exe: /usr/sbin/nginx, user: alice, unit: a.service, container: true, until: 2026-11-22, reason: 'a: b'}": {
			Ports: []PortRange{{1, 9}}, Scopes: []event.Scope{event.Loopback}, HostNetns: true,
			Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
			Exes:      []string{"/usr/sbin/nginx"}, Users: []User{{Name: "alice"}}, Units: []string{"a.service"}, InContainer: &yes,
			Until: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), Reason: "a: b",
		},
		`{exe: "/a\nb\e[2J\U0000202E", user: "1000", container: ['*', "true"]}`: {Exes: []string{"/a\nb\x1b[2J\u202e"}, Containers: []string{"*", "true"}, Users: []User{{Name: "1000"}}},
	} {
		if got := c.String(); got != want {
			t.Errorf("\ngot  %s\nwant %s", got, want)
		}
	}
}
