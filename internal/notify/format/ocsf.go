package format

import (
	"cmp"
	"encoding/json"
	"path"
	"strconv"
	"time"

	"portwatch/internal/event"
)

// ocsfVersion is the version of the Open Cybersecurity Schema Framework that
// is written; see https://schema.ocsf.io.
const ocsfVersion = "1.5.0"

// OCSF encodes an alert as a Detection Finding (2004), an event as Network
// Activity (4001).
func OCSF(m *Message) ([]byte, error) {
	if m.Alert != nil {
		return json.Marshal(ocsfFinding(m))
	}
	return json.Marshal(ocsfActivity(m))
}

// object is one object of the schema.
type object map[string]any

// set adds a value unless it is the zero value: unknown is absent. Bytes that
// are not UTF-8 are encoding/json's to replace.
func (o object) set(name string, value any) {
	switch v := value.(type) {
	case string:
		if v == "" {
			return
		}
	case int64:
		if v == 0 {
			return
		}
	case object:
		if len(v) == 0 {
			return
		}
	}
	o[name] = value
}

// ocsfBase is what every class has. Times are milliseconds.
func ocsfBase(m *Message, category, class, activity int, at time.Time) object {
	o := object{
		"category_uid": category,
		"class_uid":    class,
		"activity_id":  activity,
		"type_uid":     class*100 + activity,
		"time":         at.UnixMilli(),
		"severity_id":  ocsfSeverity(m.Severity()),
		"metadata": object{
			"version": ocsfVersion,
			"product": object{"name": "portwatch", "vendor_name": "portwatch"},
		},
	}
	o.set("message", Title(m))
	return o
}

func ocsfSeverity(s event.Severity) int {
	if s == 0 {
		return 1 // informational
	}
	return int(s) // INFO is 1 and CRITICAL 5 there too
}

func ocsfFinding(m *Message) object {
	a := m.Alert
	activity, status := 1, 1 // create, new
	switch {
	case m.Resolved():
		activity, status = 3, 4 // close, resolved
	case !a.Time.Equal(a.FirstSeen):
		activity = 2 // update
	}
	o := ocsfBase(m, 2, 2004, activity, a.Time)
	o["status_id"] = status
	o["is_alert"] = !m.Resolved()
	o["count"] = a.Count
	o["start_time"], o["end_time"] = a.FirstSeen.UnixMilli(), a.LastSeen.UnixMilli()
	info := object{
		"uid":             a.Fingerprint,
		"created_time":    a.FirstSeen.UnixMilli(),
		"first_seen_time": a.FirstSeen.UnixMilli(),
		"last_seen_time":  a.LastSeen.UnixMilli(),
		"analytic":        object{"type_id": 1, "name": a.Rule, "uid": a.Rule}, // a rule
	}
	info.set("title", cmp.Or(m.Title, a.Title))
	info.set("desc", a.Explain)
	info.set("src_url", a.Reference)
	o["finding_info"] = info
	if a.Runbook != "" {
		o["remediation"] = object{"desc": a.Runbook}
	}
	if a.Host != "" {
		o["device"] = ocsfDevice(a.Host)
		o["resources"] = []object{{"type": "host", "name": a.Host}}
	}
	if ev := a.Event; ev != nil {
		evidence := object{"dst_endpoint": ocsfEndpoint(ev), "connection_info": ocsfConnection(ev)}
		evidence.set("actor", ocsfActor(ev))
		o["evidences"] = []object{evidence}
	}
	return o
}

func ocsfActivity(m *Message) object {
	ev := m.Event
	activity := 7 // listen
	if ev.Type == event.Close {
		activity = 2
	}
	o := ocsfBase(m, 4, 4001, activity, ev.Time)
	o["dst_endpoint"] = ocsfEndpoint(ev)
	o["connection_info"] = ocsfConnection(ev)
	o.set("actor", ocsfActor(ev))
	o.set("status_detail", ev.Explain)
	if ev.Host != nil && ev.Host.Name != "" {
		o["device"] = ocsfDevice(ev.Host.Name)
	}
	if ev.Count > 1 {
		o["count"] = ev.Count
	}
	if !ev.OpenedAt.IsZero() {
		o["start_time"], o["end_time"] = ev.OpenedAt.UnixMilli(), ev.Time.UnixMilli()
		o["duration"] = ev.Time.Sub(ev.OpenedAt).Milliseconds()
	}
	return o
}

func ocsfDevice(host string) object {
	return object{"type_id": 0, "hostname": host} // server or laptop: unknown
}

// ocsfEndpoint is the socket: it is the one that will respond.
func ocsfEndpoint(ev *event.Event) object {
	s := &ev.Socket
	o := object{"port": s.Port}
	if s.Address.IsValid() {
		o["ip"] = s.Address.WithZone("").String()
	}
	o.set("interface_name", s.Device)
	if ev.Host != nil {
		o.set("hostname", ev.Host.Name)
	}
	return o
}

func ocsfConnection(ev *event.Event) object {
	o := object{
		"direction_id":  1, // inbound
		"protocol_num":  int(ev.Socket.Protocol),
		"protocol_name": ev.Socket.Protocol.String(),
	}
	switch ev.Socket.Family {
	case event.IPv4:
		o["protocol_ver_id"] = 4
	case event.IPv6:
		o["protocol_ver_id"] = 6
	}
	if ev.Socket.Cookie != 0 {
		o["uid"] = strconv.FormatUint(ev.Socket.Cookie, 10)
	}
	return o
}

func ocsfActor(ev *event.Event) object {
	p := ev.Process
	if p == nil {
		return nil
	}
	process := object{}
	process.set("pid", int64(p.PID))
	process.set("name", p.Comm)
	process.set("cmd_line", p.Cmdline)
	if p.Exe != "" {
		exe := p.Exe
		process["file"] = object{"name": path.Base(exe), "path": exe, "type_id": 1} // a regular file
	}
	if p.PPID != 0 {
		process["parent_process"] = object{"pid": int64(p.PPID)}
	}
	user := object{"uid": strconv.FormatUint(uint64(p.UID), 10)}
	user.set("name", p.User)
	process["user"] = user
	if p.ContainerID != "" {
		c := object{"uid": p.ContainerID}
		c.set("name", p.ContainerName)
		c.set("runtime", p.ContainerRuntime)
		c.set("pod_uuid", p.PodUID)
		if p.ContainerImage != "" {
			c["image"] = object{"name": p.ContainerImage, "uid": p.ContainerImage}
		}
		process["container"] = c
	}
	return object{"process": process, "user": user}
}
