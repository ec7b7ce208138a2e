package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"portwatch/internal/detect"
	"portwatch/internal/event"
)

var clauseKeys = []string{
	"port", "ports", "protocol", "address", "scope", "exe", "user", "unit",
	"container", "netns", "until", "reason",
}

const clauseExample = "{port: 22, exe: /usr/sbin/sshd}"

// clause returns one entry of allow; false if it has a mistake.
func (p *parser) clause(n *yaml.Node) (detect.Clause, bool) {
	before := len(p.errs)
	c := detect.Clause{File: p.file, Line: n.Line}
	p.clauseFields(&c, p.pairs(n, "a clause", clauseExample, clauseKeys))
	if len(p.errs) == before && empty(&c) {
		p.add(n, "the clause asks for nothing and would allow every port; name one, as in %s", clauseExample)
	}
	return c, len(p.errs) == before
}

// empty reports whether a clause asks for nothing.
func empty(c *detect.Clause) bool {
	return len(c.Ports)+len(c.Protocols)+len(c.Addresses)+len(c.Scopes)+len(c.Exes)+len(c.Users)+len(c.Units)+
		len(c.Containers) == 0 && c.InContainer == nil && !c.HostNetns
}

func (p *parser) clauseFields(c *detect.Clause, pairs []pair) {
	var port *yaml.Node
	for _, kv := range pairs {
		v := kv.value
		switch kv.key {
		case "port", "ports":
			if port != nil {
				p.add(kv.at, "the clause has both port and ports; keep one")
				continue
			}
			port = kv.at
			c.Ports = values(p, v, kv.key, parsePorts)
		case "protocol":
			c.Protocols = values(p, v, kv.key, parseProtocol)
		case "address":
			c.Addresses = values(p, v, kv.key, parseAddress)
		case "scope":
			c.Scopes = values(p, v, kv.key, parseScope)
		case "exe":
			c.Exes = values(p, v, kv.key, parseExe)
		case "user":
			c.Users = values(p, v, kv.key, parseUser)
			for _, item := range p.list(v) {
				if u, err := parseUser(item.Value); err == nil && !u.Known {
					p.users[u.Name] = append(p.users[u.Name], item.Line)
				}
			}
		case "unit":
			c.Units = values(p, v, kv.key, parseGlob)
		case "container":
			p.container(v, c)
		case "netns":
			if _, ok := p.word(v, "netns", "host"); ok {
				c.HostNetns = true
			}
		case "until":
			if s, ok := p.scalar(v, "until"); ok {
				t, err := parseUntil(s)
				if err != nil {
					p.add(v, "until %s %v", text(s), err)
				}
				c.Until = t
			}
		case "reason":
			c.Reason, _ = p.scalar(v, "reason")
		}
	}
}

// values parses a value or a list of them. An empty list is a mistake: it
// would ask for nothing where something was meant to be asked.
func values[T any](p *parser, n *yaml.Node, what string, parse func(string) (T, error)) []T {
	items := p.list(n)
	if len(items) == 0 && p.nodes <= maxNodes {
		p.add(n, "%s is an empty list; name a value or leave %s out", what, what)
	}
	var all []T
	for _, item := range items {
		s, ok := p.scalar(item, what)
		if !ok {
			continue
		}
		v, err := parse(s)
		if err != nil {
			p.add(item, "%s %s %v", what, text(s), err)
			continue
		}
		all = append(all, v)
	}
	return all
}

func (p *parser) container(n *yaml.Node, c *detect.Clause) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" {
		if in, ok := p.boolean(n, "container"); ok {
			c.InContainer = &in
		}
		return
	}
	c.Containers = values(p, n, "container", parseGlob)
}

func parsePorts(s string) (detect.PortRange, error) {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	a, okA := parsePort(first)
	b, okB := parsePort(last)
	switch {
	case !okA || !okB:
		if strings.Contains(s, ",") {
			return detect.PortRange{}, fmt.Errorf("is not a port; write a list: [%s]", strings.Join(strings.FieldsFunc(s, commaOrBlank), ", "))
		}
		return detect.PortRange{}, fmt.Errorf("is not a port from 1 to 65535 or a range such as 8000-8100")
	case b < a:
		return detect.PortRange{}, fmt.Errorf("runs backwards; write %d-%d", b, a)
	}
	return detect.PortRange{First: a, Last: b}, nil
}

func commaOrBlank(r rune) bool { return r == ',' || r == ' ' }

// parsePort takes decimal digits only: 022 is 18 to some YAML readers and 22
// to others.
func parsePort(s string) (uint16, bool) {
	s = strings.TrimSpace(s)
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && n != 0 && s[0] != '0'
}

func parseProtocol(s string) (event.Protocol, error) {
	var v event.Protocol
	if err := v.UnmarshalText([]byte(strings.ToLower(s))); err != nil || v == 0 {
		return 0, fmt.Errorf("is not tcp or udp")
	}
	return v, nil
}

func parseScope(s string) (event.Scope, error) {
	var v event.Scope
	if err := v.UnmarshalText([]byte(s)); err != nil || v == 0 {
		return 0, fmt.Errorf("is not %s", enumerate(severityKeys[1:6], "or"))
	}
	return v, nil
}

func parseAddress(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		if addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("names an interface; write %s", addr.WithZone(""))
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("is not an address such as 10.0.0.1 or a network such as 10.0.0.0/8")
	}
	if prefix.Masked() != prefix {
		return netip.Prefix{}, fmt.Errorf("has bits behind its /%d; write %s", prefix.Bits(), prefix.Masked())
	}
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix, nil
}

func parseExe(s string) (string, error) {
	if !strings.HasPrefix(s, "/") {
		return "", fmt.Errorf("is not an absolute path such as /usr/sbin/sshd")
	}
	return parseGlob(s)
}

func parseGlob(s string) (string, error) { return s, detect.CheckGlob(s) }

func parseUser(s string) (detect.User, error) {
	if s == "" {
		return detect.User{}, fmt.Errorf("is not the name of a user or a uid")
	}
	if uid, err := strconv.ParseUint(s, 10, 32); err == nil {
		return detect.User{Name: s, UID: uint32(uid), Known: true}, nil
	}
	// root is 0 on every Linux, also in a container without /etc/passwd.
	return detect.User{Name: s, Known: s == "root"}, nil
}

// parseUntil returns the moment from which a clause allows nothing any more:
// the end of the day that it names, on this machine's clock, or the very
// moment.
func parseUntil(s string) (time.Time, error) {
	if t, err := time.ParseInLocation(time.DateOnly, s, time.Local); err == nil {
		return t.AddDate(0, 0, 1), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("is not a date such as 2027-01-31 or a moment such as 2027-01-31T18:00:00Z")
	}
	return t, nil
}
