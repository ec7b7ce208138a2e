package pyrt

import "go.starlark.net/starlark"

// A dictView is what keys, values and items return: it follows the dict.
type dictView struct {
	of   starlark.IterableMapping
	kind string // keys, values, items
}

func viewMethod(kind string) method {
	return func(_ *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return &dictView{self.(starlark.IterableMapping), kind}, noArgs(kind, args, kwargs)
	}
}

func (v *dictView) String() string        { return shortRepr(v) }
func (v *dictView) Type() string          { return "dict_" + v.kind }
func (v *dictView) Freeze()               { v.of.Freeze() }
func (v *dictView) Truth() starlark.Bool  { return v.Len() > 0 }
func (v *dictView) Hash() (uint32, error) { return 0, unhashable(v) }
func (v *dictView) Len() int              { return starlark.Len(v.of) }

// Iterate runs through what the dict holds now.
func (v *dictView) Iterate() starlark.Iterator { return starlark.Tuple(v.elements()).Iterate() }

func (v *dictView) elements() []starlark.Value {
	items := v.of.Items()
	list := make([]starlark.Value, len(items))
	for i, kv := range items {
		switch v.kind {
		case "keys":
			list[i] = kv[0]
		case "values":
			list[i] = kv[1]
		default:
			list[i] = kv
		}
	}
	return list
}

// Contains is "x in view".
func (v *dictView) Contains(x starlark.Value) (bool, error) {
	if v.kind == "keys" {
		_, found, err := v.of.Get(x)
		if err != nil {
			return false, unhashable(x)
		}
		return found, nil
	}
	for _, y := range v.elements() {
		if ok, err := starlark.Equal(x, y); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (v *dictView) equal(rt *Runtime, y starlark.Value) (bool, error) {
	a, ok := asSet(v)
	b, ok2 := asSet(y)
	if v.kind == "values" || !ok || !ok2 {
		return starlark.Value(v) == y, nil
	}
	return rt.equal(a, b, 1)
}

func viewMethods() map[string]method {
	return map[string]method{"isdisjoint": func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		s, _ := asSet(self)
		return setIsDisjoint(rt, s, args, kwargs)
	}}
}
