package pyrt

import (
	"encoding/json"
	"math"
	"math/big"
	"sort"
	"strings"

	"go.starlark.net/starlark"
)

// A Fields is a Record with all its values at hand.
type Fields struct {
	keys   []string
	values map[string]starlark.Value
}

// Add sets a field.
func (f *Fields) Add(key string, v starlark.Value) {
	if f.values == nil {
		f.values = map[string]starlark.Value{}
	}
	if _, old := f.values[key]; !old {
		f.keys = append(f.keys, key)
	}
	f.values[key] = v
}

// Get implements Record.
func (f *Fields) Get(key string) (starlark.Value, bool) {
	v, ok := f.values[key]
	return v, ok
}

// Keys implements Record.
func (f *Fields) Keys() []string { return f.keys }

// An Ordered is a map that keeps the order of its keys, as YAML and JSON have
// it.
type Ordered struct {
	Keys   []string
	Values []any
}

// FromGo returns a value of JSON or YAML as one of Python. Frozen ones are
// the lists and dicts within an event.
func FromGo(v any, frozen bool) starlark.Value {
	switch v := v.(type) {
	case nil:
		return starlark.None
	case bool:
		return starlark.Bool(v)
	case string:
		return starlark.String(strings.ToValidUTF8(v, "\uFFFD"))
	case int:
		return starlark.MakeInt(v)
	case int64:
		return starlark.MakeInt64(v)
	case uint64:
		return starlark.MakeUint64(v)
	case *big.Int:
		return starlark.MakeBigInt(v)
	case float64:
		return starlark.Float(v)
	case json.Number:
		return fromNumber(string(v))
	case []any:
		list := make([]starlark.Value, len(v))
		for i, x := range v {
			list[i] = FromGo(x, frozen)
		}
		if frozen {
			return NewFrozenList(list)
		}
		return starlark.NewList(list)
	case map[string]any:
		o := Ordered{}
		for k := range v {
			o.Keys = append(o.Keys, k)
		}
		sort.Strings(o.Keys)
		for _, k := range o.Keys {
			o.Values = append(o.Values, v[k])
		}
		return fromOrdered(o, frozen)
	case Ordered:
		return fromOrdered(v, frozen)
	}
	return starlark.None
}

func fromNumber(s string) starlark.Value {
	if strings.ContainsAny(s, ".eE") {
		f, _ := json.Number(s).Float64()
		return starlark.Float(f)
	}
	if n, ok := new(big.Int).SetString(s, 10); ok && len(s) <= 4300 {
		return starlark.MakeBigInt(n)
	}
	return starlark.Float(math.Inf(1))
}

func fromOrdered(o Ordered, frozen bool) starlark.Value {
	if frozen {
		f := &Fields{}
		for i, k := range o.Keys {
			f.Add(strings.ToValidUTF8(k, "\uFFFD"), FromGo(o.Values[i], true))
		}
		return NewMapping(f)
	}
	d := starlark.NewDict(len(o.Keys))
	for i, k := range o.Keys {
		_ = d.SetKey(starlark.String(k), FromGo(o.Values[i], false)) // text can be hashed
	}
	return d
}

// ToGo returns a value as encoding/json takes it: what Python's json would
// write.
func (rt *Runtime) ToGo(v starlark.Value) (any, error) { return rt.toGo(v, 0) }

func (rt *Runtime) toGo(v starlark.Value, depth int) (any, error) {
	if depth > maxNested {
		return nil, tooNested()
	}
	if err := rt.Alloc(valueBytes); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case starlark.NoneType:
		return nil, nil
	case starlark.Bool:
		return bool(v), nil
	case starlark.String:
		return strings.ToValidUTF8(string(v), "\uFFFD"), nil
	case starlark.Int:
		if n, ok := v.Int64(); ok {
			return n, nil
		}
		return json.Number(v.String()), nil
	case starlark.Float:
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
		return floatRepr(float64(v)), nil
	case starlark.IterableMapping:
		m := map[string]any{}
		for _, kv := range v.Items() {
			k, err := rt.jsonKey(kv[0])
			if err != nil {
				return nil, err
			}
			if m[k], err = rt.toGo(kv[1], depth+1); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	if list, ok := elements(v); ok {
		out := make([]any, len(list))
		for i, x := range list {
			var err error
			if out[i], err = rt.toGo(x, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return nil, Raisef(TypeError, "Object of type %s is not JSON serializable", TypeName(v))
}

// jsonKey returns a key of a dict as json.dumps writes it.
func (rt *Runtime) jsonKey(k starlark.Value) (string, error) {
	switch k := k.(type) {
	case starlark.String:
		return strings.ToValidUTF8(string(k), "\uFFFD"), nil
	case starlark.Bool:
		if k {
			return "true", nil
		}
		return "false", nil
	case starlark.NoneType:
		return "null", nil
	case starlark.Int, starlark.Float:
		return rt.Repr(k)
	}
	return "", Raisef(TypeError, "keys must be str, int, float, bool or None, not %s", TypeName(k))
}

// JSONKey returns a key of a dict as json.dumps writes it.
func (rt *Runtime) JSONKey(k starlark.Value) (string, error) { return rt.jsonKey(k) }

// DeepCopy returns a value that shares nothing that can change with v. Lists
// and dicts of an event become ordinary ones.
func (rt *Runtime) DeepCopy(v starlark.Value) (starlark.Value, error) { return rt.deepCopy(v, 0) }

func (rt *Runtime) deepCopy(v starlark.Value, depth int) (starlark.Value, error) {
	if depth > maxNested {
		return nil, tooNested()
	}
	switch v := v.(type) {
	case *starlark.List, *FrozenList, starlark.Tuple:
		list, _ := elements(v)
		out := make([]starlark.Value, len(list))
		if err := rt.allocValues(len(list)); err != nil {
			return nil, err
		}
		for i, x := range list {
			var err error
			if out[i], err = rt.deepCopy(x, depth+1); err != nil {
				return nil, err
			}
		}
		if isA[starlark.Tuple](v) {
			return starlark.Tuple(out), nil
		}
		return starlark.NewList(out), nil
	case *starlark.Set:
		return setCopy(rt, v, nil, nil)
	case starlark.IterableMapping:
		d := new(starlark.Dict)
		for _, kv := range v.Items() {
			x, err := rt.deepCopy(kv[1], depth+1)
			if err != nil {
				return nil, err
			}
			if err := rt.setKey(d, kv[0], x); err != nil {
				return nil, err
			}
		}
		if s, ok := v.(*SpecialDict); ok {
			return &SpecialDict{Dict: d, kind: s.kind, missing: s.missing, methods: s.methods}, nil
		}
		return d, nil
	case Copier:
		return v.Copy(), nil
	}
	return v, nil
}

// A Copier is a value of a module that can change.
type Copier interface{ Copy() starlark.Value }
