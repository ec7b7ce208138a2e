package detect

import (
	"cmp"
	"slices"
	"time"
)

// An index finds the clauses that may have something to say to a port
// withounow time.Time all of them.
type index struct {
	// groups[i] serves the ports from starts[i] to before starts[i+1].
	starts []uint16
	groups []group

	anyPort group // clauses that ask for no port
}

// A group is the clauses of some ports, in file order.
type group struct {
	all []*clause

	// The same again once the group is large: by executable those that ask
	// for plain paths, else by unit those that ask for plain names, and the
	// rest.
	large  bool
	byExe  map[string][]*clause
	byUnit map[string][]*clause
	rest   []*clause
}

// plainGroup is how many clauses are asked one by one sooner than a map is.
const plainGroup = 8

func newIndex(clauses []*clause) index {
	var x index
	var cuts []int
	var free []*clause
	for _, c := range clauses {
		if len(c.ports) == 0 {
			free = append(free, c)
		}
		for _, r := range c.ports {
			cuts = append(cuts, int(r.First), int(r.Last)+1)
		}
	}
	x.anyPort = newGroup(free)

	cuts = append(cuts, 0)
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	if last := len(cuts) - 1; cuts[last] > 65535 {
		cuts = cuts[:last]
	}
	members := make([][]*clause, len(cuts))
	for _, c := range clauses {
		for _, r := range c.ports {
			i, _ := slices.BinarySearch(cuts, int(r.First))
			for ; i < len(cuts) && cuts[i] <= int(r.Last); i++ {
				members[i] = append(members[i], c)
			}
		}
	}
	for i, m := range members {
		x.starts = append(x.starts, uint16(cuts[i]))
		x.groups = append(x.groups, newGroup(m))
	}
	return x
}

func newGroup(all []*clause) group {
	g := group{all: all}
	if len(all) <= plainGroup {
		return g
	}
	g.large, g.byExe, g.byUnit = true, make(map[string][]*clause), make(map[string][]*clause)
	for _, c := range all {
		switch {
		case plain(c.exes):
			for i := range c.exes {
				g.byExe[c.exes[i].text] = append(g.byExe[c.exes[i].text], c)
			}
		case plain(c.units):
			for i := range c.units {
				g.byUnit[c.units[i].text] = append(g.byUnit[c.units[i].text], c)
			}
		default:
			g.rest = append(g.rest, c)
		}
	}
	return g
}

// plain reports whether there are patterns and none has a wildcard.
func plain(globs []glob) bool {
	return len(globs) > 0 && !slices.ContainsFunc(globs, func(g glob) bool { return g.segments != nil })
}

// at returns the group of a port.
func (x *index) at(port uint16) *group {
	i, found := slices.BinarySearch(x.starts, port)
	if !found {
		i--
	}
	return &x.groups[i]
}

// find returns the first clause that allows and the first that would but
// for what is not known, each nil if there is none. What comes after the
// clause best is not asked.
func (g *group) find(v *view, now time.Time) (yes, open *clause) {
	if !g.large || v.exe == notKnown || v.unit == notKnown {
		return first(g.all, v, now)
	}
	yes, open = first(g.rest, v, now)
	for _, some := range [][]*clause{g.byExe[v.proc.Exe], g.byUnit[v.proc.Unit]} {
		y, o := first(some, v, now)
		yes, open = earlier(yes, y), earlier(open, o)
	}
	return yes, open
}

func first(clauses []*clause, v *view, now time.Time) (yes, open *clause) {
	for _, c := range clauses {
		switch c.answer(v, now) {
		case Yes:
			return c, open
		case NotKnown:
			if open == nil {
				open = c
			}
		}
	}
	return nil, open
}

// earlier returns the clause that stands first in the file.
func earlier(a, b *clause) *clause {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	if b.n < a.n {
		return b
	}
	return a
}
