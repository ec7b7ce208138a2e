package pyrt

import (
	"strings"

	"go.starlark.net/starlark"
)

// strFormat is "...{}...".format(args).
func strFormat(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	named := map[string]starlark.Value{}
	for _, kv := range kwargs {
		named[string(kv[0].(starlark.String))] = kv[1]
	}
	f := &replacer{rt: rt, args: args, named: func(name string) (starlark.Value, error) {
		if v := named[name]; v != nil {
			return v, nil
		}
		return nil, raise(KeyError, starlark.String(name))
	}}
	s, err := f.format(string(self.(starlark.String)), 0)
	return starlark.String(s), err
}

// strFormatMap is text.format_map(mapping).
func strFormatMap(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("format_map", args, kwargs, "mapping")
	if err != nil {
		return nil, err
	}
	f := &replacer{rt: rt, named: func(name string) (starlark.Value, error) { return rt.item(a[0], starlark.String(name)) }}
	s, err := f.format(string(self.(starlark.String)), 0)
	return starlark.String(s), err
}

// A replacer fills the fields of a format string.
type replacer struct {
	rt    *Runtime
	args  starlark.Tuple
	named func(string) (starlark.Value, error)
	next  int // of the fields without a name
}

func (f *replacer) format(s string, depth int) (string, error) {
	if depth > 2 {
		return "", Raisef(ValueError, "Max string recursion exceeded")
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		c := s[i]
		s = s[i+1:]
		if s != "" && s[0] == c {
			b.WriteByte(c)
			s = s[1:]
			continue
		}
		if c == '}' {
			return "", Raisef(ValueError, "Single '}' encountered in format string")
		}
		end := closing(s)
		if end < 0 {
			return "", Raisef(ValueError, "Single '{' encountered in format string")
		}
		text, err := f.field(s[:end], depth)
		if err != nil {
			return "", err
		}
		if err := f.rt.Alloc(int64(len(text) + i)); err != nil {
			return "", err
		}
		b.WriteString(text)
		s = s[end+1:]
	}
	return b.String(), nil
}

// closing returns where the brace that closes a field is.
func closing(s string) int {
	open := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			open++
		case '}':
			if open == 0 {
				return i
			}
			open--
		}
	}
	return -1
}

func (f *replacer) field(s string, depth int) (string, error) {
	name, spec, _ := strings.Cut(s, ":")
	name, conv, converted := strings.Cut(name, "!")
	v, err := f.value(name)
	if err != nil {
		return "", err
	}
	if converted {
		var text string
		switch conv {
		case "r", "a":
			text, err = f.rt.Repr(v)
		case "s":
			text, err = f.rt.Str(v)
		default:
			err = Raisef(ValueError, "Unknown conversion specifier '%s'", conv)
		}
		if err != nil {
			return "", err
		}
		v = starlark.String(text)
	}
	if strings.Contains(spec, "{") {
		if spec, err = f.format(spec, depth+1); err != nil {
			return "", err
		}
	}
	return f.rt.Format(v, spec)
}

// value finds the value of a field name: 0, name, name.attr, name[key].
func (f *replacer) value(name string) (starlark.Value, error) {
	i := strings.IndexAny(name, ".[")
	rest := ""
	if i >= 0 {
		name, rest = name[:i], name[i:]
	}
	v, err := f.first(name)
	for rest != "" && err == nil {
		if rest[0] == '.' {
			rest = rest[1:]
			n := strings.IndexAny(rest, ".[")
			if n < 0 {
				n = len(rest)
			}
			v, err = f.rt.attr(v, rest[:n])
			rest = rest[n:]
			continue
		}
		key, after, ok := strings.Cut(rest[1:], "]")
		if !ok {
			return nil, Raisef(ValueError, "expected '}' before end of string")
		}
		v, err = f.rt.item(v, fieldKey(key))
		rest = after
	}
	return v, err
}

func (f *replacer) first(name string) (starlark.Value, error) {
	n := f.next
	if name == "" {
		f.next++
	} else {
		i, after, err := leadingInt(name, -1)
		if err != nil || i < 0 || after != "" {
			return f.named(name)
		}
		n = i
	}
	if n >= len(f.args) {
		return nil, Raisef(IndexError, "Replacement index %d out of range for positional args tuple", n)
	}
	return f.args[n], nil
}

func fieldKey(key string) starlark.Value {
	if n, after, err := leadingInt(key, -1); err == nil && n >= 0 && after == "" {
		return starlark.MakeInt(n)
	}
	return starlark.String(key)
}
