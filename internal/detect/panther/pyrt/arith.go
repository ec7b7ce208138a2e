package pyrt

import (
	"math"
	"math/big"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// maxBits bounds integers: beyond it, arithmetic costs more than the steps
// that are counted for it.
const maxBits = 1 << 16

func tooLarge() error { return Raisef(OverflowError, "the integer has more than %d bits", maxBits) }

// numbers returns both operands as ints, or as floats if one is a float.
func numbers(x, y starlark.Value) (a, b starlark.Int, f, g float64, kind byte) {
	a, ok := integer(x)
	b, ok2 := integer(y)
	if ok && ok2 {
		return a, b, 0, 0, 'i'
	}
	f, ok = Float(x)
	g, ok2 = Float(y)
	if ok && ok2 {
		return a, b, f, g, 'f'
	}
	return a, b, 0, 0, 0
}

func add2(rt *Runtime, x, y starlark.Value) (starlark.Value, error) {
	switch x := x.(type) {
	case starlark.String:
		if y, ok := y.(starlark.String); ok {
			if err := rt.Alloc(int64(len(x) + len(y))); err != nil {
				return nil, err
			}
			return x + y, nil
		}
		return nil, Raisef(TypeError, "can only concatenate str (not \"%s\") to str", TypeName(y))
	case starlark.Bytes:
		if y, ok := y.(starlark.Bytes); ok {
			if err := rt.Alloc(int64(len(x) + len(y))); err != nil {
				return nil, err
			}
			return x + y, nil
		}
	case *starlark.List, *FrozenList:
		if b, ok := elements(y); ok && !isA[starlark.Tuple](y) {
			a, _ := elements(x)
			list, err := rt.concat(a, b)
			if err != nil {
				return nil, err
			}
			return starlark.NewList(list), nil
		}
		return nil, Raisef(TypeError, "can only concatenate list (not \"%s\") to list", TypeName(y))
	case starlark.Tuple:
		if b, ok := y.(starlark.Tuple); ok {
			list, err := rt.concat(x, b)
			return starlark.Tuple(list), err
		}
	}
	a, b, f, g, kind := numbers(x, y)
	switch kind {
	case 'i':
		return bounded(a.Add(b))
	case 'f':
		return starlark.Float(f + g), nil
	}
	return other(syntax.PLUS, "+", x, y)
}

// elements returns what a list or a tuple holds.
func elements(v starlark.Value) ([]starlark.Value, bool) {
	switch v := v.(type) {
	case *starlark.List:
		list := make([]starlark.Value, v.Len())
		for i := range list {
			list[i] = v.Index(i)
		}
		return list, true
	case starlark.Tuple:
		return v, true
	case *FrozenList:
		return v.elts, true
	}
	return nil, false
}

func (rt *Runtime) concat(a, b []starlark.Value) ([]starlark.Value, error) {
	if err := rt.allocValues(len(a) + len(b)); err != nil {
		return nil, err
	}
	return append(append(make([]starlark.Value, 0, len(a)+len(b)), a...), b...), nil
}

func bounded(n starlark.Int) (starlark.Value, error) {
	if _, small := n.Int64(); !small && n.BigInt().BitLen() > maxBits {
		return nil, tooLarge()
	}
	return n, nil
}

func sub(_ *Runtime, x, y starlark.Value) (starlark.Value, error) {
	a, b, f, g, kind := numbers(x, y)
	switch kind {
	case 'i':
		return bounded(a.Sub(b))
	case 'f':
		return starlark.Float(f - g), nil
	}
	if a, b, ok := sets(x, y); ok {
		return setMinus(a, b)
	}
	return other(syntax.MINUS, "-", x, y)
}

func mul(rt *Runtime, x, y starlark.Value) (starlark.Value, error) {
	a, b, f, g, kind := numbers(x, y)
	switch kind {
	case 'i':
		if bitLen(a)+bitLen(b) > maxBits {
			return nil, tooLarge()
		}
		return a.Mul(b), nil
	case 'f':
		return starlark.Float(f * g), nil
	}
	if n, ok := integer(y); ok {
		if z, err := rt.repeat(x, n); z != nil || err != nil {
			return z, err
		}
	}
	if n, ok := integer(x); ok {
		if z, err := rt.repeat(y, n); z != nil || err != nil {
			return z, err
		}
	}
	return other(syntax.STAR, "*", x, y)
}

func bitLen(n starlark.Int) int {
	if i, ok := n.Int64(); ok && i > -1<<31 && i < 1<<31 {
		return 32
	}
	return n.BigInt().BitLen()
}

// repeat returns v n times in a row, nil if v cannot be repeated.
func (rt *Runtime) repeat(v starlark.Value, count starlark.Int) (starlark.Value, error) {
	size := int64(0)
	switch v := v.(type) {
	case starlark.String:
		size = int64(len(v))
	case starlark.Bytes:
		size = int64(len(v))
	case *starlark.List:
		size = int64(v.Len()) * valueBytes
	case starlark.Tuple:
		size = int64(len(v)) * valueBytes
	default:
		return nil, nil
	}
	n, ok := count.Int64()
	if !ok && count.Sign() > 0 || size > 0 && n > math.MaxInt64/size {
		return nil, rt.exceeded("memory")
	}
	n = max(n, 0)
	if err := rt.Alloc(size * n); err != nil {
		return nil, err
	}
	if size == 0 {
		n = min(n, 1)
	}
	return starlark.Binary(syntax.STAR, v, starlark.MakeInt64(n))
}

func div(_ *Runtime, x, y starlark.Value) (starlark.Value, error) {
	a, b, f, g, kind := numbers(x, y)
	switch kind {
	case 'i':
		if b.Sign() == 0 {
			return nil, Raisef(ZeroDivisionError, "division by zero")
		}
		q, _ := new(big.Rat).SetFrac(a.BigInt(), b.BigInt()).Float64()
		if math.IsInf(q, 0) {
			return nil, Raisef(OverflowError, "integer division result too large for a float")
		}
		return starlark.Float(q), nil
	case 'f':
		if g == 0 {
			return nil, Raisef(ZeroDivisionError, "float division by zero")
		}
		return starlark.Float(f / g), nil
	}
	return other(syntax.SLASH, "/", x, y)
}

func floorDiv(_ *Runtime, x, y starlark.Value) (starlark.Value, error) {
	a, b, f, g, kind := numbers(x, y)
	switch kind {
	case 'i':
		if b.Sign() == 0 {
			return nil, Raisef(ZeroDivisionError, "integer division or modulo by zero")
		}
		return a.Div(b), nil
	case 'f':
		if g == 0 {
			return nil, Raisef(ZeroDivisionError, "float floor division by zero")
		}
		return starlark.Float(math.Floor(f / g)), nil
	}
	return other(syntax.SLASHSLASH, "//", x, y)
}

func mod(rt *Runtime, x, y starlark.Value) (starlark.Value, error) {
	switch x := x.(type) {
	case starlark.String:
		return rt.percent(string(x), y)
	}
	a, b, f, g, kind := numbers(x, y)
	switch kind {
	case 'i':
		if b.Sign() == 0 {
			return nil, Raisef(ZeroDivisionError, "integer modulo by zero")
		}
		return a.Mod(b), nil
	case 'f':
		if g == 0 {
			return nil, Raisef(ZeroDivisionError, "float modulo")
		}
		r := math.Mod(f, g)
		if r != 0 && (r < 0) != (g < 0) {
			r += g
		}
		return starlark.Float(r), nil
	}
	return other(syntax.PERCENT, "%", x, y)
}

func pow(rt *Runtime, x, y starlark.Value) (starlark.Value, error) {
	a, b, f, g, kind := numbers(x, y)
	switch {
	case kind == 'i' && b.Sign() >= 0:
		n, ok := b.Int64()
		bits := int64(a.BigInt().BitLen())
		if bits > 1 && (!ok || n > maxBits || bits*n > maxBits) {
			return nil, tooLarge()
		}
		if !ok {
			n = 2 + b.BigInt().Int64()&1 // 0, 1 or -1: only whether it is even counts
		}
		if bits > 1 {
			if err := rt.Charge(int(bits * n / 8)); err != nil {
				return nil, err
			}
		}
		return starlark.MakeBigInt(new(big.Int).Exp(a.BigInt(), big.NewInt(n), nil)), nil
	case kind == 'i':
		f, g = float64(a.Float()), float64(b.Float())
	case kind == 0:
		return nil, unsupported("** or pow()", x, y)
	}
	switch {
	case f == 0 && g < 0:
		return nil, Raisef(ZeroDivisionError, "0.0 cannot be raised to a negative power")
	case f < 0 && g != math.Trunc(g):
		return nil, Raisef(ValueError, "complex numbers are not supported")
	}
	r := math.Pow(f, g)
	if math.IsInf(r, 0) && !math.IsInf(f, 0) && !math.IsInf(g, 0) {
		return nil, Raisef(OverflowError, "(34, 'Numerical result out of range')")
	}
	return starlark.Float(r), nil
}

func lshift(_ *Runtime, x, y starlark.Value) (starlark.Value, error) { return shift("<<", x, y) }
func rshift(_ *Runtime, x, y starlark.Value) (starlark.Value, error) { return shift(">>", x, y) }

func shift(sign string, x, y starlark.Value) (starlark.Value, error) {
	a, ok := integer(x)
	b, ok2 := integer(y)
	if !ok || !ok2 {
		return nil, unsupported(sign, x, y)
	}
	if b.Sign() < 0 {
		return nil, Raisef(ValueError, "negative shift count")
	}
	n, ok := b.Int64()
	if sign == ">>" {
		if !ok || n > maxBits*2 {
			n = maxBits * 2
		}
		return a.Rsh(uint(n)), nil
	}
	if a.Sign() == 0 {
		return a, nil
	}
	if !ok || n > maxBits || n+int64(bitLen(a)) > maxBits+32 {
		return nil, tooLarge()
	}
	return a.Lsh(uint(n)), nil
}

// bitwise is &, | or ^ of ints, bools, sets and dicts.
func bitwise(op syntax.Token) func(rt *Runtime, x, y starlark.Value) (starlark.Value, error) {
	return func(rt *Runtime, x, y starlark.Value) (starlark.Value, error) {
		if p, ok := x.(starlark.Bool); ok {
			if q, ok := y.(starlark.Bool); ok {
				return starlark.Bool(map[syntax.Token]bool{
					syntax.AMP: bool(p && q), syntax.PIPE: bool(p || q), syntax.CIRCUMFLEX: p != q,
				}[op]), nil
			}
		}
		a, ok := integer(x)
		b, ok2 := integer(y)
		if ok && ok2 {
			switch op {
			case syntax.AMP:
				return a.And(b), nil
			case syntax.PIPE:
				return a.Or(b), nil
			}
			return a.Xor(b), nil
		}
		if a, b, ok := sets(x, y); ok {
			if err := rt.allocValues(a.Len() + b.Len()); err != nil {
				return nil, err
			}
			switch op {
			case syntax.AMP:
				return setAnd(a, b)
			case syntax.PIPE:
				return setOr(a, b)
			}
			return setXor(a, b)
		}
		if d, ok := mergeable(x); ok && op == syntax.PIPE {
			if e, ok := mergeable(y); ok {
				return rt.mergeDicts(d, e)
			}
		}
		if c, ok := x.(starlark.Value); ok && op == syntax.PIPE && isClass(c) && (isClass(y) || y == starlark.None) {
			return starlark.Tuple{x, y}, nil // int | None, for isinstance
		}
		return other(op, op.String(), x, y)
	}
}

func inPlaceAdd(rt *Runtime, x, y starlark.Value) (starlark.Value, error) {
	list, ok := x.(*starlark.List)
	if !ok {
		return add2(rt, x, y)
	}
	if _, err := listExtend(rt, list, starlark.Tuple{y}, nil); err != nil {
		return nil, err
	}
	return list, nil
}

func inPlaceMul(rt *Runtime, x, y starlark.Value) (starlark.Value, error) { return mul(rt, x, y) }

// inPlaceSet is an operator that changes a set, or a dict, that is on its
// left, and computes a new value for all else.
func inPlaceSet(name string, op func(rt *Runtime, x, y starlark.Value) (starlark.Value, error)) func(rt *Runtime, x, y starlark.Value) (starlark.Value, error) {
	return func(rt *Runtime, x, y starlark.Value) (starlark.Value, error) {
		var err error
		switch x := x.(type) {
		case *starlark.Set:
			if !isA[*starlark.Set](y) && !isA[*dictView](y) {
				return nil, unsupported(name, x, y)
			}
			_, err = rt.methods.set[name](rt, x, starlark.Tuple{y}, nil)
		case *starlark.Dict, *SpecialDict:
			if name != "update" {
				return op(rt, x, y)
			}
			_, err = dictUpdate(rt, x, starlark.Tuple{y}, nil)
		default:
			return op(rt, x, y)
		}
		if err != nil {
			return nil, err
		}
		return x, nil
	}
}

func negate(_ *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	switch v := args[0].(type) {
	case starlark.Float:
		return -v, nil
	case starlark.HasUnary:
		if !isA[starlark.Int](v) && !isA[starlark.Float](v) {
			if w, err := v.Unary(syntax.MINUS); w != nil || err != nil {
				return w, err
			}
		}
	}
	if n, ok := integer(args[0]); ok {
		return starlark.MakeInt(0).Sub(n), nil
	}
	return nil, Raisef(TypeError, "bad operand type for unary -: '%s'", TypeName(args[0]))
}

func positive(_ *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if f, ok := args[0].(starlark.Float); ok {
		return f, nil
	}
	if n, ok := integer(args[0]); ok {
		return n, nil
	}
	return nil, Raisef(TypeError, "bad operand type for unary +: '%s'", TypeName(args[0]))
}

func invert(_ *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if n, ok := integer(args[0]); ok {
		return n.Not(), nil
	}
	return nil, Raisef(TypeError, "bad operand type for unary ~: '%s'", TypeName(args[0]))
}
