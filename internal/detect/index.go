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

	// The same again once the group is large: those that ask for plain
	// paths, else for plain names of units, else for uids; and the rest.
	large  bool
	byExe  keyed[string]
	byUnit keyed[string]
	byUID  keyed[uint32]
	rest   []*clause
}

// keyed is clauses by the one thing that an opener must have for them.
type keyed[K comparable] struct {
	all []*clause
	by  map[K][]*clause
}

func (k *keyed[K]) add(c *clause, keys []K) {
	if k.by == nil {
		k.by = make(map[K][]*clause)
	}
	k.all = append(k.all, c)
	for _, key := range keys {
		k.by[key] = append(k.by[key], c)
	}
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
	g.large = true
	for _, c := range all {
		switch {
		case plain(c.exes):
			g.byExe.add(c, c.Exes)
		case plain(c.units):
			g.byUnit.add(c, c.Units)
		case len(c.Users) > 0 && !slices.ContainsFunc(c.Users, func(u User) bool { return !u.Known }):
			var uids []uint32
			for _, u := range c.Users {
				uids = append(uids, u.UID)
			}
			g.byUID.add(c, uids)
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
	if !g.large || v.proc.UID == NoUID {
		return first(g.all, v, now)
	}
	yes, open = first(g.rest, v, now)
	y, o := g.byExe.find(v.exe, v.proc.Exe, v, now)
	yes, open = earlier(yes, y), earlier(open, o)
	y, o = g.byUnit.find(v.unit, v.proc.Unit, v, now)
	yes, open = earlier(yes, y), earlier(open, o)
	y, o = g.byUID.find(v.uid, v.proc.UID, v, now)
	return earlier(yes, y), earlier(open, o)
}

// find is the find of group for clauses that ask for a key: without one they
// allow nothing, and the first that leaves it open ends the search.
func (k *keyed[K]) find(has known, key K, v *view, now time.Time) (yes, open *clause) {
	switch has {
	case isNone:
		return nil, nil
	case isKnown:
		return first(k.by[key], v, now)
	}
	for _, c := range k.all {
		if c.answer(v, now) == NotKnown {
			return nil, c
		}
	}
	return nil, nil
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
