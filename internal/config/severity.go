package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"portwatch/internal/detect"
	"portwatch/internal/event"
)

var severityWords = []string{"INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

func (p *parser) severity(n *yaml.Node, what string) (event.Severity, bool) {
	s, ok := p.scalar(n, what)
	if !ok {
		return 0, false
	}
	var v event.Severity
	if err := v.UnmarshalText([]byte(strings.ToUpper(s))); err != nil || v == 0 {
		p.add(n, "%s %s is not %s", what, text(s), enumerate(severityWords, "or"))
		return 0, false
	}
	return v, true
}

var severityKeys = []string{"default", "loopback", "link_local", "private", "public", "wildcard", "rules"}

func (p *parser) severities(n *yaml.Node, c *Config) {
	if isNull(n) {
		return
	}
	for _, kv := range p.pairs(n, "severity", "{default: HIGH, loopback: LOW}", severityKeys) {
		if kv.key == "rules" {
			for _, r := range p.sequence(kv.value, "severity.rules", "[{port: 21, severity: CRITICAL}]") {
				if rule, ok := p.severityRule(r); ok {
					c.Policy.Severities.Rules = append(c.Policy.Severities.Rules, rule)
				}
			}
			continue
		}
		v, ok := p.severity(kv.value, "severity of "+kv.key)
		if !ok {
			continue
		}
		if kv.key == "default" {
			c.Policy.Severities.Default = v
			continue
		}
		var scope event.Scope
		if err := scope.UnmarshalText([]byte(kv.key)); err == nil {
			c.Policy.Severities.Scope[scope] = v
		}
	}
}

// severityRule returns one entry of severity.rules: the fields of a clause
// and the severity of what matches them.
func (p *parser) severityRule(n *yaml.Node) (detect.SeverityRule, bool) {
	const what, example = "a severity rule", "{port: 21, severity: CRITICAL}"
	before := len(p.errs)
	r := detect.SeverityRule{Clause: detect.Clause{File: p.file, Line: n.Line}}
	pairs := p.pairs(n, what, example, slices.Concat(clauseKeys, []string{"severity"}))
	for _, kv := range pairs {
		if kv.key == "severity" {
			r.Severity, _ = p.severity(kv.value, "severity")
		}
	}
	p.clauseFields(&r.Clause, pairs)
	if len(p.errs) == before {
		switch {
		case r.Severity == 0:
			p.add(n, "%s needs a severity, as in %s", what, example)
		case empty(&r.Clause):
			p.add(n, "%s asks for nothing; the severity of everything is severity.default", what)
		}
	}
	return r, len(p.errs) == before
}
