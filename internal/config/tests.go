package config

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"portwatch/internal/detect"
	"portwatch/internal/event"
)

var testKeys = []string{"name", "event", "verdict", "severity", "rule"}

const testExample = "{name: sshd may listen, event: {port: 22, exe: /usr/sbin/sshd}, verdict: allowed}"

// tests returns the tests of the policy.
func (p *parser) tests(n *yaml.Node) []detect.Test {
	var all []detect.Test
	lines := make(map[string]int)
	for _, item := range p.sequence(n, "tests", "["+testExample+"]") {
		before := len(p.errs)
		t := detect.Test{File: p.file, Line: item.Line}
		for _, kv := range p.pairs(item, "a test", testExample, testKeys) {
			switch kv.key {
			case "name":
				t.Name, _ = p.scalar(kv.value, "the name of a test")
			case "event":
				t.Event = p.event(kv.value)
			case "verdict":
				if s, ok := p.word(kv.value, "verdict", "allowed", "unexpected", "unknown"); ok {
					_ = t.Verdict.UnmarshalText([]byte(s)) // one of its own words
				}
			case "severity":
				t.Severity, _ = p.severity(kv.value, "severity")
			case "rule":
				t.Rule, _ = p.scalar(kv.value, "rule")
			}
		}
		if len(p.errs) > before {
			continue
		}
		first, twice := lines[t.Name]
		switch {
		case t.Name == "":
			p.add(item, "a test needs a name, as in %s", testExample)
		case twice:
			p.add(item, "a test named %s stands in line %d already", text(t.Name), first)
		case t.Event == nil:
			p.add(item, "the test %s has no event, as in %s", text(t.Name), testExample)
		case t.Verdict == 0:
			p.add(item, "the test %s states no verdict: allowed, unexpected or unknown", text(t.Name))
		default:
			lines[t.Name] = item.Line
			all = append(all, t)
		}
	}
	return all
}

// eventKeys are the fields of an event line, as run --output json prints
// them: such a line can stand in a test as it is.
var eventKeys = []string{
	"port", "protocol", "address", "exe", "user", "uid", "unit", "scope", "role",
	"container_id", "container_name", "container_image", "container_runtime", "container_rootless",
	"pod_uid", "pod_name", "pod_namespace", "ancestry",
	"host_netns", "netns", "exe_deleted", "exe_world_writable", "exe_foreign", "owner", "time",
	"kind", "type", "origin", "family", "requested_port", "dual_stack", "reuseport", "mptcp",
	"device", "cookie", "backlog", "pid", "ppid", "comm", "cmdline", "gid", "cgroup", "pid_start",
	"verdict", "rule", "severity", "explain", "count", "opened_at", "duration_seconds", "latency_seconds",
	"host", "boot_id", "local_address", "foreign_address", "name", "process", "recv", "send", "state",
}

const eventExample = "{port: 22, exe: /usr/sbin/sshd, user: root}"

// event returns the event that a test describes. What it leaves out of the
// opener is not known; an empty text says that there is none.
func (p *parser) event(n *yaml.Node) *event.Event {
	before := len(p.errs)
	fields := map[string]any{"kind": "event", "type": "open", "protocol": "tcp", "host_netns": true}
	var none []string
	userLine := 0
	for _, kv := range p.pairs(n, "the event of a test", eventExample, eventKeys) {
		value, err := eventValue(kv)
		if err != nil {
			p.add(kv.value, "%s %v", kv.key, err)
			continue
		}
		if value == "" {
			none = append(none, kv.key)
		}
		// Alone first, so that a mistake is known by its line.
		alone := map[string]any{"kind": "event", kv.key: value}
		if err := decodeEvent(alone, new(event.Event)); err != nil {
			p.add(kv.value, "%s: %v", kv.key, err)
			continue
		}
		fields[kv.key] = value
		if kv.key == "user" {
			userLine = kv.value.Line
		}
	}
	if len(p.errs) > before {
		return nil
	}
	has := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(k string) bool { _, ok := fields[k]; return ok })
	}
	if !has("port") {
		p.add(n, "the event of a test needs a port, as in %s", eventExample)
		return nil
	}
	if !has("address") {
		fields["address"] = "0.0.0.0"
	}
	who := has("pid", "comm", "exe", "cmdline", "uid", "user", "cgroup", "unit", "container_id", "container_name", "container_image")
	if !has("owner") && has("user", "uid") {
		fields["owner"] = "known"
	}
	if who && !has("uid") {
		fields["uid"] = 0
		if name, _ := fields["user"].(string); name != "" {
			fields["uid"] = detect.NoUID
			p.users[name] = append(p.users[name], userLine)
		}
	}
	e := new(event.Event)
	if err := decodeEvent(fields, e); err != nil {
		p.add(n, "%v", err)
		return nil
	}
	detect.Complete(e)
	if proc := e.Process; proc != nil && proc.Cgroup == "" && (slices.Contains(none, "unit") || slices.Contains(none, "container_id")) {
		proc.Cgroup = "/" // known, and neither a unit's nor a container's
	}
	return e
}

func decodeEvent(fields map[string]any, to *event.Event) error {
	b, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, to); err != nil {
		var mismatch *json.UnmarshalTypeError
		if errors.As(err, &mismatch) {
			return errors.New("is a " + mismatch.Value + ", which does not fit; it is a " + kindWord(mismatch.Type.Kind().String()))
		}
		return err
	}
	return nil
}

// kindWord names a kind of Go values for people.
func kindWord(kind string) string {
	switch {
	case strings.HasPrefix(kind, "uint"), strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "float"):
		return "number in its range"
	case kind == "bool":
		return "true or false"
	}
	return "text"
}

// eventValue returns a value as JSON has it.
func eventValue(kv pair) (any, error) {
	if kv.key == "ancestry" {
		var list []any
		if err := kv.value.Decode(&list); err != nil {
			return nil, errors.New("is a list of {pid, comm, exe}")
		}
		return list, nil
	}
	if kv.value.Kind != yaml.ScalarNode {
		return nil, errors.New("is one value, not " + kindOf(kv.value))
	}
	s := kv.value.Value
	switch kv.key {
	case "time", "opened_at":
		if t, err := time.ParseInLocation(time.DateOnly, s, time.Local); err == nil {
			return t.Format(time.RFC3339), nil
		}
		return s, nil
	}
	var v any
	if err := kv.value.Decode(&v); err != nil {
		return nil, errors.New(text(s) + " is not a value of its kind")
	}
	switch v.(type) {
	case nil:
		return nil, errors.New("has no value")
	case int, int64, uint64, float64, bool, string:
		return v, nil
	}
	return s, nil
}
