package pyrt

import (
	"unicode/utf8"

	"go.starlark.net/starlark"
)

// item is x[i].
func (rt *Runtime) item(x, i starlark.Value) (starlark.Value, error) {
	switch x := x.(type) {
	case *Mapping:
		if v, ok := x.lookup(i); ok {
			return v, nil
		}
		return nil, raise(KeyError, i)
	case *SpecialDict:
		return x.item(rt, i)
	case *starlark.Dict:
		v, found, err := x.Get(i)
		if err != nil {
			return nil, unhashable(i)
		}
		if !found {
			return nil, raise(KeyError, i)
		}
		return v, nil
	case starlark.String:
		return textAt(string(x), i)
	case *starlark.List, starlark.Tuple, *FrozenList, *Range:
		seq := x.(starlark.Indexable)
		if s, ok := i.(*Slice); ok {
			return rt.slice(x, s)
		}
		n, err := position(i, seq.Len(), TypeName(x))
		if err != nil {
			return nil, err
		}
		return seq.Index(n), nil
	case starlark.Bytes:
		n, err := position(i, len(x), "bytes")
		if err != nil {
			return nil, err
		}
		return starlark.MakeInt(int(x[n])), nil
	case *Type: // list[str], as in annotations
		return x, nil
	case subscripted:
		return x.Subscript(rt, i)
	}
	return nil, Raisef(TypeError, "'%s' object is not subscriptable", TypeName(x))
}

// subscripted is a value of a module that can be indexed.
type subscripted interface {
	Subscript(rt *Runtime, i starlark.Value) (starlark.Value, error)
}

// position returns an index within n elements; negative ones count from the
// end.
func position(i starlark.Value, n int, kind string) (int, error) {
	num, ok := integer(i)
	if !ok {
		return 0, Raisef(TypeError, "%s indices must be integers or slices, not %s", kind, TypeName(i))
	}
	at, ok := num.Int64()
	if at < 0 {
		at += int64(n)
	}
	if !ok || at < 0 || at >= int64(n) {
		if kind == "str" {
			kind = "string"
		}
		return 0, Raisef(IndexError, "%s index out of range", kind)
	}
	return int(at), nil
}

// textAt returns the i-th character.
func textAt(s string, i starlark.Value) (starlark.Value, error) {
	if isASCII(s) {
		n, err := position(i, len(s), "str")
		if err != nil {
			return nil, err
		}
		return starlark.String(s[n : n+1]), nil
	}
	n, err := position(i, utf8.RuneCountInString(s), "str")
	if err != nil {
		return nil, err
	}
	begin := byteOffset(s, n)
	_, size := utf8.DecodeRuneInString(s[begin:])
	return starlark.String(s[begin : begin+size]), nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// byteOffset returns where the n-th character of s begins.
func byteOffset(s string, n int) int {
	if isASCII(s) {
		return min(n, len(s))
	}
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// A Slice is what stands between the brackets of x[lo:hi:step].
type Slice struct{ lo, hi, step starlark.Value }

func (*Slice) String() string        { return "slice" }
func (*Slice) Type() string          { return "slice" }
func (*Slice) Freeze()               {}
func (*Slice) Truth() starlark.Bool  { return true }
func (*Slice) Hash() (uint32, error) { return 0, Raisef(TypeError, "unhashable type: 'slice'") }

func sliceOf(_ *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return &Slice{args[0], args[1], args[2]}, nil
}

func sliceOp(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return rt.slice(args[0], &Slice{args[1], args[2], args[3]})
}

// bounds returns where a slice of n elements begins and ends.
func (s *Slice) bounds(n int) (lo, hi, step int, err error) {
	step = 1
	if !absent(s.step) {
		if step, err = sliceIndex(s.step); err != nil {
			return 0, 0, 0, err
		}
		if step == 0 {
			return 0, 0, 0, Raisef(ValueError, "slice step cannot be zero")
		}
	}
	first, last := 0, n
	if step < 0 {
		first, last = n-1, -1
	}
	clamp := func(v starlark.Value, otherwise int) (int, error) {
		if absent(v) {
			return otherwise, nil
		}
		i, err := sliceIndex(v)
		if i < 0 {
			i += n
		}
		if step < 0 {
			return max(-1, min(i, n-1)), err
		}
		return max(0, min(i, n)), err
	}
	if lo, err = clamp(s.lo, first); err != nil {
		return 0, 0, 0, err
	}
	hi, err = clamp(s.hi, last)
	return lo, hi, step, err
}

// sliceIndex returns a bound of a slice, which may be as large as it likes.
func sliceIndex(v starlark.Value) (int, error) {
	n, ok := integer(v)
	if !ok {
		return 0, Raisef(TypeError, "slice indices must be integers or None or have an __index__ method")
	}
	i, ok := n.Int64()
	const far = 1 << 40
	switch {
	case !ok && n.Sign() < 0 || i < -far:
		return -far, nil
	case !ok || i > far:
		return far, nil
	}
	return int(i), nil
}

func (rt *Runtime) slice(x starlark.Value, s *Slice) (starlark.Value, error) {
	switch x := x.(type) {
	case starlark.String:
		return rt.sliceText(string(x), s)
	case starlark.Bytes:
		lo, hi, step, err := s.bounds(len(x))
		if err != nil {
			return nil, err
		}
		if step == 1 {
			return x[lo:max(lo, hi)], nil
		}
		var b []byte
		for i := lo; step > 0 && i < hi || step < 0 && i > hi; i += step {
			b = append(b, x[i])
		}
		return starlark.Bytes(b), rt.Alloc(int64(len(b)))
	case *Range:
		return x.slice(s)
	case subscripted:
		return x.Subscript(rt, s)
	}
	list, ok := elements(x)
	if !ok {
		return nil, Raisef(TypeError, "'%s' object is not subscriptable", TypeName(x))
	}
	lo, hi, step, err := s.bounds(len(list))
	if err != nil {
		return nil, err
	}
	var out []starlark.Value
	if step == 1 {
		out = append(out, list[lo:max(lo, hi)]...)
	} else {
		for i := lo; step > 0 && i < hi || step < 0 && i > hi; i += step {
			out = append(out, list[i])
		}
	}
	if err := rt.allocValues(len(list)); err != nil {
		return nil, err
	}
	if isA[*starlark.List](x) {
		return starlark.NewList(out), nil
	}
	return starlark.Tuple(out), nil
}

func (rt *Runtime) sliceText(s string, at *Slice) (starlark.Value, error) {
	ascii := isASCII(s)
	n := len(s)
	if !ascii {
		n = utf8.RuneCountInString(s)
	}
	lo, hi, step, err := at.bounds(n)
	if err != nil {
		return nil, err
	}
	if err := rt.Charge(n / bytesPerStep); err != nil {
		return nil, err
	}
	if step == 1 {
		if hi <= lo {
			return starlark.String(""), nil
		}
		if ascii {
			return starlark.String(s[lo:hi]), nil
		}
		begin := byteOffset(s, lo)
		return starlark.String(s[begin : begin+byteOffset(s[begin:], hi-lo)]), nil
	}
	if err := rt.Alloc(int64(4 * n)); err != nil {
		return nil, err
	}
	runes := []rune(s)
	var out []rune
	for i := lo; step > 0 && i < hi || step < 0 && i > hi; i += step {
		out = append(out, runes[i])
	}
	return starlark.String(string(out)), nil
}
