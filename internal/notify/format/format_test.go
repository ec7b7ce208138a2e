package format

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"portwatch/internal/alert"
	"portwatch/internal/event"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)

func vsftpd() *event.Event {
	return &event.Event{
		Time: noon, Type: event.Open, Origin: event.Live,
		Socket: event.Socket{
			Cookie: 7, Protocol: event.TCP, Family: event.IPv6, Address: netip.IPv6Unspecified(), Port: 21,
			RequestedPort: 21, Scope: event.Wildcard, DualStack: true, Netns: 4026531840, HostNetns: true,
		},
		Owner: event.OwnerKnown,
		Process: &event.Process{
			PID: 812, PPID: 1, Comm: "vsftpd", Exe: "/usr/sbin/vsftpd", Cmdline: "/usr/sbin/vsftpd /etc/vsftpd.conf",
			UID: 0, User: "root", Unit: "vsftpd.service", ContainerID: "abc", ContainerName: "ftp", ContainerImage: "ftp:1",
			ContainerRuntime: "docker", PodUID: "pod",
		},
		Verdict: event.Unexpected, Rule: "allow", Severity: event.High, Explain: "no clause allows tcp/21",
		Host: &event.Host{Name: "web1", BootID: "b"},
	}
}

func closed() *event.Event {
	ev := vsftpd()
	ev.Type, ev.OpenedAt, ev.Time = event.Close, noon, noon.Add(90*time.Second)
	return ev
}

func alarm() *alert.Alert {
	return &alert.Alert{
		Time: noon, Status: alert.Firing, Title: "Unexpected Port Opened: 21", Severity: event.High, Rule: "allow",
		Dedup: "Unexpected Port Opened: 21|web1", Fingerprint: "0011", Count: 1,
		FirstSeen: noon, LastSeen: noon, Explain: "no clause allows tcp/21", Runbook: "look\nat it", Event: vsftpd(), Host: "web1",
	}
}

func resolved() *alert.Alert {
	a := alarm()
	a.Status, a.Event, a.ResolvedAt, a.Time = alert.Resolved, closed(), noon.Add(90*time.Second), noon.Add(90*time.Second)
	return a
}

// all are messages of every kind, also such of which little is known.
func all() map[string]*Message {
	unknown := &event.Event{Time: noon, Type: event.Open, Socket: event.Socket{Protocol: event.UDP, Family: event.IPv4, Port: 53, Address: netip.IPv4Unspecified()}}
	digest := alarm()
	digest.Event, digest.Folded = nil, []string{"HIGH tcp *:21 by /usr/sbin/vsftpd"}
	hostile := alarm()
	hostile.Event = vsftpd()
	p := *hostile.Event.Process
	p.Comm, p.Exe, p.Cmdline, p.User, p.ContainerImage = "\xff<!channel>\x1b[2J", "/tmp/\xfe\x00", "\xfd\r\n", "\xfc", "\xfb"
	hostile.Event.Process = &p
	hostile.Title, hostile.Dedup, hostile.Runbook = "<!here>\xff", "\xff", "\xff"
	return map[string]*Message{
		"open": {Event: vsftpd()}, "close": {Event: closed()}, "unknown": {Event: unknown},
		"firing": {Alert: alarm()}, "resolved": {Alert: resolved()}, "digest": {Alert: digest},
		"hostile": {Alert: hostile}, "hostile event": {Event: hostile.Event},
		"template": {Alert: alarm(), Title: "my title", Text: "my text"},
	}
}

