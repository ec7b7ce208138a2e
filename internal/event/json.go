package event

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// TimeLayout is how times are written: RFC 3339, UTC, microseconds. Six
// digits, because that is all that RFC 5424 syslog allows.
const TimeLayout = "2006-01-02T15:04:05.000000Z07:00"

// FormatTime returns t in TimeLayout, or "" for the zero time.
func FormatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(TimeLayout)
}

// record is an Event as one flat JSON object: the outward contract. What is
// not known is absent. It is read by way of this struct; append.go writes it.
type record struct {
	Kind   string `json:"kind"`
	Time   string `json:"time"`
	Type   Type   `json:"type"`
	Origin Origin `json:"origin,omitempty"`

	Protocol      Protocol `json:"protocol,omitempty"`
	Family        Family   `json:"family,omitempty"`
	Address       string   `json:"address,omitempty"`
	Port          uint16   `json:"port"`
	RequestedPort uint16   `json:"requested_port,omitempty"`
	DualStack     bool     `json:"dual_stack,omitempty"`
	ReusePort     bool     `json:"reuseport,omitempty"`
	MPTCP         bool     `json:"mptcp,omitempty"`
	Role          Role     `json:"role,omitempty"`
	Scope         Scope    `json:"scope,omitempty"`
	Device        string   `json:"device,omitempty"`
	Netns         uint32   `json:"netns,omitempty"`
	HostNetns     bool     `json:"host_netns,omitempty"`
	Cookie        string   `json:"cookie,omitempty"`
	Backlog       uint32   `json:"backlog,omitempty"`

	Owner             Owner      `json:"owner"`
	PID               uint32     `json:"pid,omitempty"`
	PPID              uint32     `json:"ppid,omitempty"`
	Comm              string     `json:"comm,omitempty"`
	Exe               string     `json:"exe,omitempty"`
	ExeDeleted        bool       `json:"exe_deleted,omitempty"`
	ExeWorldWritable  bool       `json:"exe_world_writable,omitempty"`
	ExeForeign        bool       `json:"exe_foreign,omitempty"`
	Cmdline           string     `json:"cmdline,omitempty"`
	UID               *uint32    `json:"uid,omitempty"`
	User              string     `json:"user,omitempty"`
	GID               *uint32    `json:"gid,omitempty"`
	Cgroup            string     `json:"cgroup,omitempty"`
	Unit              string     `json:"unit,omitempty"`
	ContainerID       string     `json:"container_id,omitempty"`
	ContainerRuntime  string     `json:"container_runtime,omitempty"`
	ContainerName     string     `json:"container_name,omitempty"`
	ContainerImage    string     `json:"container_image,omitempty"`
	ContainerRootless bool       `json:"container_rootless,omitempty"`
	PodUID            string     `json:"pod_uid,omitempty"`
	PodName           string     `json:"pod_name,omitempty"`
	PodNamespace      string     `json:"pod_namespace,omitempty"`
	Ancestry          []Ancestor `json:"ancestry,omitempty"`
	PIDStart          float64    `json:"pid_start,omitempty"` // seconds since boot

	Verdict  Verdict  `json:"verdict,omitempty"`
	Rule     string   `json:"rule,omitempty"`
	Severity Severity `json:"severity,omitempty"`
	Explain  string   `json:"explain,omitempty"`
	Count    uint64   `json:"count,omitempty"`

	OpenedAt string   `json:"opened_at,omitempty"`
	Duration *float64 `json:"duration_seconds,omitempty"`

	Latency float64 `json:"latency_seconds,omitempty"`

	Host   string `json:"host,omitempty"`
	BootID string `json:"boot_id,omitempty"`

	// The strings of a netstat record, for rules and pipelines built on one.
	LocalAddress   string `json:"local_address,omitempty"`
	ForeignAddress string `json:"foreign_address,omitempty"`
	Name           string `json:"name,omitempty"`
	Process        string `json:"process,omitempty"`
	Recv           string `json:"recv,omitempty"`
	Send           string `json:"send,omitempty"`
	State          string `json:"state,omitempty"`
}

// UnmarshalJSON reads what MarshalJSON wrote, also by an older or a newer
// portwatch: unknown fields are passed over.
func (e *Event) UnmarshalJSON(b []byte) error {
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	if r.Kind != "event" {
		return fmt.Errorf("kind is %q, not event", r.Kind)
	}
	*e = Event{
		Type: r.Type, Origin: r.Origin, Owner: r.Owner,
		Verdict: r.Verdict, Rule: r.Rule, Severity: r.Severity, Explain: r.Explain, Count: r.Count,
		Latency: time.Duration(r.Latency * float64(time.Second)),
		Socket: Socket{
			Protocol: r.Protocol, Family: r.Family, Port: r.Port, RequestedPort: r.RequestedPort,
			DualStack: r.DualStack, ReusePort: r.ReusePort, MPTCP: r.MPTCP, Role: r.Role,
			Scope: r.Scope, Device: r.Device, Netns: r.Netns, HostNetns: r.HostNetns, Backlog: r.Backlog,
		},
	}
	var err error
	if e.Time, err = parseTime("time", r.Time); err != nil {
		return err
	}
	if e.OpenedAt, err = parseTime("opened_at", r.OpenedAt); err != nil {
		return err
	}
	if r.Address != "" {
		if e.Socket.Address, err = netip.ParseAddr(r.Address); err != nil {
			return fmt.Errorf("address: %w", err)
		}
	}
	if r.Cookie != "" {
		if e.Socket.Cookie, err = strconv.ParseUint(r.Cookie, 10, 64); err != nil {
			return fmt.Errorf("cookie: %w", err)
		}
	}
	if r.PID != 0 || r.UID != nil {
		p := &Process{
			PID: r.PID, PPID: r.PPID, Comm: r.Comm, Exe: r.Exe, ExeDeleted: r.ExeDeleted, Cmdline: r.Cmdline,
			User: r.User, Cgroup: r.Cgroup, Unit: r.Unit, ContainerID: r.ContainerID, ContainerRuntime: r.ContainerRuntime,
			ContainerName: r.ContainerName, ContainerImage: r.ContainerImage, ContainerRootless: r.ContainerRootless,
			PodUID: r.PodUID, PodName: r.PodName, PodNamespace: r.PodNamespace,
			ExeWorldWritable: r.ExeWorldWritable, ExeForeign: r.ExeForeign, Ancestry: r.Ancestry,
			Start: time.Duration(r.PIDStart * float64(time.Second)),
		}
		if r.UID != nil {
			p.UID = *r.UID
		}
		if r.GID != nil {
			p.GID = *r.GID
		}
		e.Process = p
	}
	if r.Host != "" || r.BootID != "" {
		e.Host = &Host{Name: r.Host, BootID: r.BootID}
	}
	return nil
}

func parseTime(field, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", field, err)
	}
	return t.UTC(), nil
}

// LocalAddress returns the address as netstat prints it: "0.0.0.0:21",
// ":::21".
func (s *Socket) LocalAddress() string {
	if !s.Address.IsValid() {
		return ""
	}
	return s.Address.String() + ":" + strconv.Itoa(int(s.Port))
}

// ForeignAddress returns the peer's address as netstat prints it: "0.0.0.0:*"
// for a socket that listens.
func (s *Socket) ForeignAddress() string {
	port := "*"
	if s.PeerPort != 0 {
		port = strconv.Itoa(int(s.PeerPort))
	}
	if s.Family == IPv6 {
		return ":::" + port
	}
	return "0.0.0.0:" + port
}
