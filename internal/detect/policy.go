package detect

import (
	"cmp"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"portwatch/internal/event"
)

// A Policy judges open sockets. It may be used by several goroutines at
// once.
type Policy struct {
	clauses    []*clause
	index      index
	severities [event.Wildcard + 1]event.Severity
	ranked     []severityRule

	alertUDPClients bool
	dedupPeriod     time.Duration
	self            uint32

	used []atomic.Uint64 // verdicts that each clause gave
}

// DefaultDedupPeriod is how long matches are counted into one alert unless
// the configuration says otherwise.
const DefaultDedupPeriod = time.Hour

// Compile makes a policy of settings. The error joins one for each clause
// that can't be compiled.
func Compile(s Settings) (*Policy, error) {
	p := &Policy{
		alertUDPClients: s.AlertUDPClients,
		dedupPeriod:     cmp.Or(s.DedupPeriod, DefaultDedupPeriod),
		self:            s.Self,
		used:            make([]atomic.Uint64, len(s.Allow)),
	}
	var errs []error
	for i := range s.Allow {
		c, err := compileClause(&s.Allow[i], i)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.clauses = append(p.clauses, c)
	}
	for i := range p.severities {
		p.severities[i] = cmp.Or(s.Severities.Default, event.High)
	}
	p.severities[event.Loopback] = event.Low
	for scope, severity := range s.Severities.Scope {
		if int(scope) >= len(p.severities) {
			errs = append(errs, fmt.Errorf("severity of scope %d: there is no such scope", scope))
			continue
		}
		p.severities[scope] = severity
	}
	for i := range s.Severities.Rules {
		r := &s.Severities.Rules[i]
		c, err := compileClause(&r.Clause, i)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.ranked = append(p.ranked, severityRule{c, r.Severity})
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	p.index = newIndex(p.clauses)
	return p, nil
}

// Judge sets verdict, rule, severity and explanation of an event of type
// Open; it leaves others alone. The time decides which clauses have expired.
func (p *Policy) Judge(e *event.Event, now time.Time) {
	if e.Type != event.Open {
		return
	}
	if c := p.judge(e, now); c != nil {
		p.used[c.n].Add(1)
	}
}

// judge returns the clause that allows the event, if one does.
func (p *Policy) judge(e *event.Event, now time.Time) *clause {
	if rule, why := p.kind(e); rule != "" {
		e.Verdict, e.Rule, e.Severity, e.Explain = event.Allowed, rule, event.Info, why
		return nil
	}
	var v view
	v.look(e)
	group := p.index.at(e.Socket.Port)
	allowed, open := group.find(&v, now)
	if len(p.index.anyPort.all) > 0 {
		a, o := p.index.anyPort.find(&v, now)
		allowed, open = earlier(allowed, a), earlier(open, o)
	}
	if allowed != nil {
		e.Verdict, e.Rule, e.Severity, e.Explain = event.Allowed, allowed.where, event.Info, allowed.allows
		return allowed
	}
	severity, why := p.severity(&v, now)
	e.Rule, e.Severity = RuleAllowList, severity
	if open != nil {
		e.Verdict, e.Explain = event.Unknown, open.leavesOpen(&v, now, why)
		return nil
	}
	e.Verdict, e.Explain = event.Unexpected, p.refuses(group, &v, now, why)
	return nil
}

// kind returns the rule that allows a socket for what it is, without any
// clause; "" if none does.
func (p *Policy) kind(e *event.Event) (rule, why string) {
	s := &e.Socket
	switch {
	case s.Protocol == event.UDP && s.Role == event.Client && !p.alertUDPClients:
		return RuleUDPClients, "a UDP client: the kernel chose its port, or it is connected to one peer"
	case p.self != 0 && e.Process != nil && e.Process.PID == p.self && e.Owner == event.OwnerKnown:
		return RuleSelf, "portwatch itself opened it"
	}
	return "", ""
}

// Used returns how many verdicts each clause gave since the policy was
// compiled, in the order of the file.
func (p *Policy) Used() []uint64 {
	n := make([]uint64, len(p.used))
	for i := range p.used {
		n[i] = p.used[i].Load()
	}
	return n
}
