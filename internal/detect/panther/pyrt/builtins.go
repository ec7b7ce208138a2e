package pyrt

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func (rt *Runtime) addBuiltins() {
	for name, fn := range map[string]Func{
		"abs": builtinAbs, "all": builtinAll, "any": builtinAny, "ascii": asciiOp, "bin": baseText("bin", 'b'),
		"callable": builtinCallable, "chr": builtinChr, "divmod": builtinDivmod, "enumerate": builtinEnumerate,
		"filter": builtinFilter, "format": formatOp, "getattr": builtinGetattr, "hasattr": builtinHasattr,
		"hash": builtinHash, "hex": baseText("hex", 'x'), "isinstance": builtinIsinstance,
		"issubclass": builtinIssubclass, "iter": builtinIter, "len": builtinLen, "map": builtinMap,
		"max": extreme("max", syntax.GT), "min": extreme("min", syntax.LT), "next": builtinNext,
		"oct": baseText("oct", 'o'), "ord": builtinOrd, "pow": builtinPow, "print": builtinPrint, "repr": reprOp,
		"reversed": builtinReversed, "round": builtinRound, "sorted": builtinSorted, "sum": builtinSum, "zip": builtinZip,
		"slice": builtinSlice,
	} {
		rt.names[name] = rt.NewBuiltin(name, fn)
	}
	rt.names["Ellipsis"] = constant("Ellipsis")
	rt.names["NotImplemented"] = constant("NotImplemented")
	rt.names["__name__"] = starlark.String("rule")
	rt.names["__doc__"] = starlark.None
}

// A constant is a value that is only itself.
type constant string

func (c constant) String() string        { return string(c) }
func (c constant) Type() string          { return "ellipsis" }
func (c constant) Freeze()               {}
func (c constant) Truth() starlark.Bool  { return true }
func (c constant) Hash() (uint32, error) { return starlark.String(c).Hash() }

func builtinLen(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("len", args, kwargs, "obj")
	if err != nil {
		return nil, err
	}
	switch v := a[0].(type) {
	case starlark.String:
		return starlark.MakeInt(utf8.RuneCountInString(string(v))), rt.Charge(len(v) / bytesPerStep)
	case starlark.Sequence:
		return starlark.MakeInt(v.Len()), nil
	case interface{ Len() int }:
		return starlark.MakeInt(v.Len()), nil
	}
	return nil, Raisef(TypeError, "object of type '%s' has no len()", TypeName(a[0]))
}

func builtinAbs(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("abs", args, kwargs, "x")
	if err != nil {
		return nil, err
	}
	if f, ok := a[0].(starlark.Float); ok {
		return starlark.Float(math.Abs(float64(f))), nil
	}
	if n, ok := integer(a[0]); ok {
		if n.Sign() < 0 {
			return starlark.MakeInt(0).Sub(n), nil
		}
		return n, nil
	}
	if x, ok := a[0].(interface{ Abs() starlark.Value }); ok {
		return x.Abs(), nil
	}
	return nil, Raisef(TypeError, "bad operand type for abs(): '%s'", TypeName(a[0]))
}

func builtinAll(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return quantifier(rt, "all", false, args, kwargs)
}

func builtinAny(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return quantifier(rt, "any", true, args, kwargs)
}

func quantifier(rt *Runtime, name string, decides starlark.Bool, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind(name, args, kwargs, "iterable")
	if err != nil {
		return nil, err
	}
	result := !decides
	err = rt.Each(a[0], func(v starlark.Value) (bool, error) {
		if v.Truth() == decides {
			result = decides
		}
		return result != decides, nil
	})
	return result, err
}

func builtinSum(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("sum", args, kwargs, "iterable", "start?")
	if err != nil {
		return nil, err
	}
	total := a[1]
	if total == nil {
		total = starlark.MakeInt(0)
	}
	if isA[starlark.String](total) {
		return nil, Raisef(TypeError, "sum() can't sum strings [use ''.join(seq) instead]")
	}
	err = rt.Each(a[0], func(v starlark.Value) (bool, error) {
		total, err = add2(rt, total, v)
		return true, err
	})
	return total, err
}

// extreme is min or max.
func extreme(name string, op syntax.Token) Func {
	return func(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		key, kwargs := Keyword(kwargs, "key")
		otherwise, kwargs := Keyword(kwargs, "default")
		if len(kwargs) > 0 || len(args) == 0 {
			return nil, Raisef(TypeError, "%s expected at least 1 argument, got %d", name, len(args))
		}
		var in starlark.Value = args
		if len(args) == 1 {
			in = args[0]
		}
		var best, bestKey starlark.Value
		err := rt.Each(in, func(v starlark.Value) (bool, error) {
			k := v
			if !absent(key) {
				var err error
				if k, err = rt.call(key, v); err != nil {
					return false, err
				}
			}
			if best != nil {
				if better, err := rt.order(op, k, bestKey, 0); !better || err != nil {
					return true, err
				}
			}
			best, bestKey = v, k
			return true, nil
		})
		if best == nil && err == nil {
			if otherwise != nil {
				return otherwise, nil
			}
			return nil, Raisef(ValueError, "%s() arg is an empty sequence", name)
		}
		return best, err
	}
}

