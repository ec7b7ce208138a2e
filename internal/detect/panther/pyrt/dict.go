package pyrt

import "go.starlark.net/starlark"

// asDict returns the dict that v is or is built on.
func asDict(v starlark.Value) (*starlark.Dict, bool) {
	switch v := v.(type) {
	case *starlark.Dict:
		return v, true
	case *SpecialDict:
		return v.Dict, true
	}
	return nil, false
}

// mergeable returns what | joins: a dict, also one of an event.
func mergeable(v starlark.Value) (starlark.IterableMapping, bool) {
	m, ok := v.(starlark.IterableMapping)
	return m, ok
}

func (rt *Runtime) mergeDicts(x, y starlark.IterableMapping) (starlark.Value, error) {
	d := new(starlark.Dict)
	for _, m := range []starlark.IterableMapping{x, y} {
		for _, kv := range m.Items() {
			if err := rt.setKey(d, kv[0], kv[1]); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

func makeDict(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	d := new(starlark.Dict)
	if len(args) > 1 {
		return nil, Raisef(TypeError, "dict expected at most 1 argument, got %d", len(args))
	}
	return d, rt.updateDict(d, args, kwargs)
}

// updateDict adds the items of a mapping or of pairs, and keywords.
func (rt *Runtime) updateDict(d *starlark.Dict, args starlark.Tuple, kwargs []starlark.Tuple) error {
	for _, v := range args {
		if m, ok := v.(starlark.IterableMapping); ok {
			for _, kv := range m.Items() {
				if err := rt.setKey(d, kv[0], kv[1]); err != nil {
					return err
				}
			}
			continue
		}
		n := 0
		err := rt.Each(v, func(x starlark.Value) (bool, error) {
			if !isIterable(x) {
				return false, Raisef(TypeError, "cannot convert dictionary update sequence element #%d to a sequence", n)
			}
			pair, err := rt.List(x)
			if err != nil {
				return false, err
			}
			if len(pair) != 2 {
				return false, Raisef(ValueError, "dictionary update sequence element #%d has length %d; 2 is required", n, len(pair))
			}
			n++
			return true, rt.setKey(d, pair[0], pair[1])
		})
		if err != nil {
			return err
		}
	}
	for _, kv := range kwargs {
		if err := rt.setKey(d, kv[0], kv[1]); err != nil {
			return err
		}
	}
	return nil
}

func dictFromKeys(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("fromkeys", args, kwargs, "iterable", "value?")
	if err != nil {
		return nil, err
	}
	v := a[1]
	if v == nil {
		v = starlark.None
	}
	d := new(starlark.Dict)
	return d, rt.Each(a[0], func(k starlark.Value) (bool, error) { return true, rt.setKey(d, k, v) })
}

func dictMethods() map[string]method {
	return map[string]method{
		"get": dictGet, "keys": viewMethod("keys"), "values": viewMethod("values"), "items": viewMethod("items"),
		"update": dictUpdate, "setdefault": dictSetDefault, "pop": dictPop, "popitem": dictPopItem,
		"clear": dictClear, "copy": dictCopy, "move_to_end": moveToEnd,
	}
}

func dictGet(_ *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("get", args, kwargs, "key", "default?")
	if err != nil {
		return nil, err
	}
	v, found, err := self.(starlark.Mapping).Get(a[0])
	switch {
	case err != nil:
		return nil, unhashable(a[0])
	case found:
		return v, nil
	case a[1] != nil:
		return a[1], nil
	}
	return starlark.None, nil
}

func dictUpdate(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	d, _ := asDict(self)
	if s, ok := self.(*SpecialDict); ok && s.methods["update"] != nil {
		return s.methods["update"](rt, self, args, kwargs)
	}
	return starlark.None, rt.updateDict(d, args, kwargs)
}

func dictSetDefault(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("setdefault", args, kwargs, "key", "default?")
	if err != nil {
		return nil, err
	}
	d, _ := asDict(self)
	v, found, err := d.Get(a[0])
	if err != nil {
		return nil, unhashable(a[0])
	}
	if found {
		return v, nil
	}
	if v = a[1]; v == nil {
		v = starlark.None
	}
	return v, rt.setKey(d, a[0], v)
}

func dictPop(_ *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("pop", args, kwargs, "key", "default?")
	if err != nil {
		return nil, err
	}
	d, _ := asDict(self)
	if _, err := a[0].Hash(); err != nil {
		return nil, unhashable(a[0])
	}
	v, found, err := d.Delete(a[0])
	switch {
	case err != nil:
		return nil, err
	case found:
		return v, nil
	case a[1] != nil:
		return a[1], nil
	}
	return nil, raise(KeyError, a[0])
}

func dictPopItem(_ *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("popitem", args, kwargs, "last?")
	if err != nil {
		return nil, err
	}
	d, _ := asDict(self)
	keys := d.Keys()
	if len(keys) == 0 {
		return nil, Raisef(KeyError, "popitem(): dictionary is empty")
	}
	k := keys[len(keys)-1]
	if a[0] != nil && !bool(a[0].Truth()) {
		k = keys[0]
	}
	v, _, err := d.Delete(k)
	return starlark.Tuple{k, v}, err
}

func moveToEnd(_ *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("move_to_end", args, kwargs, "key")
	if err != nil {
		return nil, err
	}
	d, _ := asDict(self)
	v, found, err := d.Delete(a[0])
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, raise(KeyError, a[0])
	}
	return starlark.None, d.SetKey(a[0], v)
}

func dictClear(_ *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	d, _ := asDict(self)
	return starlark.None, d.Clear()
}

func dictCopy(rt *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	d, _ := asDict(self)
	e := new(starlark.Dict)
	if err := rt.updateDict(e, starlark.Tuple{d}, nil); err != nil {
		return nil, err
	}
	if s, ok := self.(*SpecialDict); ok {
		return &SpecialDict{Dict: e, kind: s.kind, missing: s.missing, methods: s.methods}, nil
	}
	return e, nil
}

// A SpecialDict is a defaultdict or a Counter: a dict with a way to make up
// what is missing.
type SpecialDict struct {
	*starlark.Dict
	kind    string
	missing func(rt *Runtime, d *SpecialDict, key starlark.Value) (starlark.Value, error)
	methods map[string]method
}

// NewSpecialDict returns an empty dict of a kind. missing gives the value of
// an absent key that is indexed, or nil.
func NewSpecialDict(kind string, missing func(rt *Runtime, d *SpecialDict, key starlark.Value) (starlark.Value, error)) *SpecialDict {
	return &SpecialDict{Dict: new(starlark.Dict), kind: kind, missing: missing, methods: map[string]method{}}
}

// SetMethod gives the dict a method that replaces that of all dicts.
func (d *SpecialDict) SetMethod(name string, fn func(rt *Runtime, d *SpecialDict, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)) {
	d.methods[name] = func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return fn(rt, self.(*SpecialDict), args, kwargs)
	}
}

func (d *SpecialDict) Type() string   { return d.kind }
func (d *SpecialDict) String() string { return shortRepr(d) }

func (d *SpecialDict) item(rt *Runtime, key starlark.Value) (starlark.Value, error) {
	v, found, err := d.Get(key)
	if err != nil {
		return nil, unhashable(key)
	}
	if found {
		return v, nil
	}
	if d.missing != nil {
		if v, err := d.missing(rt, d, key); v != nil || err != nil {
			return v, err
		}
	}
	return nil, raise(KeyError, key)
}

// SetKeyOf sets a key and counts the memory.
func (rt *Runtime) SetKeyOf(d *starlark.Dict, k, v starlark.Value) error { return rt.setKey(d, k, v) }

func (w *writer) special(d *SpecialDict) {
	w.WriteString(d.kind + "(")
	if d.Len() > 0 || d.kind != "Counter" {
		w.dict(d.Items())
	}
	w.WriteString(")")
}
