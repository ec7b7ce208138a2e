package send

import (
	"strconv"

	"portwatch/internal/notify/format"
)

// field is one named value of a message, for receivers that know of no
// objects.
type field struct{ name, value string }

// fields returns what is known of a message; unknown values are absent.
func fields(m *format.Message) []field {
	var all []field
	set := func(name, value string) {
		if value != "" {
			all = append(all, field{name, value})
		}
	}
	number := func(name string, n uint64) {
		if n != 0 {
			set(name, strconv.FormatUint(n, 10))
		}
	}
	if a := m.Alert; a != nil {
		set("status", a.Status.String())
		set("severity", a.Severity.String())
		set("rule", a.Rule)
		set("fingerprint", a.Fingerprint)
		number("count", a.Count)
	}
	ev := m.Subject()
	if ev == nil {
		return all
	}
	if m.Alert == nil {
		set("severity", ev.Severity.String())
		set("rule", ev.Rule)
	}
	set("type", ev.Type.String())
	set("verdict", ev.Verdict.String())
	set("protocol", ev.Socket.Protocol.String())
	if ev.Socket.Address.IsValid() {
		set("address", ev.Socket.Address.String())
	}
	number("port", uint64(ev.Socket.Port))
	set("scope", ev.Socket.Scope.String())
	if p := ev.Process; p != nil {
		number("pid", uint64(p.PID))
		set("comm", p.Comm)
		set("exe", p.Exe)
		set("uid", strconv.FormatUint(uint64(p.UID), 10))
		set("user", p.User)
		set("unit", p.Unit)
		set("container_id", p.ContainerID)
		set("container_name", p.ContainerName)
	}
	return all
}
