package pyrt

import (
	"strconv"

	"go.starlark.net/starlark"
)

// A Range is what range() returns.
type Range struct{ start, step, n int }

func makeRange(_ *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) == 0 || len(args) > 3 || len(kwargs) > 0 {
		return nil, Raisef(TypeError, "range expected 1 to 3 arguments, got %d", len(args))
	}
	nums := []int{0, 0, 1}
	for i, v := range args {
		n, err := Int(v)
		if err != nil {
			return nil, err
		}
		if len(args) == 1 {
			i = 1
		}
		nums[i] = n
	}
	start, stop, step := nums[0], nums[1], nums[2]
	const far = 1 << 60
	if step == 0 {
		return nil, Raisef(ValueError, "range() arg 3 must not be zero")
	}
	if start > far || start < -far || stop > far || stop < -far || step > far || step < -far {
		return nil, Raisef(OverflowError, "range() argument is too large")
	}
	n := 0
	if step > 0 && start < stop {
		n = (stop-start-1)/step + 1
	} else if step < 0 && start > stop {
		n = (start-stop-1)/-step + 1
	}
	return &Range{start, step, n}, nil
}

func (r *Range) String() string {
	s := "range(" + strconv.Itoa(r.start) + ", " + strconv.Itoa(r.start+r.n*r.step)
	if r.step != 1 {
		s += ", " + strconv.Itoa(r.step)
	}
	return s + ")"
}
func (r *Range) Type() string               { return "range" }
func (r *Range) Freeze()                    {}
func (r *Range) Truth() starlark.Bool       { return r.n > 0 }
func (r *Range) Hash() (uint32, error)      { return uint32(r.start + 31*r.n), nil }
func (r *Range) Len() int                   { return r.n }
func (r *Range) Index(i int) starlark.Value { return starlark.MakeInt(r.start + i*r.step) }
func (r *Range) Iterate() starlark.Iterator { return &rangeIterator{r: r} }

// Contains is "x in range".
func (r *Range) Contains(x starlark.Value) (bool, error) {
	n, ok := integer(x)
	if !ok {
		return false, nil
	}
	i, ok := n.Int64()
	if !ok {
		return false, nil
	}
	d := int(i) - r.start
	return d%r.step == 0 && d/r.step >= 0 && d/r.step < r.n, nil
}

// Equal compares as sequences.
func (r *Range) Equal(v starlark.Value) bool {
	s, ok := v.(*Range)
	return ok && r.n == s.n && (r.n == 0 || r.start == s.start && (r.n == 1 || r.step == s.step))
}

func (r *Range) slice(s *Slice) (starlark.Value, error) {
	lo, hi, step, err := s.bounds(r.n)
	if err != nil {
		return nil, err
	}
	n := 0
	if step > 0 && lo < hi {
		n = (hi-lo-1)/step + 1
	} else if step < 0 && lo > hi {
		n = (lo-hi-1)/-step + 1
	}
	return &Range{r.start + lo*r.step, r.step * step, n}, nil
}

type rangeIterator struct {
	r *Range
	i int
}

func (it *rangeIterator) Next(p *starlark.Value) bool {
	if it.i >= it.r.n {
		return false
	}
	*p = it.r.Index(it.i)
	it.i++
	return true
}

func (*rangeIterator) Done() {}
