package detect

import (
	"strings"
	"time"
)

// leavesOpen explains a verdict of unknown.
func (c *clause) leavesOpen(v *view, now time.Time, why string) string {
	var b strings.Builder
	b.WriteString(c.where + " would allow " + portOf(&v.e.Socket) + " for")
	sep := " "
	for _, f := range c.asked {
		if c.ask(f, v, now) == NotKnown {
			b.WriteString(sep + f.String() + " " + c.wants(f))
			sep = " and "
		}
	}
	b.WriteString(", but")
	sep = " "
	for _, f := range c.asked {
		if c.ask(f, v, now) == NotKnown {
			b.WriteString(sep + "its " + f.String() + " is not known")
			sep = " and "
		}
	}
	return withWhy(b.String(), why)
}

// askedForText bounds how many clauses of one port are compared to find the
// nearest: a verdict must stay cheap however many there are.
const askedForText = 16

// refuses explains a verdict of unexpected: by the nearest clause of the
// port, if there is one.
func (p *Policy) refuses(g *group, v *view, now time.Time, why string) string {
	var nearest *clause
	var best nearness
	for _, c := range g.all[:min(len(g.all), askedForText)] {
		if n := c.nearness(v, now); nearest == nil || best.less(n) {
			nearest, best = c, n
		}
	}
	if nearest == nil {
		return withWhy("no clause allows "+portOf(&v.e.Socket), why)
	}
	return withWhy(nearest.differs(v, now), why)
}

// differs explains why the clause does not allow a socket on its port. It
// names what was allowed and what came instead.
func (c *clause) differs(v *view, now time.Time) string {
	var want, got strings.Builder
	expired, exeNamed := false, false
	sep := " "
	for _, f := range c.asked {
		if c.ask(f, v, now) != No {
			continue
		}
		if f == untilField {
			expired = true
			continue
		}
		want.WriteString(sep + f.String() + " " + c.wants(f))
		got.WriteString(sep + f.String() + " is " + v.has(f, now))
		exeNamed = exeNamed || f == exeField
		sep = " and "
	}
	s := c.where + " allows " + portOf(&v.e.Socket)
	if want.Len() > 0 {
		s += " for" + want.String()
	}
	if expired {
		s = c.where + " allowed " + portOf(&v.e.Socket) + " until " + showUntil(c.Until)
		if want.Len() > 0 {
			s += " and for" + want.String()
		}
	}
	if got.Len() > 0 {
		s += ", but" + got.String()
		if !exeNamed && v.proc.Exe != "" {
			s += " (exe " + show(v.proc.Exe) + ")"
		}
	}
	return s
}

func withWhy(s, why string) string {
	if why == "" {
		return s
	}
	return s + "; " + why
}
