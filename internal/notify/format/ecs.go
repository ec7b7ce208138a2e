package format

import (
	"encoding/json"
	"path"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/event"
)

// ecsVersion is the version of the Elastic Common Schema that is written.
const ecsVersion = "8.11.0"

// ECS encodes in the Elastic Common Schema. What it has no field for stands
// under "portwatch", as its rules for custom fields want it.
func ECS(m *Message) ([]byte, error) {
	var at time.Time
	action, kind, severity := "", "event", m.Severity()
	own := object{}
	o := object{
		"ecs":     object{"version": ecsVersion},
		"message": Title(m),
	}
	if a := m.Alert; a != nil {
		at, kind, action = a.Time, "alert", "alert-"+a.Status.String()
		rule := object{}
		rule.set("id", a.Rule)
		rule.set("name", a.Rule)
		rule.set("description", a.Description)
		rule.set("reference", a.Reference)
		o["rule"] = rule
		own["alert"] = object{
			"status": a.Status.String(), "fingerprint": a.Fingerprint, "dedup": a.Dedup,
			"count": a.Count, "first_seen": event.FormatTime(a.FirstSeen), "last_seen": event.FormatTime(a.LastSeen),
			"runbook": a.Runbook, "flapping": a.Flapping,
		}
		o["host"] = object{"name": a.Host, "hostname": a.Host}
	} else {
		at, action = m.Event.Time, "port-"+m.Event.Type.String()
	}
	meta := object{
		"kind": kind, "category": []string{"network"}, "type": []string{ecsType(m)}, "action": action,
		"module": "portwatch", "dataset": "portwatch." + kind, "provider": "portwatch",
		"severity": int(severity), "outcome": "success",
	}
	if ev := m.Subject(); ev != nil {
		ecsSubject(o, own, meta, ev)
	}
	if a := m.Alert; a != nil {
		meta.set("reason", a.Explain)
		meta["start"] = event.FormatTime(a.FirstSeen)
		if a.Status == alert.Resolved {
			meta["end"] = event.FormatTime(a.ResolvedAt)
		}
	}
	own.set("severity", severity.String())
	o["event"], o["portwatch"] = meta, own
	o["@timestamp"] = event.FormatTime(at)
	return json.Marshal(o)
}

func ecsType(m *Message) string {
	if m.Resolved() || m.Alert == nil && m.Event.Type == event.Close {
		return "end"
	}
	return "start"
}

// ecsSubject adds what an event says.
func ecsSubject(o, own, meta object, ev *event.Event) {
	s := &ev.Socket
	server := object{"port": s.Port}
	if s.Address.IsValid() {
		server["ip"], server["address"] = s.Address.WithZone("").String(), s.Address.String()
	}
	o["server"] = server
	network := object{"transport": s.Protocol.String(), "direction": "ingress"}
	network.set("type", s.Family.String())
	o["network"] = network
	if ev.Host != nil {
		o["host"] = object{"name": ev.Host.Name, "hostname": ev.Host.Name}
	}
	meta.set("reason", ev.Explain)
	if !ev.OpenedAt.IsZero() {
		meta["start"], meta["end"] = event.FormatTime(ev.OpenedAt), event.FormatTime(ev.Time)
		meta["duration"] = ev.Time.Sub(ev.OpenedAt).Nanoseconds()
	}
	own.set("verdict", ev.Verdict.String())
	own.set("scope", s.Scope.String())
	own.set("owner", ev.Owner.String())
	own.set("origin", ev.Origin.String())
	own.set("netns", int64(s.Netns))
	p := ev.Process
	if p == nil {
		return
	}
	process := object{}
	process.set("pid", int64(p.PID))
	process.set("name", p.Comm)
	process.set("executable", p.Exe)
	process.set("command_line", p.Cmdline)
	if p.PPID != 0 {
		process["parent"] = object{"pid": int64(p.PPID)}
	}
	o.set("process", process)
	user := object{"id": uidOf(p)}
	user.set("name", p.User)
	o["user"] = user
	if p.Unit != "" {
		o["service"] = object{"name": p.Unit}
	}
	if p.Exe != "" {
		o["file"] = object{"path": p.Exe, "name": path.Base(p.Exe)}
	}
	if p.ContainerID != "" {
		c := object{"id": p.ContainerID}
		c.set("name", p.ContainerName)
		c.set("runtime", p.ContainerRuntime)
		if p.ContainerImage != "" {
			c["image"] = object{"name": p.ContainerImage}
		}
		o["container"] = c
	}
	if p.PodUID != "" {
		o["orchestrator"] = object{"type": "kubernetes", "resource": object{"type": "pod", "id": p.PodUID}}
	}
}