func builtinSorted(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) != 1 {
		return nil, Raisef(TypeError, "sorted expected 1 argument, got %d", len(args))
	}
	list, err := rt.List(args[0])
	if err != nil {
		return nil, err
	}
	list, err = rt.sorted("sorted", slices.Clone(list), nil, kwargs)
	if err != nil {
		return nil, err
	}
	return starlark.NewList(list), nil
}

func builtinReversed(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("reversed", args, kwargs, "sequence")
	if err != nil {
		return nil, err
	}
	if isA[*starlark.Set](a[0]) || isA[*Iterator](a[0]) {
		return nil, Raisef(TypeError, "'%s' object is not reversible", TypeName(a[0]))
	}
	list, err := rt.List(a[0])
	if err != nil {
		return nil, err
	}
	list = slices.Clone(list)
	slices.Reverse(list)
	return over("reversed", list), nil
}

func builtinIsinstance(_ *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("isinstance", args, kwargs, "obj", "class")
	if err != nil {
		return nil, err
	}
	ok, err := instanceOf(a[0], a[1])
	return starlark.Bool(ok), err
}

func builtinIssubclass(_ *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("issubclass", args, kwargs, "class", "classinfo")
	if err != nil {
		return nil, err
	}
	list, ok := a[1].(starlark.Tuple)
	if !ok {
		list = starlark.Tuple{a[1]}
	}
	for _, d := range list {
		if c, ok := a[0].(*Class); ok {
			if e, ok := d.(*Class); ok && c.within(e) {
				return starlark.True, nil
			}
			continue
		}
		if a[0] == d {
			return starlark.True, nil
		}
	}
	return starlark.False, nil
}

func builtinCallable(_ *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("callable", args, kwargs, "obj")
	if err != nil {
		return nil, err
	}
	return starlark.Bool(isA[starlark.Callable](a[0])), nil
}

func builtinHash(_ *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("hash", args, kwargs, "obj")
	if err != nil {
		return nil, err
	}
	n, err := a[0].Hash()
	if err != nil {
		return nil, unhashable(a[0])
	}
	return starlark.MakeUint(uint(n)), nil
}

func builtinGetattr(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("getattr", args, kwargs, "obj", "name", "default?")
	if err != nil {
		return nil, err
	}
	name, err := Text("getattr(): attribute name", a[1])
	if err != nil {
		return nil, err
	}
	v, err := rt.attr(a[0], name)
	if exc, ok := err.(*Exception); ok && a[2] != nil && exc.class.within(AttributeError) {
		return a[2], nil
	}
	return v, err
}

func builtinHasattr(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, err := builtinGetattr(rt, append(slices.Clone(args), &object{}), kwargs)
	if err != nil {
		return nil, err
	}
	return starlark.Bool(!isA[*object](v)), nil
}

func builtinChr(_ *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("chr", args, kwargs, "i")
	if err != nil {
		return nil, err
	}
	n, err := Int(a[0])
	if err != nil {
		return nil, err
	}
	if n < 0 || n > utf8.MaxRune {
		return nil, Raisef(ValueError, "chr() arg not in range(0x110000)")
	}
	return starlark.String(string(rune(n))), nil
}

func builtinOrd(_ *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("ord", args, kwargs, "c")
	if err != nil {
		return nil, err
	}
	s, ok := a[0].(starlark.String)
	if !ok || utf8.RuneCountInString(string(s)) != 1 {
		return nil, Raisef(TypeError, "ord() expected a character")
	}
	c, _ := utf8.DecodeRuneInString(string(s))
	return starlark.MakeInt(int(c)), nil
}

// baseText is bin, oct or hex.
func baseText(name string, kind byte) Func {
	return func(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		a, err := Bind(name, args, kwargs, "number")
		if err != nil {
			return nil, err
		}
		n, ok := integer(a[0])
		if !ok {
			return nil, Raisef(TypeError, "'%s' object cannot be interpreted as an integer", TypeName(a[0]))
		}
		s, err := spec{fill: ' ', precision: -1, alt: true, kind: kind}.integer(rt, n)
		return starlark.String(s), err
	}
}

func builtinDivmod(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("divmod", args, kwargs, "x", "y")
	if err != nil {
		return nil, err
	}
	q, err := floorDiv(rt, a[0], a[1])
	if err != nil {
		return nil, err
	}
	r, err := mod(rt, a[0], a[1])
	return starlark.Tuple{q, r}, err
}

