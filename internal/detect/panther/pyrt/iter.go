package pyrt

import (
	"unicode/utf8"

	"go.starlark.net/starlark"
)

// Each calls f for the elements of v until f says false.
func (rt *Runtime) Each(v starlark.Value, f func(starlark.Value) (bool, error)) error {
	next, done, err := rt.iterate(v)
	if err != nil {
		return err
	}
	defer done()
	for {
		if err := rt.Charge(1); err != nil {
			return err
		}
		x, err := next()
		if x == nil || err != nil {
			return err
		}
		if more, err := f(x); !more || err != nil {
			return err
		}
	}
}

// List returns the elements of v.
func (rt *Runtime) List(v starlark.Value) ([]starlark.Value, error) {
	if list, ok := elements(v); ok {
		if isA[starlark.Tuple](v) {
			return list, nil
		}
		return list, rt.allocValues(len(list))
	}
	var list []starlark.Value
	err := rt.Each(v, func(x starlark.Value) (bool, error) {
		list = append(list, x)
		return true, rt.allocValues(1)
	})
	return list, err
}

// iterate returns a function that gives the elements of v, nil after the last.
func (rt *Runtime) iterate(v starlark.Value) (next func() (starlark.Value, error), done func(), err error) {
	nothing := func() {}
	switch v := v.(type) {
	case starlark.String:
		s := string(v)
		return func() (starlark.Value, error) {
			if s == "" {
				return nil, nil
			}
			_, size := utf8.DecodeRuneInString(s)
			c := starlark.String(s[:size])
			s = s[size:]
			return c, nil
		}, nothing, nil
	case starlark.Bytes:
		i := 0
		return func() (starlark.Value, error) {
			if i >= len(v) {
				return nil, nil
			}
			i++
			return starlark.MakeInt(int(v[i-1])), nil
		}, nothing, nil
	case *Iterator:
		return v.next, nothing, nil
	case *starlark.List:
		i := 0 // the list may grow and shrink meanwhile
		return func() (starlark.Value, error) {
			if i >= v.Len() {
				return nil, nil
			}
			i++
			return v.Index(i - 1), nil
		}, nothing, nil
	case starlark.Iterable:
		it := v.Iterate()
		return func() (starlark.Value, error) {
			var x starlark.Value
			if !it.Next(&x) {
				return nil, nil
			}
			return x, nil
		}, it.Done, nil
	}
	return nil, nil, Raisef(TypeError, "'%s' object is not iterable", TypeName(v))
}

func isIterable(v starlark.Value) bool {
	switch v.(type) {
	case starlark.String, starlark.Bytes, *Iterator, starlark.Iterable:
		return true
	}
	return false
}

// An Iterator gives elements once: a generator, zip, map, enumerate.
type Iterator struct {
	kind string
	next func() (starlark.Value, error) // nil after the last
}

// NewIterator returns an iterator over what next gives, until that is nil.
func NewIterator(kind string, next func() (starlark.Value, error)) *Iterator {
	return &Iterator{kind, next}
}

func (it *Iterator) String() string        { return "<" + it.kind + " object>" }
func (it *Iterator) Type() string          { return it.kind }
func (it *Iterator) Freeze()               {}
func (it *Iterator) Truth() starlark.Bool  { return true }
func (it *Iterator) Hash() (uint32, error) { return 0, nil }

func over(kind string, list []starlark.Value) *Iterator {
	i := 0
	return &Iterator{kind, func() (starlark.Value, error) {
		if i >= len(list) {
			return nil, nil
		}
		i++
		return list[i-1], nil
	}}
}

// iterOp makes v something that Starlark's for can run through. Its iterators
// cannot fail, so what computes its elements is computed now.
func iterOp(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	switch v := args[0].(type) {
	case starlark.Tuple, *Range, *FrozenList, *Mapping:
		return v, nil
	case *starlark.List:
		return growing{v}, nil
	case *starlark.Dict: // may change meanwhile
		return starlark.Tuple(v.Keys()), rt.allocValues(v.Len())
	}
	list, err := rt.List(args[0])
	if err != nil {
		return nil, err
	}
	return starlark.Tuple(list), nil
}

// growing is a list that may change while it is run through.
type growing struct{ *starlark.List }

func (g growing) Iterate() starlark.Iterator { return &growingIterator{list: g.List} }

type growingIterator struct {
	list *starlark.List
	i    int
}

func (it *growingIterator) Next(p *starlark.Value) bool {
	if it.i >= it.list.Len() {
		return false
	}
	*p = it.list.Index(it.i)
	it.i++
	return true
}

func (*growingIterator) Done() {}

// generator is a generator expression whose list is computed already.
func generator(_ *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	list, _ := elements(args[0])
	return over("generator", list), nil
}

// star marks an element that is spread.
type star struct{}

func (star) String() string        { return "*" }
func (star) Type() string          { return "star" }
func (star) Freeze()               {}
func (star) Truth() starlark.Bool  { return true }
func (star) Hash() (uint32, error) { return 0, nil }

// splat returns a list in which what follows a star is spread.
func splat(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	in, _ := elements(args[0])
	var out []starlark.Value
	for i := 0; i < len(in); i++ {
		if in[i] != (star{}) {
			out = append(out, in[i])
			continue
		}
		i++
		list, err := rt.List(in[i])
		if err != nil {
			return nil, err
		}
		if err := rt.allocValues(len(list)); err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return starlark.NewList(out), nil
}

// kwargsOp makes one dict of what is spread with ** in a call.
func kwargsOp(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	d := new(starlark.Dict)
	for _, v := range args {
		m, ok := v.(starlark.IterableMapping)
		if !ok {
			return nil, Raisef(TypeError, "argument after ** must be a mapping, not %s", TypeName(v))
		}
		for _, kv := range m.Items() {
			if !isA[starlark.String](kv[0]) {
				return nil, Raisef(TypeError, "keywords must be strings")
			}
			if _, found, _ := d.Get(kv[0]); found {
				return nil, Raisef(TypeError, "got multiple values for keyword argument %s", kv[0])
			}
			if err := rt.setKey(d, kv[0], kv[1]); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

// dictDisplay is {k: v, **m, ...}.
func dictDisplay(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	in, _ := elements(args[0])
	d := new(starlark.Dict)
	for i := 0; i+1 < len(in); i += 2 {
		if in[i] != (star{}) {
			if err := rt.setKey(d, in[i], in[i+1]); err != nil {
				return nil, err
			}
			continue
		}
		m, ok := in[i+1].(starlark.IterableMapping)
		if !ok {
			return nil, Raisef(TypeError, "'%s' object is not a mapping", TypeName(in[i+1]))
		}
		for _, kv := range m.Items() {
			if err := rt.setKey(d, kv[0], kv[1]); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}
