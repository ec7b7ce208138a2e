package event

import (
	"encoding"
	"fmt"
)

// Type says what happened to a socket.
type Type uint8

// The types of events.
const (
	Open Type = iota + 1
	Close
)

// Origin says how portwatch came to know.
type Origin uint8

// The origins of events.
const (
	Live     Origin = iota + 1 // a hook in the kernel reported it as it happened
	Snapshot                   // found open when portwatch started
	Repair                     // its report was lost; a reconciliation found it
)

// Protocol is a transport protocol by its IANA number.
type Protocol uint8

// The protocols that have ports which portwatch watches.
const (
	TCP Protocol = 6
	UDP Protocol = 17
)

// Family is an address family, by the kernel's number.
type Family uint8

// The address families.
const (
	IPv4 Family = 2
	IPv6 Family = 10
)

// Role tells a UDP service from a UDP client.
type Role uint8

// The roles of a UDP socket.
const (
	Server Role = iota + 1 // a port was asked for, and it is not connected
	Client                 // the kernel chose the port, or it is connected
)

// Scope is how far away the peers may be that can reach an address.
type Scope uint8

// The scopes of an address.
const (
	Loopback Scope = iota + 1
	LinkLocal
	Private
	Public
	Wildcard
)

// Owner says how much is known of who opened a socket.
type Owner uint8

// The states of ownership.
const (
	OwnerUnknown Owner = iota
	OwnerKnown
	OwnerKernel // made by the kernel itself (vxlan, NFS): no process holds it
)

// Verdict is what the policy says of an open socket.
type Verdict uint8

// The verdicts.
const (
	Allowed    Verdict = iota + 1
	Unexpected         // nothing allows it
	Unknown            // it might be allowed, but the field that decides is not known
)

// Severity ranks verdicts and alerts; greater is worse.
type Severity uint8

// The severities, as Panther names them.
const (
	Info Severity = iota + 1
	Low
	Medium
	High
	Critical
)

var (
	types      = names[Type]{"type", []string{"", "open", "close"}}
	origins    = names[Origin]{"origin", []string{"", "live", "snapshot", "repair"}}
	protocols  = names[Protocol]{"protocol", []string{TCP: "tcp", UDP: "udp"}}
	families   = names[Family]{"family", []string{IPv4: "ipv4", IPv6: "ipv6"}}
	roles      = names[Role]{"role", []string{"", "server", "client"}}
	scopes     = names[Scope]{"scope", []string{"", "loopback", "link_local", "private", "public", "wildcard"}}
	owners     = names[Owner]{"owner", []string{"unknown", "known", "kernel"}}
	verdicts   = names[Verdict]{"verdict", []string{"", "allowed", "unexpected", "unknown"}}
	severities = names[Severity]{"severity", []string{"", "INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"}}
)

func (v Type) String() string     { return types.name(v) }
func (v Origin) String() string   { return origins.name(v) }
func (v Protocol) String() string { return protocols.name(v) }
func (v Family) String() string   { return families.name(v) }
func (v Role) String() string     { return roles.name(v) }
func (v Scope) String() string    { return scopes.name(v) }
func (v Owner) String() string    { return owners.name(v) }
func (v Verdict) String() string  { return verdicts.name(v) }
func (v Severity) String() string { return severities.name(v) }

// MarshalText and UnmarshalText give the words above to JSON and YAML.

func (v Type) MarshalText() ([]byte, error)     { return []byte(v.String()), nil }
func (v Origin) MarshalText() ([]byte, error)   { return []byte(v.String()), nil }
func (v Protocol) MarshalText() ([]byte, error) { return []byte(v.String()), nil }
func (v Family) MarshalText() ([]byte, error)   { return []byte(v.String()), nil }
func (v Role) MarshalText() ([]byte, error)     { return []byte(v.String()), nil }
func (v Scope) MarshalText() ([]byte, error)    { return []byte(v.String()), nil }
func (v Owner) MarshalText() ([]byte, error)    { return []byte(v.String()), nil }
func (v Verdict) MarshalText() ([]byte, error)  { return []byte(v.String()), nil }
func (v Severity) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

func (v *Type) UnmarshalText(b []byte) error     { return types.parse(v, b) }
func (v *Origin) UnmarshalText(b []byte) error   { return origins.parse(v, b) }
func (v *Protocol) UnmarshalText(b []byte) error { return protocols.parse(v, b) }
func (v *Family) UnmarshalText(b []byte) error   { return families.parse(v, b) }
func (v *Role) UnmarshalText(b []byte) error     { return roles.parse(v, b) }
func (v *Scope) UnmarshalText(b []byte) error    { return scopes.parse(v, b) }
func (v *Owner) UnmarshalText(b []byte) error    { return owners.parse(v, b) }
func (v *Verdict) UnmarshalText(b []byte) error  { return verdicts.parse(v, b) }
func (v *Severity) UnmarshalText(b []byte) error { return severities.parse(v, b) }

var _ encoding.TextUnmarshaler = (*Severity)(nil)

// names are the words of one closed set, indexed by value.
type names[T ~uint8] struct {
	what  string
	words []string
}

func (n names[T]) name(v T) string {
	if int(v) < len(n.words) {
		return n.words[v]
	}
	return ""
}

func (n names[T]) parse(v *T, text []byte) error {
	for i, w := range n.words {
		if w == string(text) {
			*v = T(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a %s", text, n.what)
}
