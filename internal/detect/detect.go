// Package detect owns the verdict: it says of an open socket whether the
// policy allows it, which clause decided and why. It does no I/O: what it
// needs of the machine (the uid behind a user name) comes with the policy,
// and what it needs of a socket comes with the event.
package detect

import (
	"net/netip"
	"strconv"
	"time"

	"portwatch/internal/event"
)

// Rules that an event carries when no single clause gave its verdict.
const (
	RuleAllowList  = "allow"       // nothing in the allow-list lets it pass
	RuleUDPClients = "udp_clients" // a UDP client; they are allowed as a kind
	RuleSelf       = "self"        // portwatch's own socket
)

// Settings are the part of a configuration that judges.
type Settings struct {
	Allow      []Clause
	Severities Severities

	// AlertUDPClients has UDP clients judged as servers are. Otherwise they
	// are allowed, for every DNS look-up makes one.
	AlertUDPClients bool

	// DedupPeriod is how long matches are counted into one alert.
	DedupPeriod time.Duration

	// Self is the process id of portwatch in the first pid namespace. What
	// it opens is allowed; 0 allows nothing.
	Self uint32
}

// A Clause allows the sockets that satisfy all of its fields. A field that
// is empty asks for nothing; a field with several values asks for one of
// them.
type Clause struct {
	File string // where it is written; "built-in" for the built-in policy
	Line int

	Ports     []PortRange
	Protocols []event.Protocol
	Addresses []netip.Prefix
	Scopes    []event.Scope
	Exes      []string // absolute paths; * ? [] within a folder, ** across folders
	Users     []User
	Units     []string // globs

	// Containers are globs for the id, the name or the image.
	// InContainer asks for any container (true) or none (false).
	Containers  []string
	InContainer *bool

	HostNetns bool // only the network namespace of the host

	Until  time.Time // the first moment at which it allows nothing; zero for never
	Reason string
}

// A PortRange holds the ports from First to Last, both included.
type PortRange struct{ First, Last uint16 }

func (r PortRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(int(r.First))
	}
	return strconv.Itoa(int(r.First)) + "-" + strconv.Itoa(int(r.Last))
}

// A User is who may have opened a socket. A name that was not looked up is
// compared with the name in the event, which is how a policy judges what
// another machine recorded.
type User struct {
	Name  string
	UID   uint32
	Known bool // UID is the uid of Name on this machine
}

// isUID reports whether the clause names a uid rather than a user.
func (u *User) isUID() bool {
	return u.Known && u.Name == strconv.FormatUint(uint64(u.UID), 10)
}

// Severities rank what is not allowed. The zero value of a field means the
// severity of the built-in policy: HIGH, and LOW for loopback.
type Severities struct {
	Default event.Severity
	Scope   map[event.Scope]event.Severity
	Rules   []SeverityRule // the first that matches has the last word
}

// A SeverityRule gives the sockets that match a clause their severity.
type SeverityRule struct {
	Clause   Clause
	Severity event.Severity
}
