package pyrt

import (
	"strings"

	"go.starlark.net/starlark"
)

// A Record is where a Mapping has its values from.
type Record interface {
	Get(key string) (starlark.Value, bool)
	Keys() []string
}

// A Mapping is an event, or a dict within one: it cannot change, and a key is
// found in any case.
type Mapping struct {
	rec    Record
	folded map[string]string // keys by their lower case, made when first needed
	event  bool
	udm    func(rt *Runtime, name string) (starlark.Value, error)
}

// NewMapping returns a dict within an event.
func NewMapping(rec Record) *Mapping { return &Mapping{rec: rec} }

// NewEvent returns an event. udm finds a field of the unified data model.
func NewEvent(rec Record, udm func(rt *Runtime, name string) (starlark.Value, error)) *Mapping {
	return &Mapping{rec: rec, event: true, udm: udm}
}

func (m *Mapping) String() string        { return shortRepr(m) }
func (m *Mapping) Freeze()               {}
func (m *Mapping) Truth() starlark.Bool  { return len(m.rec.Keys()) > 0 }
func (m *Mapping) Hash() (uint32, error) { return 0, unhashable(m) }
func (m *Mapping) Len() int              { return len(m.rec.Keys()) }

// Type returns the name of Panther's class.
func (m *Mapping) Type() string {
	if m.event {
		return "PantherEvent"
	}
	return "ImmutableCaseInsensitiveDict"
}

// IsEvent reports whether it is the event itself.
func (m *Mapping) IsEvent() bool { return m.event }

// Get implements starlark.Mapping.
func (m *Mapping) Get(k starlark.Value) (starlark.Value, bool, error) {
	v, ok := m.lookup(k)
	return v, ok, nil
}

func (m *Mapping) lookup(k starlark.Value) (starlark.Value, bool) {
	s, ok := k.(starlark.String)
	if !ok {
		return nil, false
	}
	if v, ok := m.rec.Get(string(s)); ok {
		return v, true
	}
	if m.folded == nil {
		m.folded = map[string]string{}
		for _, key := range m.rec.Keys() {
			lower := strings.ToLower(key)
			if _, taken := m.folded[lower]; !taken {
				m.folded[lower] = key
			}
		}
	}
	key, ok := m.folded[strings.ToLower(string(s))]
	if !ok {
		return nil, false
	}
	return m.rec.Get(key)
}

// Items implements starlark.IterableMapping.
func (m *Mapping) Items() []starlark.Tuple {
	var items []starlark.Tuple
	for _, k := range m.rec.Keys() {
		if v, ok := m.rec.Get(k); ok {
			items = append(items, starlark.Tuple{starlark.String(k), v})
		}
	}
	return items
}

// Iterate runs through the keys.
func (m *Mapping) Iterate() starlark.Iterator {
	keys := m.rec.Keys()
	list := make(starlark.Tuple, len(keys))
	for i, k := range keys {
		list[i] = starlark.String(k)
	}
	return list.Iterate()
}

func mappingMethods() map[string]method {
	return map[string]method{
		"get": mappingGet, "keys": viewMethod("keys"), "values": viewMethod("values"), "items": viewMethod("items"),
		"deep_get": deepGet, "deep_walk": deepWalk, "udm": udm, "copy": thawMethod, "to_dict": thawMethod,
		"lookup": lookupTable,
	}
}

func mappingGet(_ *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	m := self.(*Mapping)
	if len(args) == 0 || len(args) > 2 || len(kwargs) > 0 {
		a, err := Bind("get", args, kwargs, "key", "default?")
		if err != nil {
			return nil, err
		}
		args = a
	}
	if v, ok := m.lookup(args[0]); ok {
		return v, nil
	}
	if len(args) > 1 && args[1] != nil {
		return args[1], nil
	}
	return starlark.None, nil
}

