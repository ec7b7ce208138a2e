package config

import (
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

var topKeys = []string{
	"allow", "severity", "udp_clients", "rules", "notify", "metrics", "state",
	"first_start_digest", "resolve_after", "dedup_period", "self_check", "tests",
}

// off is how a configuration turns a thing off.
const off = "off"

// parse makes a configuration of the text and notes the mistakes in it.
func (p *parser) parse(src []byte) *Config {
	c := defaults(p.file)
	c.SHA256 = hash(src)
	c.Policy.Allow = BuiltIn().Policy.Allow // until the file says what to allow
	top := p.document(src)
	if top == nil || isNull(top) {
		return c
	}
	for _, kv := range p.pairs(top, "the configuration", "allow: [{port: 22}]", topKeys) {
		v := kv.value
		switch kv.key {
		case "allow":
			c.Policy.Allow = nil
			if isNull(v) {
				p.add(kv.at, "allow is empty; write allow: [] to allow nothing, or leave it out for the built-in list")
			}
			for _, n := range p.sequence(v, "allow", "[{port: 22}]") {
				if clause, ok := p.clause(n); ok {
					c.Policy.Allow = append(c.Policy.Allow, clause)
				}
			}
		case "severity":
			p.severities(v, c)
		case "udp_clients":
			if s, ok := p.word(v, "udp_clients", "ignore", "alert"); ok {
				c.Policy.AlertUDPClients = s == "alert"
			}
		case "rules":
			c.Rules = p.paths(v)
		case "notify":
			c.Notify = p.receivers(v)
		case "metrics":
			p.metrics(v, c)
		case "state":
			p.state(v, c)
		case "first_start_digest":
			if b, ok := p.boolean(v, kv.key); ok {
				c.FirstStartDigest = b
			}
		case "resolve_after":
			p.duration(v, kv.key, 0, &c.ResolveAfter)
		case "dedup_period":
			p.duration(v, kv.key, time.Second, &c.Policy.DedupPeriod)
		case "self_check":
			if v.Kind == yaml.ScalarNode && v.Value == off {
				c.SelfCheck = 0
				continue
			}
			p.duration(v, kv.key, time.Second, &c.SelfCheck)
		case "tests":
			c.Tests = p.tests(v)
		}
	}
	return c
}

// word returns a scalar that is one of the words.
func (p *parser) word(n *yaml.Node, what string, words ...string) (string, bool) {
	s, ok := p.scalar(n, what)
	if !ok {
		return "", false
	}
	if !slices.Contains(words, s) {
		p.add(n, "%s %s is not %s", what, text(s), enumerate(words, "or"))
		return "", false
	}
	return s, true
}

func (p *parser) duration(n *yaml.Node, what string, least time.Duration, to *time.Duration) {
	s, ok := p.scalar(n, what)
	if !ok {
		return
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		if _, err := strconv.Atoi(s); err == nil {
			p.add(n, "%s %s has no unit; write %ss or %sm", what, s, s, s)
			return
		}
		p.add(n, "%s %s is not a duration such as 5s, 10m or 1h", what, text(s))
	case d < least:
		p.add(n, "%s %s is less than %s", what, s, least)
	default:
		*to = d
	}
}

// paths returns the paths of rules, made absolute from the folder of the
// configuration.
func (p *parser) paths(n *yaml.Node) []Path {
	if isNull(n) {
		return nil
	}
	var paths []Path
	for _, item := range p.list(n) {
		s, ok := p.scalar(item, "a path of rules")
		switch {
		case !ok:
			continue
		case s == "":
			p.add(item, "a path of rules is empty")
			continue
		case !filepath.IsAbs(s):
			s = filepath.Join(filepath.Dir(p.file), s)
		}
		paths = append(paths, Path{Path: filepath.Clean(s), File: p.file, Line: item.Line})
	}
	return paths
}

func (p *parser) metrics(n *yaml.Node, c *Config) {
	switch {
	case isNull(n):
		return
	case n.Kind == yaml.ScalarNode:
		p.listen(n, "metrics", c)
		return
	}
	for _, kv := range p.pairs(n, "metrics", `{listen: "127.0.0.1:9765"}`, []string{"listen"}) {
		p.listen(kv.value, "metrics.listen", c)
	}
}

func (p *parser) listen(n *yaml.Node, what string, c *Config) {
	s, ok := p.scalar(n, what)
	if !ok {
		return
	}
	if s == off {
		c.Listen = ""
		return
	}
	if err := CheckListen(s); err != "" {
		p.add(n, "%s %s %s", what, text(s), err)
		return
	}
	c.Listen = s
}

// CheckListen returns what is wrong with an address to listen at, or "".
func CheckListen(s string) string {
	const example = `; write host:port such as 127.0.0.1:9765, or off`
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return "is not an address" + example
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "has no port between 0 and 65535" + example
	}
	return ""
}

func (p *parser) state(n *yaml.Node, c *Config) {
	s, ok := p.scalar(n, "state")
	switch {
	case !ok:
	case s == off:
		c.StateDir = off
	case !filepath.IsAbs(s):
		p.add(n, "state %s is not an absolute path such as /var/lib/portwatch, or off", text(s))
	default:
		c.StateDir = filepath.Clean(s)
	}
}
