package pyrt

import (
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func makeSet(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("set", args, kwargs, "iterable?")
	s := new(starlark.Set)
	if err != nil || a[0] == nil {
		return s, err
	}
	return s, rt.insertAll(s, a[0])
}

func (rt *Runtime) insertAll(s *starlark.Set, v starlark.Value) error {
	return rt.Each(v, func(x starlark.Value) (bool, error) { return true, rt.insert(s, x) })
}

func (rt *Runtime) insert(s *starlark.Set, x starlark.Value) error {
	if _, err := x.Hash(); err != nil {
		return unhashable(x)
	}
	if err := rt.Alloc(entryBytes); err != nil {
		return err
	}
	return s.Insert(x)
}

func setElements(s *starlark.Set) []starlark.Value {
	list := make([]starlark.Value, 0, s.Len())
	for x := range s.Elements() {
		list = append(list, x)
	}
	return list
}

// asSet returns a set, or a set of the keys or items of a dict.
func asSet(v starlark.Value) (*starlark.Set, bool) {
	switch v := v.(type) {
	case *starlark.Set:
		return v, true
	case *dictView:
		if v.kind == "values" {
			return nil, false
		}
		s := new(starlark.Set)
		for _, x := range v.elements() {
			if s.Insert(x) != nil {
				return nil, false
			}
		}
		return s, true
	}
	return nil, false
}

// sets returns both operands as sets.
func sets(x, y starlark.Value) (a, b *starlark.Set, ok bool) {
	a, ok = asSet(x)
	b, ok2 := asSet(y)
	return a, b, ok && ok2
}

func subset(a, b *starlark.Set) (bool, error) {
	for x := range a.Elements() {
		if ok, err := b.Has(x); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func orderSets(op syntax.Token, a, b *starlark.Set) (bool, error) {
	if op == syntax.GT || op == syntax.GE {
		a, b = b, a
	}
	if (op == syntax.LT || op == syntax.GT) && a.Len() >= b.Len() {
		return false, nil
	}
	return subset(a, b)
}

// combine returns the elements of a that b has, or has not, and those that
// more returns.
func combine(a, b *starlark.Set, has bool, more *starlark.Set) (starlark.Value, error) {
	out := new(starlark.Set)
	for x := range a.Elements() {
		if ok, err := b.Has(x); err != nil || ok != has {
			continue
		}
		if err := out.Insert(x); err != nil {
			return nil, err
		}
	}
	if more != nil {
		for x := range more.Elements() {
			if err := out.Insert(x); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func setAnd(a, b *starlark.Set) (starlark.Value, error)   { return combine(a, b, true, nil) }
func setMinus(a, b *starlark.Set) (starlark.Value, error) { return combine(a, b, false, nil) }
func setOr(a, b *starlark.Set) (starlark.Value, error)    { return combine(a, a, true, b) }

func setXor(a, b *starlark.Set) (starlark.Value, error) {
	rest, err := combine(b, a, false, nil)
	if err != nil {
		return nil, err
	}
	return combine(a, b, false, rest.(*starlark.Set))
}

func setMethods() map[string]method {
	return map[string]method{
		"add": setAdd, "discard": setRemove("discard", false), "remove": setRemove("remove", true),
		"pop": setPop, "clear": setClear, "copy": setCopy,
		"union": fold("union", setOr), "intersection": fold("intersection", setAnd),
		"difference": fold("difference", setMinus), "symmetric_difference": fold("symmetric_difference", setXor),
		"update":                      inPlaceFold("update", setOr),
		"intersection_update":         inPlaceFold("intersection_update", setAnd),
		"difference_update":           inPlaceFold("difference_update", setMinus),
		"symmetric_difference_update": inPlaceFold("symmetric_difference_update", setXor),
		"issubset":                    setCompare("issubset", func(a, b *starlark.Set) (bool, error) { return subset(a, b) }),
		"issuperset":                  setCompare("issuperset", func(a, b *starlark.Set) (bool, error) { return subset(b, a) }),
		"isdisjoint": func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return setIsDisjoint(rt, self.(*starlark.Set), args, kwargs)
		},
	}
}

func setIsDisjoint(rt *Runtime, s *starlark.Set, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return setCompare("isdisjoint", func(a, b *starlark.Set) (bool, error) {
		both, err := setAnd(a, b)
		return err == nil && both.(*starlark.Set).Len() == 0, err
	})(rt, s, args, kwargs)
}

func setAdd(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("add", args, kwargs, "elem")
	if err != nil {
		return nil, err
	}
	return starlark.None, rt.insert(self.(*starlark.Set), a[0])
}

func setRemove(name string, must bool) method {
	return func(_ *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		a, err := Bind(name, args, kwargs, "elem")
		if err != nil {
			return nil, err
		}
		if _, err := a[0].Hash(); err != nil {
			return nil, unhashable(a[0])
		}
		found, err := self.(*starlark.Set).Delete(a[0])
		if err == nil && !found && must {
			err = raise(KeyError, a[0])
		}
		return starlark.None, err
	}
}

func setPop(_ *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := noArgs("pop", args, kwargs); err != nil {
		return nil, err
	}
	s := self.(*starlark.Set)
	for _, x := range setElements(s) {
		_, err := s.Delete(x)
		return x, err
	}
	return nil, Raisef(KeyError, "pop from an empty set")
}

func setClear(_ *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return starlark.None, self.(*starlark.Set).Clear()
}

func setCopy(rt *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return makeSet(rt, starlark.Tuple{self}, nil)
}

type setOp func(a, b *starlark.Set) (starlark.Value, error)

// fold applies an operation to a set and all arguments, which are iterables.
func fold(name string, op setOp) method {
	return func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if len(kwargs) > 0 {
			return nil, Raisef(TypeError, "%s() takes no keyword arguments", name)
		}
		s, err := setCopy(rt, self, nil, nil)
		for _, v := range args {
			if err != nil {
				return nil, err
			}
			other, ok := asSet(v)
			if !ok {
				other = new(starlark.Set)
				if err := rt.insertAll(other, v); err != nil {
					return nil, err
				}
			}
			if err := rt.allocValues(4 * (s.(*starlark.Set).Len() + other.Len())); err != nil {
				return nil, err
			}
			s, err = op(s.(*starlark.Set), other)
		}
		return s, err
	}
}

func inPlaceFold(name string, op setOp) method {
	compute := fold(name, op)
	return func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		v, err := compute(rt, self, args, kwargs)
		if err != nil {
			return nil, err
		}
		s := self.(*starlark.Set)
		if err := s.Clear(); err != nil {
			return nil, err
		}
		return starlark.None, rt.insertAll(s, v)
	}
}

func setCompare(name string, test func(a, b *starlark.Set) (bool, error)) method {
	return func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		a, err := Bind(name, args, kwargs, "other")
		if err != nil {
			return nil, err
		}
		other, ok := asSet(a[0])
		if !ok {
			other = new(starlark.Set)
			if err := rt.insertAll(other, a[0]); err != nil {
				return nil, err
			}
		}
		if err := rt.Charge(self.(*starlark.Set).Len() + other.Len()); err != nil {
			return nil, err
		}
		yes, err := test(self.(*starlark.Set), other)
		return starlark.Bool(yes), err
	}
}
