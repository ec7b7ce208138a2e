package event

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// Every event is written as JSON on its way out, in a flood by the hundred
// thousand: a fifth of the time that reflection takes, and no garbage. A test
// holds it to the fields of record.

// MarshalJSON writes the event as one flat object. Bytes that are not UTF-8
// become U+FFFD.
func (e *Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(make([]byte, 0, 1024)), nil }

// AppendJSON appends what MarshalJSON returns to b.
func (e *Event) AppendJSON(b []byte) []byte {
	o := object{append(b, `{"kind":"event"`...)}
	o.time("time", e.Time)
	o.str("type", e.Type.String())
	o.str("origin", e.Origin.String())
	o.socket(&e.Socket)
	o.str("owner", e.Owner.String())
	if e.Process != nil {
		o.process(e.Process)
	}
	o.str("verdict", e.Verdict.String())
	o.str("rule", e.Rule)
	o.str("severity", e.Severity.String())
	o.str("explain", e.Explain)
	if e.Count > 1 {
		o.num("count", e.Count)
	}
	o.time("opened_at", e.OpenedAt)
	if e.Type == Close && !e.OpenedAt.IsZero() {
		o.key("duration_seconds")
		o.seconds(e.Time.Sub(e.OpenedAt))
	}
	if e.Latency != 0 {
		o.key("latency_seconds")
		o.seconds(e.Latency)
	}
	if e.Host != nil {
		o.str("host", e.Host.Name)
		o.str("boot_id", e.Host.BootID)
	}
	o.netstat(e)
	return append(o.b, '}')
}

// object is a JSON object under construction. Its methods leave out what is
// empty.
type object struct{ b []byte }

func (o *object) socket(s *Socket) {
	o.str("protocol", s.Protocol.String())
	o.str("family", s.Family.String())
	if s.Address.IsValid() {
		o.key("address")
		o.b = append(s.Address.AppendTo(append(o.b, '"')), '"')
	}
	o.key("port")
	o.b = strconv.AppendUint(o.b, uint64(s.Port), 10)
	o.num("requested_port", uint64(s.RequestedPort))
	o.yes("dual_stack", s.DualStack)
	o.yes("reuseport", s.ReusePort)
	o.yes("mptcp", s.MPTCP)
	o.str("role", s.Role.String())
	o.str("scope", s.Scope.String())
	o.str("device", s.Device)
	o.num("netns", uint64(s.Netns))
	o.yes("host_netns", s.HostNetns)
	if s.Cookie != 0 { // a string: JavaScript's numbers have 53 bits
		o.key("cookie")
		o.b = append(strconv.AppendUint(append(o.b, '"'), s.Cookie, 10), '"')
	}
	o.num("backlog", uint64(s.Backlog))
}

func (o *object) process(p *Process) {
	o.num("pid", uint64(p.PID))
	o.num("ppid", uint64(p.PPID))
	o.str("comm", p.Comm)
	o.str("exe", p.Exe)
	o.yes("exe_deleted", p.ExeDeleted)
	o.yes("exe_world_writable", p.ExeWorldWritable)
	o.yes("exe_foreign", p.ExeForeign)
	o.str("cmdline", p.Cmdline)
	o.key("uid") // 0 is root's, and known
	o.b = strconv.AppendUint(o.b, uint64(p.UID), 10)
	o.str("user", p.User)
	o.key("gid")
	o.b = strconv.AppendUint(o.b, uint64(p.GID), 10)
	o.str("cgroup", p.Cgroup)
	o.str("unit", p.Unit)
	o.str("container_id", p.ContainerID)
	o.str("container_runtime", p.ContainerRuntime)
	o.str("container_name", p.ContainerName)
	o.str("container_image", p.ContainerImage)
	o.yes("container_rootless", p.ContainerRootless)
	o.str("pod_uid", p.PodUID)
	o.str("pod_name", p.PodName)
	o.str("pod_namespace", p.PodNamespace)
	if len(p.Ancestry) > 0 {
		o.key("ancestry")
		if list, err := json.Marshal(p.Ancestry); err == nil {
			o.b = append(o.b, list...)
		} else {
			o.b = append(o.b, "null"...)
		}
	}
	if p.Start != 0 {
		o.key("pid_start")
		o.seconds(p.Start)
	}
}

// netstat appends the strings of a netstat record.
func (o *object) netstat(e *Event) {
	o.str("local_address", e.Socket.LocalAddress())
	o.str("foreign_address", e.Socket.ForeignAddress())
	if p := e.Process; p != nil {
		o.str("name", p.Comm)
		if p.PID != 0 {
			o.key("process")
			o.b = append(strconv.AppendUint(append(o.b, '"'), uint64(p.PID), 10), '"')
		}
	}
	o.b = append(o.b, `,"recv":"0","send":"0","state":"LISTEN"`...)
}

func (o *object) key(name string) {
	o.b = append(append(append(o.b, `,"`...), name...), `":`...)
}

func (o *object) str(name, v string) {
	if v != "" {
		o.key(name)
		o.b = appendString(o.b, v)
	}
}

func (o *object) num(name string, v uint64) {
	if v != 0 {
		o.key(name)
		o.b = strconv.AppendUint(o.b, v, 10)
	}
}

func (o *object) yes(name string, v bool) {
	if v {
		o.key(name)
		o.b = append(o.b, "true"...)
	}
}

func (o *object) time(name string, t time.Time) {
	if !t.IsZero() {
		o.key(name)
		o.b = append(t.UTC().AppendFormat(append(o.b, '"'), TimeLayout), '"')
	}
}

// seconds appends d in seconds, to the nanosecond.
func (o *object) seconds(d time.Duration) {
	o.b = strconv.AppendFloat(o.b, d.Seconds(), 'f', -1, 64)
}

// appendString appends s as a JSON string. What does not print is escaped, as
// encoding/json does it.
func appendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			default:
				b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(append(b, s[start:i]...), "\uFFFD"...)
			start = i + n
		case r == '\u2028' || r == '\u2029': // line ends to some readers
			b = append(append(b, s[start:i]...), '\\', 'u', '2', '0', '2', digits[r&15])
			start = i + n
		}
		i += n
	}
	return append(append(b, s[start:]...), '"')
}
