package config

import (
	"go.yaml.in/yaml/v3"
)

// receivers returns the entries of notify. Only name and type are checked
// here; what else they hold may be secret and is repeated in no message.
func (p *parser) receivers(n *yaml.Node) []Receiver {
	var all []Receiver
	lines := make(map[string]int)
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		p.add(n, "notify is a list such as [{name: ops, type: webhook, url_file: /etc/portwatch/url}]")
		return nil
	}
	for _, item := range p.sequence(n, "notify", "[{name: ops, type: webhook, url_file: /etc/portwatch/url}]") {
		if item.Kind != yaml.MappingNode {
			p.add(item, "a receiver is a mapping such as {name: ops, type: webhook, url_file: /etc/portwatch/url}")
			continue
		}
		r := Receiver{Options: *item, File: p.file, Line: item.Line}
		for _, kv := range p.pairs(item, "a receiver", "", nil) {
			switch kv.key {
			case "name":
				r.Name, _ = p.scalar(kv.value, "the name of a receiver")
			case "type":
				r.Type, _ = p.scalar(kv.value, "the type of a receiver")
			}
		}
		if r.Type == "" {
			p.add(item, "a receiver needs a type, such as type: webhook")
			continue
		}
		if r.Name == "" {
			r.Name = r.Type
		}
		if first, twice := lines[r.Name]; twice {
			p.add(item, "a receiver named %s stands in line %d already; give this one another name", text(r.Name), first)
			continue
		}
		lines[r.Name] = item.Line
		all = append(all, r)
	}
	return all
}
