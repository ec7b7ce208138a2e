package notify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"portwatch/internal/event"
)

// Decode reads one entry of notify and checks all that can be checked without
// asking the machine. file is the configuration's path: messages name it, and
// relative paths are meant from its folder. No message repeats a value that
// may be secret.
func Decode(file string, node *yaml.Node) (Spec, error) {
	d := &decoder{file: file, line: node.Line, fields: make(map[string]*yaml.Node), used: make(map[string]bool)}
	if node = resolve(node); node.Kind != yaml.MappingNode {
		d.fail(node, "a receiver is a mapping such as {name: ops, type: webhook, url_file: /etc/portwatch/url}")
		return Spec{}, d.err()
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		d.fields[node.Content[i].Value] = resolve(node.Content[i+1])
	}
	source, err := yaml.Marshal(node)
	if err != nil {
		d.fail(node, "%v", err)
	}
	s := Spec{File: file, Line: node.Line, source: string(source)}
	d.text("type", &s.Type)
	if d.text("name", &s.Name); s.Name == "" {
		s.Name = s.Type
	}
	d.severity("min_severity", &s.MinSeverity)
	d.globs("rules", &s.Rules)
	d.boolean("events", &s.Events)
	d.duration("timeout", &s.Timeout)
	if q := d.mapping("queue"); q != nil {
		q.count("items", &s.QueueItems)
		q.bytes("bytes", &s.QueueBytes)
		d.take(q, "queue")
	}
	if r := d.mapping("retry"); r != nil {
		r.duration("first", &s.FirstRetry)
		r.duration("last", &s.LastRetry)
		d.take(r, "retry")
	}
	d.template("title", &s.words.title)
	d.template("text", &s.words.text)
	if kind, ok := kinds()[s.Type]; ok {
		s.open = kind(d)
		d.unknown("a receiver of type " + s.Type)
	} else {
		d.fail(d.fields["type"], "type %q is not one of %s", s.Type, strings.Join(Types(), ", "))
	}
	return s.withDefaults(), d.err()
}

// Types returns the types of receivers.
func Types() []string { return slices.Sorted(maps.Keys(kinds())) }

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// decoder reads the fields of one mapping and collects its mistakes.
type decoder struct {
	file   string
	line   int
	fields map[string]*yaml.Node
	used   map[string]bool
	errs   []error
}

// fail adds a mistake at n, or at the entry as a whole if n is nil.
func (d *decoder) fail(n *yaml.Node, text string, args ...any) {
	line := d.line
	if n != nil {
		line = n.Line
	}
	d.errs = append(d.errs, fmt.Errorf("%s:%d: %s", d.file, line, fmt.Sprintf(text, args...)))
}

func (d *decoder) err() error { return errors.Join(d.errs...) }

// has reports whether there is a field of that name and a value in it.
func (d *decoder) has(name string) (*yaml.Node, bool) {
	d.used[name] = true
	n, ok := d.fields[name]
	return n, ok && n.Tag != "!!null"
}

// unknown complains about the fields that nobody asked for.
func (d *decoder) unknown(what string) {
	for _, name := range slices.Sorted(maps.Keys(d.fields)) {
		if !d.used[name] {
			d.fail(d.fields[name], "%s has no %q; it has %s", what, event.Printable(name, 40), strings.Join(slices.Sorted(maps.Keys(d.used)), ", "))
		}
	}
}

// mapping returns a decoder of the mapping under name; nil if there is none.
func (d *decoder) mapping(name string) *decoder {
	n, ok := d.has(name)
	if !ok {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, "%s is a mapping", name)
		return nil
	}
	m := &decoder{file: d.file, line: n.Line, fields: make(map[string]*yaml.Node), used: make(map[string]bool)}
	for i := 0; i+1 < len(n.Content); i += 2 {
		m.fields[n.Content[i].Value] = resolve(n.Content[i+1])
	}
	return m
}

// take ends the decoding of a mapping.
func (d *decoder) take(m *decoder, what string) {
	m.unknown(what)
	d.errs = append(d.errs, m.errs...)
}