func builtinPow(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("pow", args, kwargs, "base", "exp", "mod?")
	if err != nil {
		return nil, err
	}
	if absent(a[2]) {
		return pow(rt, a[0], a[1])
	}
	x, ok := integer(a[0])
	y, ok2 := integer(a[1])
	m, ok3 := integer(a[2])
	if !ok || !ok2 || !ok3 {
		return nil, Raisef(TypeError, "pow() 3rd argument not allowed unless all arguments are integers")
	}
	if m.Sign() == 0 || y.Sign() < 0 {
		return nil, Raisef(ValueError, "pow() 3rd argument cannot be 0, nor the 2nd negative")
	}
	if bits := y.BigInt().BitLen() * (1 + m.BigInt().BitLen()/64); bits > maxBits {
		return nil, tooLarge()
	}
	if err := rt.Charge(bitLen(y) * (1 + bitLen(m)/64) * (1 + bitLen(m)/64)); err != nil {
		return nil, err
	}
	r := new(big.Int).Exp(x.BigInt(), y.BigInt(), m.BigInt())
	if r.Sign() != 0 && m.Sign() < 0 {
		r.Add(r, m.BigInt())
	}
	return starlark.MakeBigInt(r), nil
}

func builtinRound(_ *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("round", args, kwargs, "number", "ndigits?")
	if err != nil {
		return nil, err
	}
	digits := 0
	if !absent(a[1]) {
		if digits, err = Int(a[1]); err != nil {
			return nil, err
		}
	}
	if n, ok := integer(a[0]); ok {
		if digits >= 0 {
			return n, nil
		}
		unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(min(-digits, 5000))), nil)
		q, r := new(big.Int).DivMod(n.BigInt(), unit, new(big.Int))
		twice := new(big.Int).Lsh(r, 1)
		if c := twice.Cmp(unit); c > 0 || c == 0 && q.Bit(0) == 1 {
			q.Add(q, big.NewInt(1))
		}
		return starlark.MakeBigInt(q.Mul(q, unit)), nil
	}
	f, ok := a[0].(starlark.Float)
	if !ok {
		return nil, Raisef(TypeError, "type %s doesn't define __round__ method", TypeName(a[0]))
	}
	if absent(a[1]) {
		return makeInt(nil, starlark.Tuple{starlark.Float(math.RoundToEven(float64(f)))}, nil)
	}
	return starlark.Float(roundTo(float64(f), digits)), nil
}

// roundTo rounds by the decimal digits that f really has, as Python does.
func roundTo(f float64, digits int) float64 {
	switch {
	case math.IsInf(f, 0) || math.IsNaN(f) || digits > 320:
		return f
	case digits < -320:
		return 0
	}
	exact, _ := new(big.Float).SetFloat64(f).Rat(nil)
	unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(digits, -digits))), nil))
	if digits < 0 {
		unit.Inv(unit)
	}
	exact.Mul(exact, unit)
	half := new(big.Rat).SetFrac64(1, 2)
	sum := new(big.Rat).Add(exact, half)
	q := new(big.Int).Div(sum.Num(), sum.Denom())
	if sum.IsInt() && q.Bit(0) == 1 {
		q.Sub(q, big.NewInt(1)) // a tie goes to the even one
	}
	r, _ := new(big.Rat).Quo(new(big.Rat).SetInt(q), unit).Float64()
	if r == 0 {
		return math.Copysign(0, f)
	}
	return r
}

func builtinPrint(*Runtime, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return starlark.None, nil // a rule has no terminal
}

func builtinSlice(_ *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("slice", args, kwargs, "start", "stop?", "step?")
	if err != nil {
		return nil, err
	}
	if len(args) == 1 {
		return &Slice{nil, a[0], nil}, nil
	}
	return &Slice{a[0], a[1], a[2]}, nil
}

func makeStr(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) == 0 {
		return starlark.String(""), nil
	}
	if b, ok := args[0].(starlark.Bytes); ok && len(args)+len(kwargs) > 1 {
		return decodeMethod(rt, b, args[1:], kwargs)
	}
	s, err := rt.Str(args[0])
	return starlark.String(s), err
}

// strMakeTrans is str.maketrans.
func strMakeTrans(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("maketrans", args, kwargs, "x", "y?", "z?")
	if err != nil {
		return nil, err
	}
	d := new(starlark.Dict)
	set := func(c rune, v starlark.Value) error { return rt.setKey(d, starlark.MakeInt(int(c)), v) }
	if m, ok := a[0].(starlark.IterableMapping); ok {
		for _, kv := range m.Items() {
			k := kv[0]
			if s, ok := k.(starlark.String); ok {
				c, _ := utf8.DecodeRuneInString(string(s))
				k = starlark.MakeInt(int(c))
			}
			if err := rt.setKey(d, k, kv[1]); err != nil {
				return nil, err
			}
		}
		return d, nil
	}
	var texts []string
	for _, v := range a {
		s, _ := v.(starlark.String)
		texts = append(texts, string(s))
	}
	to := []rune(texts[1])
	for i, c := range []rune(texts[0]) {
		if i >= len(to) {
			return nil, Raisef(ValueError, "the first two maketrans arguments must have equal length")
		}
		if err := set(c, starlark.MakeInt(int(to[i]))); err != nil {
			return nil, err
		}
	}
	for _, c := range strings.Clone(texts[2]) {
		if err := set(c, starlark.None); err != nil {
			return nil, err
		}
	}
	return d, nil
}
