package pyrt

import (
	"slices"

	"go.starlark.net/starlark"
)

func makeList(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("list", args, kwargs, "iterable?")
	if err != nil || a[0] == nil {
		return starlark.NewList(nil), err
	}
	list, err := rt.List(a[0])
	if err != nil {
		return nil, err
	}
	return starlark.NewList(slices.Clone(list)), rt.allocValues(len(list))
}

func makeTuple(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("tuple", args, kwargs, "iterable?")
	if err != nil || a[0] == nil {
		return starlark.Tuple{}, err
	}
	list, err := rt.List(a[0])
	return starlark.Tuple(list), err
}

func listMethods() map[string]method {
	return map[string]method{
		"append": listAppend, "extend": func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return listExtend(rt, self, args, kwargs)
		},
		"insert": listInsert, "remove": listRemove, "pop": listPop, "clear": listClear, "copy": listCopy,
		"index": sequenceIndex, "count": sequenceCount, "reverse": listReverse, "sort": listSort,
	}
}

func tupleMethods() map[string]method {
	return map[string]method{"index": sequenceIndex, "count": sequenceCount}
}

func frozenListMethods() map[string]method {
	return map[string]method{
		"index": sequenceIndex, "count": sequenceCount, "copy": thawMethod, "as_list": thawMethod,
	}
}

func listAppend(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("append", args, kwargs, "object")
	if err != nil {
		return nil, err
	}
	if err := rt.allocValues(1); err != nil {
		return nil, err
	}
	return starlark.None, self.(*starlark.List).Append(a[0])
}

func listExtend(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("extend", args, kwargs, "iterable")
	if err != nil {
		return nil, err
	}
	more, err := rt.List(a[0])
	if err != nil {
		return nil, err
	}
	if err := rt.allocValues(len(more)); err != nil {
		return nil, err
	}
	for _, v := range more {
		if err := self.(*starlark.List).Append(v); err != nil {
			return nil, err
		}
	}
	return starlark.None, nil
}

func listInsert(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("insert", args, kwargs, "index", "object")
	if err != nil {
		return nil, err
	}
	list := self.(*starlark.List)
	at, _, _, err := (&Slice{a[0], nil, nil}).bounds(list.Len())
	if err != nil {
		return nil, err
	}
	if err := rt.allocValues(1); err != nil {
		return nil, err
	}
	return rt.own(list, "insert", starlark.MakeInt(at), a[1])
}

// own calls a method of Starlark's list: the only way to shift its elements
// without making a new one.
func (rt *Runtime) own(list *starlark.List, name string, args ...starlark.Value) (starlark.Value, error) {
	if err := rt.Charge(list.Len() * valueBytes / bytesPerStep); err != nil {
		return nil, err
	}
	fn, err := list.Attr(name)
	if err != nil {
		return nil, err
	}
	return starlark.Call(rt.thread, fn, args, nil)
}

func listRemove(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("remove", args, kwargs, "value")
	if err != nil {
		return nil, err
	}
	list := self.(*starlark.List)
	elts, _ := elements(list)
	for i, v := range elts {
		ok, err := rt.same(v, a[0])
		if err != nil {
			return nil, err
		}
		if ok {
			_, err := rt.own(list, "pop", starlark.MakeInt(i))
			return starlark.None, err
		}
	}
	return nil, Raisef(ValueError, "list.remove(x): x not in list")
}

func listPop(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("pop", args, kwargs, "index?")
	if err != nil {
		return nil, err
	}
	list := self.(*starlark.List)
	if list.Len() == 0 {
		return nil, Raisef(IndexError, "pop from empty list")
	}
	at := list.Len() - 1
	if a[0] != nil {
		if at, err = position(a[0], list.Len(), "list"); err != nil {
			return nil, Raisef(IndexError, "pop index out of range")
		}
	}
	return rt.own(list, "pop", starlark.MakeInt(at))
}

func listClear(_ *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return starlark.None, self.(*starlark.List).Clear()
}

