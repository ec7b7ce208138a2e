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

	// The same again by executable, once the group is large: clauses that
	// ask for plain paths, by path, and the rest.
	byExe map[string][]*clause
	rest  []*clause
}

// plainGroup is how many clauses are asked one by one sooner than a map is.
const plainGroup = 8

func newIndex(clauses []*clause) index {
	var x index
	var cuts []int
	var free []*clause
	for _, c := range clauses {
		if len(c.Ports) == 0 {
			free = append(free, c)
		}
		for _, r := range c.Ports {
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
		for _, r := range c.Ports {
			i, _ := slices.BinarySearch(cuts, int(r.First))
			for ; i < len(cuts) && cuts[i] <= int(r.Last); i++ {
				if m := members[i]; len(m) == 0 || m[len(m)-1] != c {
					members[i] = append(m, c)
				}
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
	g.byExe = make(map[string][]*clause)
	for _, c := range all {
		plain := len(c.exes) > 0
		for i := range c.exes {
			plain = plain && c.exes[i].segments == nil
		}
		if !plain {
			g.rest = append(g.rest, c)
			continue
		}
		for i := range c.exes {
			g.byExe[c.exes[i].literal] = append(g.byExe[c.exes[i].literal], c)
		}
	}
	return g
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
	if g.byExe == nil || v.exe == notKnown {
		return first(g.all, v, now)
	}
	yes, open = first(g.rest, v, now)
	if v.exe == isKnown {
		y, o := first(g.byExe[v.proc.Exe], v, now)
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
