package pyrt

import "go.starlark.net/starlark"

// entryBytes is what an entry costs in a dict or a set.
const entryBytes = 64

// setItem is x[i] = v; the arguments are v, x, i, in Python's order.
func setItem(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	v, x, i := args[0], args[1], args[2]
	if d, ok := asDict(x); ok {
		return starlark.None, rt.setKey(d, i, v)
	}
	list, ok := x.(*starlark.List)
	if !ok {
		return nil, Raisef(TypeError, "'%s' object does not support item assignment", TypeName(x))
	}
	if s, ok := i.(*Slice); ok {
		return starlark.None, rt.setSlice(list, s, v)
	}
	n, err := position(i, list.Len(), "list")
	if err != nil {
		if e := err.(*Exception); e.class == IndexError {
			return nil, Raisef(IndexError, "list assignment index out of range")
		}
		return nil, err
	}
	return starlark.None, list.SetIndex(n, v)
}

func (rt *Runtime) setKey(d *starlark.Dict, k, v starlark.Value) error {
	if _, err := k.Hash(); err != nil {
		return unhashable(k)
	}
	if err := rt.Alloc(entryBytes); err != nil {
		return err
	}
	return d.SetKey(k, v)
}

func (rt *Runtime) setSlice(list *starlark.List, s *Slice, v starlark.Value) error {
	old, _ := elements(list)
	lo, hi, step, err := s.bounds(len(old))
	if err != nil {
		return err
	}
	news, err := rt.List(v)
	if err != nil {
		return err
	}
	if step != 1 {
		n := 0
		for i := lo; step > 0 && i < hi || step < 0 && i > hi; i += step {
			if n < len(news) {
				old[i] = news[n]
			}
			n++
		}
		if n != len(news) {
			return Raisef(ValueError, "attempt to assign sequence of size %d to extended slice of size %d", len(news), n)
		}
		return rt.refill(list, old)
	}
	hi = max(lo, hi)
	out, err := rt.concat(old[:lo], news)
	if err != nil {
		return err
	}
	if out, err = rt.concat(out, old[hi:]); err != nil {
		return err
	}
	return rt.refill(list, out)
}

// refill gives a list new elements.
func (rt *Runtime) refill(list *starlark.List, elts []starlark.Value) error {
	if err := list.Clear(); err != nil {
		return err
	}
	for _, v := range elts {
		if err := list.Append(v); err != nil {
			return err
		}
	}
	return rt.allocValues(len(elts))
}

// deleteItem is del x[i].
func deleteItem(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	x, i := args[0], args[1]
	if d, ok := asDict(x); ok {
		if _, err := i.Hash(); err != nil {
			return nil, unhashable(i)
		}
		_, found, err := d.Delete(i)
		if err == nil && !found {
			err = raise(KeyError, i)
		}
		return starlark.None, err
	}
	list, ok := x.(*starlark.List)
	if !ok {
		return nil, Raisef(TypeError, "'%s' object doesn't support item deletion", TypeName(x))
	}
	elts, _ := elements(list)
	drop := map[int]bool{}
	if s, ok := i.(*Slice); ok {
		lo, hi, step, err := s.bounds(len(elts))
		if err != nil {
			return nil, err
		}
		for j := lo; step > 0 && j < hi || step < 0 && j > hi; j += step {
			drop[j] = true
		}
	} else {
		n, err := position(i, len(elts), "list")
		if err != nil {
			return nil, err
		}
		drop[n] = true
	}
	var left []starlark.Value
	for j, v := range elts {
		if !drop[j] {
			left = append(left, v)
		}
	}
	return starlark.None, rt.refill(list, left)
}
