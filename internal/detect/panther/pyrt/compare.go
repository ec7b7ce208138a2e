package pyrt

import (
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// maxNested bounds how deep values within values are looked at.
const maxNested = 200

func tooNested() error { return Raisef(RecursionError, "maximum recursion depth exceeded") }

// Equal is Python's ==.
func (rt *Runtime) Equal(x, y starlark.Value) (bool, error) { return rt.equal(x, y, 0) }

func (rt *Runtime) equal(x, y starlark.Value, depth int) (bool, error) {
	if depth > maxNested {
		return false, tooNested()
	}
	switch x := x.(type) {
	case starlark.String:
		y, ok := y.(starlark.String)
		return ok && x == y, nil
	case starlark.NoneType:
		return y == starlark.None, nil
	case starlark.Bytes:
		y, ok := y.(starlark.Bytes)
		return ok && x == y, nil
	case starlark.Int, starlark.Bool, starlark.Float:
		a, b, f, g, kind := numbers(x, y)
		switch kind {
		case 'i':
			return cmpInt(a, b) == 0, nil
		case 'f':
			if isA[starlark.Float](x) && isA[starlark.Float](y) {
				return f == g, nil
			}
			return starlark.Equal(plain(x), plain(y)) // exact, however large the int
		}
		return false, nil
	case starlark.Tuple:
		if y, ok := y.(*FrozenList); ok {
			return rt.equalLists(x, y.elts, depth)
		}
		y, ok := y.(starlark.Tuple)
		if !ok {
			return false, nil
		}
		return rt.equalLists(x, y, depth)
	case *starlark.List, *FrozenList:
		a, _ := elements(x)
		b, ok := elements(y)
		if !ok || isA[*starlark.List](x) && isA[starlark.Tuple](y) {
			return false, nil
		}
		return rt.equalLists(a, b, depth)
	case *starlark.Set:
		y, ok := asSet(y)
		if !ok || x.Len() != y.Len() {
			return false, nil
		}
		return subset(x, y)
	}
	if d, ok := x.(starlark.IterableMapping); ok {
		if e, ok := y.(starlark.IterableMapping); ok {
			return rt.equalDicts(d, e, depth)
		}
		return false, nil
	}
	if v, ok := x.(*dictView); ok {
		return v.equal(rt, y)
	}
	if isA[starlark.Tuple](y) || isA[*starlark.List](y) {
		return false, nil
	}
	if c, ok := x.(equaler); ok {
		return c.Equal(y), nil
	}
	return starlark.Equal(x, y)
}

// An equaler is equal to values of other types as well.
type equaler interface{ Equal(starlark.Value) bool }

// plain returns a bool as the int that it equals.
func plain(v starlark.Value) starlark.Value {
	if n, ok := integer(v); ok {
		return n
	}
	return v
}

func (rt *Runtime) equalLists(a, b []starlark.Value, depth int) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	if err := rt.Charge(len(a)); err != nil {
		return false, err
	}
	for i := range a {
		if ok, err := rt.equal(a[i], b[i], depth+1); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (rt *Runtime) equalDicts(d, e starlark.IterableMapping, depth int) (bool, error) {
	items := d.Items()
	if len(items) != starlark.Len(e) {
		return false, nil
	}
	if err := rt.Charge(2 * len(items)); err != nil {
		return false, err
	}
	for _, kv := range items {
		v, found, err := e.Get(kv[0])
		if err != nil || !found {
			return false, nil
		}
		if ok, err := rt.equal(kv[1], v, depth+1); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// ordered is <, <=, > or >=.
func ordered(op syntax.Token) func(rt *Runtime, x, y starlark.Value) (bool, error) {
	return func(rt *Runtime, x, y starlark.Value) (bool, error) { return rt.order(op, x, y, 0) }
}

func (rt *Runtime) order(op syntax.Token, x, y starlark.Value, depth int) (bool, error) {
	if depth > maxNested {
		return false, tooNested()
	}
	a, b, f, g, kind := numbers(x, y)
	switch kind {
	case 'i':
		return holds(op, cmpInt(a, b)), nil
	case 'f':
		switch op {
		case syntax.LT:
			return f < g, nil
		case syntax.LE:
			return f <= g, nil
		case syntax.GT:
			return f > g, nil
		}
		return f >= g, nil
	}
	switch x := x.(type) {
	case starlark.String:
		if y, ok := y.(starlark.String); ok {
			return holds(op, strings.Compare(string(x), string(y))), nil
		}
	case starlark.Bytes:
		if y, ok := y.(starlark.Bytes); ok {
			return holds(op, strings.Compare(string(x), string(y))), nil
		}
	case starlark.Tuple:
		if y, ok := y.(starlark.Tuple); ok {
			return rt.orderLists(op, x, y, depth)
		}
	case *starlark.List:
		if y, ok := y.(*starlark.List); ok {
			a, _ := elements(x)
			b, _ := elements(y)
			return rt.orderLists(op, a, b, depth)
		}
	case *starlark.Set:
		if y, ok := asSet(y); ok {
			return orderSets(op, x, y)
		}
	case starlark.Comparable:
		if x.Type() == y.Type() && !isA[*starlark.Dict](x) && !isA[*SpecialDict](x) {
			if ok, err := x.CompareSameType(op, y, maxNested); err == nil {
				return ok, nil
			}
		}
	}
	return false, Raisef(TypeError, "'%s' not supported between instances of '%s' and '%s'", op, TypeName(x), TypeName(y))
}

func (rt *Runtime) orderLists(op syntax.Token, a, b []starlark.Value, depth int) (bool, error) {
	for i := range min(len(a), len(b)) {
		if err := rt.Charge(1); err != nil {
			return false, err
		}
		same, err := rt.equal(a[i], b[i], depth+1)
		if err != nil {
			return false, err
		}
		if !same {
			return rt.order(op, a[i], b[i], depth+1)
		}
	}
	return holds(op, len(a)-len(b)), nil
}

// holds reports whether a comparison with the result c satisfies op.
func holds(op syntax.Token, c int) bool {
	switch op {
	case syntax.LT:
		return c < 0
	case syntax.LE:
		return c <= 0
	case syntax.GT:
		return c > 0
	}
	return c >= 0
}

// Less reports whether x sorts before y.
func (rt *Runtime) Less(x, y starlark.Value) (bool, error) { return rt.order(syntax.LT, x, y, 0) }

// A container knows what is in it, as a network knows its addresses.
type container interface {
	Contains(starlark.Value) (bool, error)
}

// contains is "x in y".
func contains(rt *Runtime, x, y starlark.Value) (bool, error) {
	switch y := y.(type) {
	case starlark.String:
		s, ok := x.(starlark.String)
		if !ok {
			return false, Raisef(TypeError, "'in <string>' requires string as left operand, not %s", TypeName(x))
		}
		if err := rt.Charge(len(y) / bytesPerStep); err != nil {
			return false, err
		}
		return strings.Contains(string(y), string(s)), nil
	case starlark.Bytes:
		if s, ok := x.(starlark.Bytes); ok {
			return strings.Contains(string(y), string(s)), nil
		}
		n, err := Int(x)
		if err != nil {
			return false, err
		}
		return n >= 0 && n < 256 && strings.IndexByte(string(y), byte(n)) >= 0, nil
	case *starlark.List:
		for i := range y.Len() {
			if ok, err := rt.same(x, y.Index(i)); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case starlark.Tuple:
		return rt.among(x, y)
	case *FrozenList:
		return rt.among(x, y.elts)
	case *starlark.Set:
		return y.Has(x)
	case container:
		return y.Contains(x)
	case *Mapping:
		_, found := y.lookup(x)
		return found, nil
	case starlark.Mapping:
		_, found, err := y.Get(x)
		if err != nil {
			return false, unhashable(x)
		}
		return found, nil
	}
	found := false
	err := rt.Each(y, func(v starlark.Value) (bool, error) {
		ok, err := rt.Equal(x, v)
		found = ok
		return !ok, err
	})
	if exc, ok := err.(*Exception); ok && exc.class == TypeError && !isIterable(y) {
		return false, Raisef(TypeError, "argument of type '%s' is not iterable", TypeName(y))
	}
	return found, err
}

func (rt *Runtime) among(x starlark.Value, list []starlark.Value) (bool, error) {
	for _, v := range list {
		if ok, err := rt.same(x, v); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// same is == for a step of work; most elements are text.
func (rt *Runtime) same(x, y starlark.Value) (bool, error) {
	if err := rt.Charge(1); err != nil {
		return false, err
	}
	return rt.equal(x, y, 0)
}

func unhashable(v starlark.Value) error {
	return Raisef(TypeError, "unhashable type: '%s'", TypeName(v))
}