func decode(t *testing.T, f Format, m *Message) map[string]any {
	t.Helper()
	b, err := f(m)
	if err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(b) || strings.ContainsAny(string(b), "\n\x1b\x00") {
		t.Errorf("%q carries raw bytes", b)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestEveryFormatTakesEveryMessage(t *testing.T) {
	for _, name := range Names() {
		f, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		for what, m := range all() {
			t.Run(name+" "+what, func(t *testing.T) { decode(t, f, m) })
		}
	}
	if _, err := Named("xml"); err == nil || !strings.Contains(err.Error(), "[ecs native netstat ocsf slack]") {
		t.Errorf("got %v, want the formats that there are", err)
	}
}

func TestNativeIsTheContract(t *testing.T) {
	got := decode(t, Native, all()["firing"])
	if got["kind"] != "alert" || got["title"] != "Unexpected Port Opened: 21" || got["text"] != nil {
		t.Errorf("got %v", got)
	}
	got = decode(t, Native, all()["template"])
	if got["title"] != "my title" || got["text"] != "my text" || got["fingerprint"] != "0011" {
		t.Errorf("got %v", got)
	}
	if got := decode(t, Native, all()["open"]); got["kind"] != "event" || got["port"] != 21.0 {
		t.Errorf("got %v", got)
	}
}

func TestNetstatIsEightStrings(t *testing.T) {
	want := map[string]string{
		"protocol": "tcp6", "recv": "0", "send": "0", "local_address": ":::21", "foreign_address": ":::*",
		"state": "LISTEN", "process": "812", "name": "vsftpd",
	}
	if got := NetstatFields(vsftpd()); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for what, m := range all() {
		got := decode(t, Netstat, m)
		if len(got) != 8 {
			t.Errorf("%s has %d fields: %v", what, len(got), got)
		}
		for name, v := range got {
			if _, isString := v.(string); !isString {
				t.Errorf("%s: %s is %T, want a string", what, name, v)
			}
		}
	}
}

// schema is what the published schema asks of a class or an object.
type schema struct {
	Required   []string             `json:"required"`
	AtLeastOne []string             `json:"at_least_one"`
	Enum       map[string][]float64 `json:"enum"`
	Objects    map[string]string    `json:"objects"`
}

func (s schema) check(t *testing.T, where string, o map[string]any, objects map[string]schema) {
	t.Helper()
	for _, name := range s.Required {
		if v, ok := o[name]; !ok || v == "" {
			t.Errorf("%s has no %s", where, name)
		}
	}
	has := func(name string) bool { _, ok := o[name]; return ok }
	if len(s.AtLeastOne) > 0 && !slices.ContainsFunc(s.AtLeastOne, has) {
		t.Errorf("%s has none of %v", where, s.AtLeastOne)
	}
	for name, values := range s.Enum {
		if v, ok := o[name]; ok && !slices.Contains(values, v.(float64)) {
			t.Errorf("%s.%s is %v, want one of %v", where, name, v, values)
		}
	}
	for name, v := range o {
		kind := s.Objects[name]
		switch v := v.(type) {
		case map[string]any:
			if kind == "" && name != "parent_process" {
				t.Errorf("%s.%s is an object that is not checked", where, name)
			}
			objects[kind].check(t, where+"."+name, v, objects)
		case []any:
			for _, one := range v {
				objects[kind].check(t, where+"."+name, one.(map[string]any), objects)
			}
		}
	}
}

func TestOCSFHasWhatTheSchemaRequires(t *testing.T) {
	b, err := os.ReadFile("testdata/ocsf.json")
	if err != nil {
		t.Fatal(err)
	}
	var published struct{ Classes, Objects map[string]schema }
	if err := json.Unmarshal(b, &published); err != nil {
		t.Fatal(err)
	}
	for what, m := range all() {
		got := decode(t, OCSF, m)
		class := fmt.Sprint(got["class_uid"])
		s, ok := published.Classes[class]
		if !ok {
			t.Fatalf("%s is of class %s", what, class)
		}
		s.check(t, what, got, published.Objects)
		if got["type_uid"] != got["class_uid"].(float64)*100+got["activity_id"].(float64) {
			t.Errorf("%s: type_uid %v of class %s and activity %v", what, got["type_uid"], class, got["activity_id"])
		}
	}
	for what, want := range map[string][2]float64{
		"open": {4001, 7}, "close": {4001, 2}, "firing": {2004, 1}, "resolved": {2004, 3},
	} {
		got := decode(t, OCSF, all()[what])
		if got["class_uid"] != want[0] || got["activity_id"] != want[1] {
			t.Errorf("%s is class %v, activity %v, want %v", what, got["class_uid"], got["activity_id"], want)
		}
	}
	got := decode(t, OCSF, all()["firing"])
	if got["severity_id"] != 4.0 || got["time"] != float64(noon.UnixMilli()) {
		t.Errorf("severity %v, time %v", got["severity_id"], got["time"])
	}
}

// TestECSFieldsAreOfTheSchema has every field that is not under "portwatch"
// be one that the Elastic Common Schema defines.
func TestECSFieldsAreOfTheSchema(t *testing.T) {
	known := strings.Fields(`@timestamp message ecs.version
		event.kind event.category event.type event.action event.module event.dataset event.provider event.severity
		event.outcome event.reason event.start event.end event.duration
		rule.id rule.name rule.description rule.reference
		host.name host.hostname server.ip server.address server.port network.transport network.direction network.type
		process.pid process.name process.executable process.command_line process.parent.pid
		user.id user.name service.name file.path file.name
		container.id container.name container.runtime container.image.name
		orchestrator.type orchestrator.resource.type orchestrator.resource.id`)
	var walk func(t *testing.T, prefix string, v any)
	walk = func(t *testing.T, prefix string, v any) {
		if o, ok := v.(map[string]any); ok {
			for name, v := range o {
				walk(t, prefix+"."+name, v)
			}
			return
		}
		if name := prefix[1:]; !slices.Contains(known, name) && !strings.HasPrefix(name, "portwatch.") {
			t.Errorf("%s is no field of ECS", name)
		}
	}
	for what, m := range all() {
		got := decode(t, ECS, m)
		walk(t, "", got)
		ev := got["event"].(map[string]any)
		wantKind := "event"
		if m.Alert != nil {
			wantKind = "alert"
		}
		if ev["kind"] != wantKind || got["@timestamp"] == "" {
			t.Errorf("%s: kind %v, time %v", what, ev["kind"], got["@timestamp"])
		}
	}
	got := decode(t, ECS, all()["open"])
	if s := got["server"].(map[string]any); s["port"] != 21.0 || s["ip"] != "::" {
		t.Errorf("server %v", s)
	}
}

func TestSlackDoesNotWakeTheChannel(t *testing.T) {
	b, err := Slack(all()["hostile"])
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Text        string
		Attachments []struct{ Color, Text string }
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got.Text+got.Attachments[0].Text, "<!") {
		t.Errorf("got %+v", got)
	}
	if got.Attachments[0].Color != "#e01e5a" {
		t.Errorf("colour %s for a firing HIGH alert", got.Attachments[0].Color)
	}
	long := alarm()
	long.Description = strings.Repeat("ü", 10_000)
	b, _ = Slack(&Message{Alert: long, Text: strings.Repeat("x", 10_000)})
	if len(b) > 8000 {
		t.Errorf("%d bytes", len(b))
	}
}

func TestTextSaysWhatIsToBeKnown(t *testing.T) {
	m := all()["resolved"]
	want := `severity: HIGH
why: no clause allows tcp/21
socket: tcp *:21
process: vsftpd[812]
executable: /usr/sbin/vsftpd
command: /usr/sbin/vsftpd /etc/vsftpd.conf
user: root (0)
unit: vsftpd.service
container: ftp ftp:1 abc
first seen: 2026-11-23T12:00:00.123456Z
resolved: 2026-11-23T12:01:30.123456Z after 1m30s
runbook: look at it
host: web1`
	if got := Text(m); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := Title(m), "Resolved: Unexpected Port Opened: 21"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	if got, want := Title(all()["open"]), "open tcp *:21 by vsftpd[812]"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	if got := Text(all()["hostile"]); strings.ContainsAny(got, "\x1b\x00\r") {
		t.Errorf("got %q", got)
	}
}
