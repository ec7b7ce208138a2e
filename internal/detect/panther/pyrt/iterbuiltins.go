package pyrt

import "go.starlark.net/starlark"

func builtinIter(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("iter", args, kwargs, "iterable")
	if err != nil {
		return nil, err
	}
	return rt.iterator("iterator", a[0])
}

// iterator returns an iterator that nothing must close.
func (rt *Runtime) iterator(kind string, v starlark.Value) (*Iterator, error) {
	switch v := v.(type) {
	case *Iterator:
		return v, nil
	case starlark.String, starlark.Bytes, *starlark.List:
		next, _, err := rt.iterate(v)
		return &Iterator{kind, next}, err
	case *Range:
		i := 0
		return &Iterator{kind, func() (starlark.Value, error) {
			if i >= v.n {
				return nil, nil
			}
			i++
			return v.Index(i - 1), nil
		}}, nil
	}
	list, err := rt.List(v)
	return over(kind, list), err
}

func builtinNext(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("next", args, kwargs, "iterator", "default?")
	if err != nil {
		return nil, err
	}
	it, ok := a[0].(*Iterator)
	if !ok {
		return nil, Raisef(TypeError, "'%s' object is not an iterator", TypeName(a[0]))
	}
	v, err := it.next()
	switch {
	case err != nil:
		return nil, err
	case v != nil:
		return v, nil
	case a[1] != nil:
		return a[1], nil
	}
	return nil, &Exception{class: StopIteration}
}

func builtinEnumerate(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("enumerate", args, kwargs, "iterable", "start?")
	if err != nil {
		return nil, err
	}
	n := 0
	if a[1] != nil {
		if n, err = Int(a[1]); err != nil {
			return nil, err
		}
	}
	in, err := rt.iterator("enumerate", a[0])
	if err != nil {
		return nil, err
	}
	return &Iterator{"enumerate", func() (starlark.Value, error) {
		v, err := in.next()
		if v == nil || err != nil {
			return nil, err
		}
		n++
		return starlark.Tuple{starlark.MakeInt(n - 1), v}, rt.allocValues(3)
	}}, nil
}

func builtinZip(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	strict, kwargs := Keyword(kwargs, "strict")
	if len(kwargs) > 0 {
		return nil, Raisef(TypeError, "zip() got an unexpected keyword argument")
	}
	var in []*Iterator
	for _, v := range args {
		it, err := rt.iterator("zip", v)
		if err != nil {
			return nil, err
		}
		in = append(in, it)
	}
	mustMatch := strict != nil && bool(strict.Truth())
	return &Iterator{"zip", func() (starlark.Value, error) {
		row := make(starlark.Tuple, len(in))
		for i, it := range in {
			v, err := it.next()
			if err != nil {
				return nil, err
			}
			if v == nil {
				if mustMatch && i > 0 {
					return nil, Raisef(ValueError, "zip() argument %d is shorter than argument 1", i+1)
				}
				if mustMatch {
					for j, rest := range in[1:] {
						if w, err := rest.next(); w != nil || err != nil {
							return nil, Raisef(ValueError, "zip() argument %d is longer than argument 1", j+2)
						}
					}
				}
				return nil, nil
			}
			row[i] = v
		}
		if len(in) == 0 {
			return nil, nil
		}
		return row, rt.allocValues(len(in))
	}}, nil
}

func builtinMap(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) < 2 || len(kwargs) > 0 {
		return nil, Raisef(TypeError, "map() must have at least two arguments.")
	}
	rowsOf, err := builtinZip(rt, args[1:], nil)
	if err != nil {
		return nil, err
	}
	return &Iterator{"map", func() (starlark.Value, error) {
		row, err := rowsOf.(*Iterator).next()
		if row == nil || err != nil {
			return nil, err
		}
		return rt.call(args[0], row.(starlark.Tuple)...)
	}}, nil
}

func builtinFilter(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("filter", args, kwargs, "function", "iterable")
	if err != nil {
		return nil, err
	}
	in, err := rt.iterator("filter", a[1])
	if err != nil {
		return nil, err
	}
	return &Iterator{"filter", func() (starlark.Value, error) {
		for {
			v, err := in.next()
			if v == nil || err != nil {
				return nil, err
			}
			keep := v
			if a[0] != starlark.None {
				if keep, err = rt.call(a[0], v); err != nil {
					return nil, err
				}
			}
			if keep.Truth() {
				return v, nil
			}
			if err := rt.Charge(1); err != nil {
				return nil, err
			}
		}
	}}, nil
}
