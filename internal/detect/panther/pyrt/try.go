package pyrt

import "go.starlark.net/starlark"

// try runs the parts of a try statement: body, [type, handler, ...], else,
// finally. What a part returns says how it left; None means it did not.
func try(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	body, handlers, els, finally := args[0], args[1].(*starlark.List), args[2], args[3]
	left, err := rt.tryExcept(body, handlers, els)
	if finally == starlark.None || rt.stop != nil {
		return left, err
	}
	// An error that finally's own code does not replace is raised on.
	last, err2 := rt.call(finally)
	if err2 != nil {
		return nil, err2
	}
	if last != starlark.None {
		return last, nil
	}
	return left, err
}

func (rt *Runtime) tryExcept(body starlark.Value, handlers *starlark.List, els starlark.Value) (starlark.Value, error) {
	left, err := rt.call(body)
	if err == nil {
		if left == starlark.None && els != starlark.None {
			return rt.call(els)
		}
		return left, nil
	}
	exc := rt.exceptionOf(err)
	if exc == nil {
		return nil, err
	}
	for i := 0; i < handlers.Len(); i += 2 {
		ok, err2 := rt.catches(handlers.Index(i), exc)
		if err2 != nil {
			return nil, err2
		}
		if !ok {
			continue
		}
		rt.handling = append(rt.handling, exc)
		n := len(rt.handling)
		left, err := rt.call(handlers.Index(i+1), exc)
		rt.handling = rt.handling[:n-1]
		return left, err
	}
	return nil, err
}

// catches reports whether a clause for the type t catches exc.
func (rt *Runtime) catches(t starlark.Value, exc *Exception) (bool, error) {
	switch t := t.(type) {
	case starlark.NoneType:
		return true, nil
	case *Class:
		return exc.class.within(t), nil
	case starlark.Tuple:
		for _, u := range t {
			if ok, err := rt.catches(u, exc); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case *starlark.Function: // computes the type
		v, err := rt.call(t)
		if err != nil {
			return false, err
		}
		if _, ok := v.(*starlark.Function); !ok {
			return rt.catches(v, exc)
		}
	}
	return false, Raisef(TypeError, "catching classes that do not inherit from BaseException is not allowed")
}

// raiseValue is "raise x from cause".
func raiseValue(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	exc, err := rt.instance(args[0])
	if err != nil {
		return nil, err
	}
	if len(args) > 1 {
		exc.cause = args[1]
	} else if n := len(rt.handling); n > 0 && exc.cause == nil && rt.handling[n-1] != exc {
		exc.cause = rt.handling[n-1]
	}
	return nil, exc
}

func (rt *Runtime) instance(v starlark.Value) (*Exception, error) {
	switch v := v.(type) {
	case *Exception:
		return v, nil
	case *Class:
		return &Exception{class: v}, nil
	}
	return nil, Raisef(TypeError, "exceptions must derive from BaseException")
}

func reraise(rt *Runtime, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if n := len(rt.handling); n > 0 {
		return nil, rt.handling[n-1]
	}
	return nil, Raisef(RuntimeError, "No active exception to reraise")
}

func assertFail(_ *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return nil, &Exception{class: AssertionError, args: args}
}
