package pyrt

import (
	"slices"
	"strings"

	"go.starlark.net/starlark"
)

// Bind returns the arguments of a call in the order of the parameters. A
// parameter whose name ends with ? may be absent and is nil then.
func Bind(fn string, args starlark.Tuple, kwargs []starlark.Tuple, params ...string) ([]starlark.Value, error) {
	if len(args) > len(params) {
		return nil, Raisef(TypeError, "%s() takes at most %d arguments (%d given)", fn, len(params), len(args))
	}
	if len(kwargs) == 0 && len(args) == len(params) {
		return args, nil
	}
	out := make([]starlark.Value, len(params))
	copy(out, args)
	for _, kv := range kwargs {
		name := string(kv[0].(starlark.String))
		i := slices.IndexFunc(params, func(p string) bool { return strings.TrimSuffix(p, "?") == name })
		if i < 0 {
			return nil, Raisef(TypeError, "%s() got an unexpected keyword argument '%s'", fn, name)
		}
		if out[i] != nil {
			return nil, Raisef(TypeError, "%s() got multiple values for argument '%s'", fn, name)
		}
		out[i] = kv[1]
	}
	for i, p := range params {
		if out[i] == nil && !strings.HasSuffix(p, "?") {
			return nil, Raisef(TypeError, "%s() missing required argument: '%s' (pos %d)", fn, p, i+1)
		}
	}
	return out, nil
}

// Keyword takes the argument of a name out of keyword arguments.
func Keyword(kwargs []starlark.Tuple, name string) (starlark.Value, []starlark.Tuple) {
	for i, kv := range kwargs {
		if kv[0] == starlark.String(name) {
			return kv[1], slices.Concat(kwargs[:i], kwargs[i+1:])
		}
	}
	return nil, kwargs
}

// noArgs fails if there are arguments.
func noArgs(fn string, args starlark.Tuple, kwargs []starlark.Tuple) error {
	if len(args)+len(kwargs) > 0 {
		return Raisef(TypeError, "%s() takes no arguments (%d given)", fn, len(args)+len(kwargs))
	}
	return nil
}

// absent reports whether an optional argument is missing or None.
func absent(v starlark.Value) bool { return v == nil || v == starlark.None }

// Text returns v as text, or fails in the name of fn.
func Text(fn string, v starlark.Value) (string, error) {
	if s, ok := v.(starlark.String); ok {
		return string(s), nil
	}
	return "", Raisef(TypeError, "%s: expected str, not %s", fn, TypeName(v))
}

// Int returns v as an int that fits in the machine's, or fails.
func Int(v starlark.Value) (int, error) {
	n, ok := integer(v)
	if !ok {
		return 0, Raisef(TypeError, "'%s' object cannot be interpreted as an integer", TypeName(v))
	}
	i, ok := n.Int64()
	if !ok || int64(int(i)) != i {
		return 0, Raisef(OverflowError, "Python int too large to convert to C ssize_t")
	}
	return int(i), nil
}

// integer returns an int or a bool as an int.
func integer(v starlark.Value) (starlark.Int, bool) {
	switch v := v.(type) {
	case starlark.Int:
		return v, true
	case starlark.Bool:
		if v {
			return starlark.MakeInt(1), true
		}
		return starlark.MakeInt(0), true
	}
	return starlark.Int{}, false
}

// Float returns a number as a float.
func Float(v starlark.Value) (float64, bool) {
	switch v := v.(type) {
	case starlark.Float:
		return float64(v), true
	case starlark.Int:
		return float64(v.Float()), true
	case starlark.Bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}