func listCopy(rt *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	elts, _ := elements(self)
	return starlark.NewList(elts), rt.allocValues(len(elts))
}

func listReverse(rt *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	elts, _ := elements(self)
	slices.Reverse(elts)
	return starlark.None, rt.refill(self.(*starlark.List), elts)
}

func listSort(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	elts, _ := elements(self)
	sorted, err := rt.sorted("sort", elts, args, kwargs)
	if err != nil {
		return nil, err
	}
	return starlark.None, rt.refill(self.(*starlark.List), sorted)
}

func sequenceIndex(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("index", args, kwargs, "value", "start?", "stop?")
	if err != nil {
		return nil, err
	}
	elts, _ := elements(self)
	lo, hi, _, err := (&Slice{a[1], a[2], nil}).bounds(len(elts))
	if err != nil {
		return nil, err
	}
	for i := lo; i < hi; i++ {
		if ok, err := rt.same(elts[i], a[0]); ok || err != nil {
			return starlark.MakeInt(i), err
		}
	}
	s, err := rt.Repr(a[0])
	if err != nil {
		return nil, err
	}
	return nil, Raisef(ValueError, "%s is not in %s", s, TypeName(self))
}

func sequenceCount(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("count", args, kwargs, "value")
	if err != nil {
		return nil, err
	}
	elts, _ := elements(self)
	n := 0
	for _, v := range elts {
		ok, err := rt.same(v, a[0])
		if err != nil {
			return nil, err
		}
		if ok {
			n++
		}
	}
	return starlark.MakeInt(n), nil
}

// sorted returns elements in order, by key= and reverse= among the arguments.
func (rt *Runtime) sorted(fn string, elts []starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) ([]starlark.Value, error) {
	if len(args) > 0 {
		return nil, Raisef(TypeError, "%s() takes no positional arguments", fn)
	}
	a, err := Bind(fn, nil, kwargs, "key?", "reverse?")
	if err != nil {
		return nil, err
	}
	type pair struct{ key, v starlark.Value }
	pairs := make([]pair, len(elts))
	if err := rt.allocValues(3 * len(elts)); err != nil {
		return nil, err
	}
	for i, v := range elts {
		pairs[i] = pair{v, v}
		if !absent(a[0]) {
			if pairs[i].key, err = rt.call(a[0], v); err != nil {
				return nil, err
			}
		}
	}
	sign := 1
	if a[1] != nil && bool(a[1].Truth()) {
		sign = -1
	}
	var failed error
	slices.SortStableFunc(pairs, func(x, y pair) int {
		if failed != nil {
			return 0
		}
		if failed = rt.Charge(1); failed != nil {
			return 0
		}
		less, err := rt.Less(x.key, y.key)
		if less || err != nil {
			failed = err
			return -sign
		}
		more, err := rt.Less(y.key, x.key)
		failed = err
		if more {
			return sign
		}
		return 0
	})
	for i, p := range pairs {
		elts[i] = p.v
	}
	return elts, failed
}

// A FrozenList is a list within an event: it cannot change and is no list.
type FrozenList struct{ elts []starlark.Value }

// NewFrozenList returns a list that cannot change.
func NewFrozenList(elts []starlark.Value) *FrozenList { return &FrozenList{elts} }

func (l *FrozenList) String() string             { return shortRepr(l) }
func (l *FrozenList) Type() string               { return "ImmutableList" }
func (l *FrozenList) Freeze()                    {}
func (l *FrozenList) Truth() starlark.Bool       { return len(l.elts) > 0 }
func (l *FrozenList) Hash() (uint32, error)      { return 0, unhashable(l) }
func (l *FrozenList) Len() int                   { return len(l.elts) }
func (l *FrozenList) Index(i int) starlark.Value { return l.elts[i] }
func (l *FrozenList) Iterate() starlark.Iterator { return starlark.Tuple(l.elts).Iterate() }

func thawMethod(rt *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return rt.DeepCopy(self)
}
