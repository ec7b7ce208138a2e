package pyrt

import "go.starlark.net/starlark"

// unpack takes a value apart for a, b = value. The pattern is the number of
// targets, or a tuple with one entry each: None for a value, True for the
// starred one, a pattern for a nested one. The result is flat.
func unpack(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return rt.unpack(args[0], args[1])
}

func (rt *Runtime) unpack(v, pattern starlark.Value) (starlark.Tuple, error) {
	if n, ok := pattern.(starlark.Int); ok {
		want, _ := n.Int64()
		if t, ok := v.(starlark.Tuple); ok && len(t) == int(want) {
			return t, nil
		}
		return rt.exactly(v, int(want))
	}
	entries := pattern.(starlark.Tuple)
	starred := -1
	for i, e := range entries {
		if e == starlark.True {
			starred = i
		}
	}
	list, err := rt.parts(v)
	if err != nil {
		return nil, err
	}
	if starred >= 0 {
		after := len(entries) - 1 - starred
		if len(list) < starred+after {
			return nil, Raisef(ValueError, "not enough values to unpack (expected at least %d, got %d)", starred+after, len(list))
		}
		middle := starlark.NewList(append([]starlark.Value(nil), list[starred:len(list)-after]...))
		rest := list[len(list)-after:]
		list = append(append(append([]starlark.Value(nil), list[:starred]...), middle), rest...)
	}
	if len(list) != len(entries) {
		return nil, miscount(len(entries), len(list))
	}
	var flat starlark.Tuple
	for i, e := range entries {
		switch e.(type) {
		case starlark.NoneType, starlark.Bool:
			flat = append(flat, list[i])
		default:
			inner, err := rt.unpack(list[i], e)
			if err != nil {
				return nil, err
			}
			flat = append(flat, inner...)
		}
	}
	return flat, rt.allocValues(len(list))
}

func (rt *Runtime) parts(v starlark.Value) ([]starlark.Value, error) {
	if !isIterable(v) {
		return nil, Raisef(TypeError, "cannot unpack non-iterable %s object", TypeName(v))
	}
	return rt.List(v)
}

func (rt *Runtime) exactly(v starlark.Value, want int) (starlark.Tuple, error) {
	list, err := rt.parts(v)
	if err != nil {
		return nil, err
	}
	if len(list) != want {
		return nil, miscount(want, len(list))
	}
	return list, nil
}

func miscount(want, got int) error {
	if got > want {
		return Raisef(ValueError, "too many values to unpack (expected %d)", want)
	}
	return Raisef(ValueError, "not enough values to unpack (expected %d, got %d)", want, got)
}

// rows takes each element apart, for the targets of a comprehension.
func rows(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	var out starlark.Tuple
	err := rt.Each(args[0], func(v starlark.Value) (bool, error) {
		row, err := rt.unpack(v, args[1])
		if err != nil {
			return false, err
		}
		out = append(out, row)
		return true, rt.allocValues(1)
	})
	return out, err
}

// A flag ends the iterations of any, all and next when the answer is known.
type flag struct {
	stopOn starlark.Bool
	in     starlark.Value // what the first loop runs through
	up     bool
}

// newFlag returns a list of a new flag, for a comprehension to run through.
func newFlag(_ *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return starlark.Tuple{&flag{stopOn: args[0].(starlark.Bool), in: args[1]}}, nil
}

func (f *flag) Name() string          { return "flag" }
func (f *flag) String() string        { return "flag" }
func (f *flag) Type() string          { return "flag" }
func (f *flag) Freeze()               {}
func (f *flag) Truth() starlark.Bool  { return true }
func (f *flag) Hash() (uint32, error) { return 0, nil }

// CallInternal reports whether its argument decides, and then raises the flag.
func (f *flag) CallInternal(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	f.up = f.up || args[0].Truth() == f.stopOn
	return starlark.Bool(f.up), nil
}

// gate runs through an iterable until the flag is up.
func gate(_ *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	f := args[0].(*flag)
	in := f.in
	if len(args) > 1 {
		in = args[1]
	}
	return &gated{f, in.(starlark.Iterable)}, nil
}

type gated struct {
	*flag
	in starlark.Iterable
}

func (g *gated) Iterate() starlark.Iterator { return &gatedIterator{g.flag, g.in.Iterate()} }

type gatedIterator struct {
	flag *flag
	starlark.Iterator
}

func (it *gatedIterator) Next(p *starlark.Value) bool { return !it.flag.up && it.Iterator.Next(p) }

// first is next() over a generator: its first element, or the default.
func first(_ *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	list, _ := elements(args[0])
	switch {
	case len(list) > 0:
		return list[0], nil
	case len(args) > 1:
		return args[1], nil
	}
	return nil, &Exception{class: StopIteration}
}