// deepGet is event.deep_get("a", "b", default=...).
func deepGet(_ *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	otherwise, rest := Keyword(kwargs, "default")
	if otherwise == nil {
		otherwise = starlark.None
	}
	if len(rest) > 0 {
		return nil, Raisef(TypeError, "deep_get() got an unexpected keyword argument %s", rest[0][0])
	}
	v := self
	for _, key := range args {
		m, ok := v.(starlark.IterableMapping)
		if !ok {
			return otherwise, nil
		}
		w, found, err := m.Get(key)
		if err != nil {
			return nil, unhashable(key)
		}
		if !found || w == starlark.None {
			return otherwise, nil
		}
		v = w
	}
	return v, nil
}

// deepWalk is event.deep_walk("a", "b", default=..., return_val="all"): like
// deep_get, but through lists as well.
func deepWalk(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	w := walk{rt: rt, otherwise: starlark.None, which: "all"}
	for _, kv := range kwargs {
		switch name := string(kv[0].(starlark.String)); name {
		case "default":
			w.otherwise = kv[1]
		case "return_val":
			s, err := Text("return_val", kv[1])
			if err != nil {
				return nil, err
			}
			w.which = s
		default:
			return nil, Raisef(TypeError, "deep_walk() got an unexpected keyword argument '%s'", name)
		}
	}
	return w.from(self, args, 0)
}

type walk struct {
	rt        *Runtime
	otherwise starlark.Value
	which     string
}

func (w walk) from(v starlark.Value, keys starlark.Tuple, depth int) (starlark.Value, error) {
	if depth > maxNested {
		return nil, tooNested()
	}
	if err := w.rt.Charge(1); err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		if emptyList(v, 0) {
			return w.otherwise, nil
		}
		return v, nil
	}
	if m, ok := v.(starlark.IterableMapping); ok {
		next, found, err := m.Get(keys[0])
		if err != nil || !found || next == starlark.None {
			return w.otherwise, nil
		}
		return w.from(next, keys[1:], depth+1)
	}
	list, ok := elements(v)
	if !ok {
		return w.otherwise, nil
	}
	var found []starlark.Value
	seen := new(starlark.Set)
	add := func(x starlark.Value) error {
		if _, err := x.Hash(); err == nil {
			if old, _ := seen.Has(x); old {
				return nil
			}
			if err := seen.Insert(x); err != nil {
				return err
			}
		}
		found = append(found, x)
		return w.rt.allocValues(1)
	}
	for _, item := range list {
		x, err := w.from(item, keys, depth+1)
		if err != nil {
			return nil, err
		}
		if x == starlark.None {
			continue
		}
		inner, isList := elements(x)
		if !isList {
			inner = []starlark.Value{x}
		}
		for _, y := range inner {
			if err := add(y); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case len(found) == 0:
		return w.otherwise, nil
	case w.which == "first" || w.which == "all" && len(found) == 1:
		return found[0], nil
	case w.which == "last":
		return found[len(found)-1], nil
	}
	return starlark.NewList(found), nil
}

// emptyList reports whether v is a list that holds nothing but empty lists.
func emptyList(v starlark.Value, depth int) bool {
	list, ok := elements(v)
	if !ok || depth > maxNested {
		return false
	}
	for _, x := range list {
		if !emptyList(x, depth+1) {
			return false
		}
	}
	return true
}

func udm(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("udm", args, kwargs, "key", "default?")
	if err != nil {
		return nil, err
	}
	name, err := Text("udm", a[0])
	if err != nil {
		return nil, err
	}
	var v starlark.Value
	if m := self.(*Mapping); m.udm != nil {
		if v, err = m.udm(rt, name); err != nil {
			return nil, err
		}
	}
	if absent(v) {
		if v = a[1]; v == nil {
			v = starlark.None
		}
	}
	return v, nil
}

// lookupTable finds nothing: there are no lookup tables.
func lookupTable(*Runtime, starlark.Value, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return starlark.None, nil
}
