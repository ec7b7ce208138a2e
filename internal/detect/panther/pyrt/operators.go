package pyrt

import (
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func (rt *Runtime) addOperators() {
	add := func(name string, fn Func) { rt.names["$"+name] = rt.NewBuiltin(name, fn) }
	binary := func(name string, f func(rt *Runtime, x, y starlark.Value) (starlark.Value, error)) {
		add(name, func(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			return f(rt, args[0], args[1])
		})
	}
	compare := func(name string, f func(rt *Runtime, x, y starlark.Value) (bool, error)) {
		add(name, func(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			ok, err := f(rt, args[0], args[1])
			if err != nil {
				return nil, err
			}
			return starlark.Bool(ok), nil
		})
	}
	binary("add", add2)
	binary("sub", sub)
	binary("mul", mul)
	binary("div", div)
	binary("floordiv", floorDiv)
	binary("mod", mod)
	binary("pow", pow)
	binary("lshift", lshift)
	binary("rshift", rshift)
	binary("and", bitwise(syntax.AMP))
	binary("or", bitwise(syntax.PIPE))
	binary("xor", bitwise(syntax.CIRCUMFLEX))
	binary("iadd", inPlaceAdd)
	binary("imul", inPlaceMul)
	binary("isub", inPlaceSet("difference_update", sub))
	binary("iand", inPlaceSet("intersection_update", bitwise(syntax.AMP)))
	binary("ior", inPlaceSet("update", bitwise(syntax.PIPE)))
	binary("ixor", inPlaceSet("symmetric_difference_update", bitwise(syntax.CIRCUMFLEX)))
	add("neg", negate)
	add("pos", positive)
	add("invert", invert)
	compare("eq", (*Runtime).Equal)
	compare("ne", func(rt *Runtime, x, y starlark.Value) (bool, error) {
		ok, err := rt.Equal(x, y)
		return !ok, err
	})
	compare("lt", ordered(syntax.LT))
	compare("le", ordered(syntax.LE))
	compare("gt", ordered(syntax.GT))
	compare("ge", ordered(syntax.GE))
	compare("in", contains)
	compare("notin", func(rt *Runtime, x, y starlark.Value) (bool, error) {
		ok, err := contains(rt, x, y)
		return !ok, err
	})
	compare("is", func(_ *Runtime, x, y starlark.Value) (bool, error) { return identical(x, y), nil })
	compare("isnot", func(_ *Runtime, x, y starlark.Value) (bool, error) { return !identical(x, y), nil })
	binary("getitem", (*Runtime).item)
	for name, fn := range map[string]Func{
		"call": callMethod, "attr": getAttr, "setitem": setItem, "delitem": deleteItem, "slice": sliceOp,
		"sliceof": sliceOf, "fstr": fstr, "format": formatOp, "str": strOp, "repr": reprOp, "ascii": asciiOp,
		"iter": iterOp, "rows": rows, "unpack": unpack, "generator": generator, "flag": newFlag, "gate": gate,
		"first": first, "splat": splat, "kwargs": kwargsOp, "dict": dictDisplay, "set": makeSet, "tuple": makeTuple,
		"try": try, "raise": raiseValue, "reraise": reraise, "assertfail": assertFail, "cell": newCell,
		"state": newState, "unset": unset, "enter": enter, "import": importModule, "from": importFrom,
	} {
		add(name, fn)
	}
	rt.names["$star"] = star{}
}

// identical is Python's "is": the same object, or the same small value.
func identical(x, y starlark.Value) bool {
	switch x := x.(type) {
	case starlark.Tuple:
		y, ok := y.(starlark.Tuple)
		return ok && len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
	case starlark.String, starlark.Int, starlark.Float, starlark.Bool, starlark.NoneType, starlark.Bytes:
		if TypeName(x) != TypeName(y) {
			return false
		}
		ok, err := starlark.Equal(x, y)
		return ok && err == nil
	}
	if _, ok := y.(starlark.Tuple); ok {
		return false
	}
	return x == y
}

// other lets one of the operands, a value of a module, compute x op y.
func other(op syntax.Token, sign string, x, y starlark.Value) (starlark.Value, error) {
	if h, ok := x.(starlark.HasBinary); ok && !isBuiltinValue(x) {
		if z, err := h.Binary(op, y, starlark.Left); z != nil || err != nil {
			return z, err
		}
	}
	if h, ok := y.(starlark.HasBinary); ok && !isBuiltinValue(y) {
		if z, err := h.Binary(op, x, starlark.Right); z != nil || err != nil {
			return z, err
		}
	}
	return nil, unsupported(sign, x, y)
}

// isBuiltinValue reports whether v is of a type of Starlark's own, whose
// operators have Starlark's meaning.
func isBuiltinValue(v starlark.Value) bool {
	switch v.(type) {
	case *starlark.Dict, *starlark.Set, *starlark.List, *SpecialDict:
		return true
	}
	return false
}

func unsupported(sign string, x, y starlark.Value) error {
	return Raisef(TypeError, "unsupported operand type(s) for %s: '%s' and '%s'", sign, TypeName(x), TypeName(y))
}
