package pyrt

import (
	"strings"

	"go.starlark.net/starlark"
)

// percent is text % values.
func (rt *Runtime) percent(s string, values starlark.Value) (starlark.Value, error) {
	args, isTuple := values.(starlark.Tuple)
	if !isTuple {
		args = starlark.Tuple{values}
	}
	var b strings.Builder
	used, byName := 0, false
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		var v starlark.Value
		if strings.HasPrefix(s, "(") {
			end := strings.IndexByte(s, ')')
			m, ok := values.(starlark.Mapping)
			if end < 0 || !ok {
				return nil, Raisef(TypeError, "format requires a mapping")
			}
			w, err := rt.item(m, starlark.String(s[1:end]))
			if err != nil {
				return nil, err
			}
			v, s, byName = w, s[end+1:], true
		}
		take := func() (starlark.Value, error) {
			if used >= len(args) {
				return nil, Raisef(TypeError, "not enough arguments for format string")
			}
			used++
			return args[used-1], nil
		}
		f, rest, err := percentSpec(s, take)
		if err != nil {
			return nil, err
		}
		s = rest
		if f.kind == '%' {
			b.WriteByte('%')
			continue
		}
		if v == nil {
			if v, err = take(); err != nil {
				return nil, err
			}
		}
		text, err := rt.percentValue(f, v)
		if err != nil {
			return nil, err
		}
		if err := rt.Alloc(int64(len(text) + i)); err != nil {
			return nil, err
		}
		b.WriteString(text)
	}
	_, isMap := values.(starlark.Mapping)
	if used < len(args) && !byName && !isMap {
		return nil, Raisef(TypeError, "not all arguments converted during string formatting")
	}
	return starlark.String(b.String()), nil
}

// percentSpec reads flags, width, precision and conversion after a percent
// sign; a * takes its value from the arguments.
func percentSpec(s string, take func() (starlark.Value, error)) (spec, string, error) {
	f := spec{fill: ' ', align: '>', precision: -1}
	zero, left := false, false
	for s != "" && strings.IndexByte("#0- +", s[0]) >= 0 {
		switch s[0] {
		case '#':
			f.alt = true
		case '0':
			zero = true
		case '-':
			left = true
		default:
			if f.sign != '+' {
				f.sign = s[0]
			}
		}
		s = s[1:]
	}
	number := func(otherwise int) (n int, err error) {
		if strings.HasPrefix(s, "*") {
			v, err := take()
			if err != nil {
				return 0, err
			}
			s = s[1:]
			n, err = Int(v)
			if err != nil || n > maxWidth || n < -maxWidth {
				return 0, Raisef(TypeError, "* wants int")
			}
			return n, nil
		}
		n, s, err = leadingInt(s, otherwise)
		return n, err
	}
	var err error
	if f.width, err = number(0); err != nil {
		return f, "", err
	}
	if f.width < 0 {
		f.width, left = -f.width, true
	}
	if strings.HasPrefix(s, ".") {
		s = s[1:]
		if f.precision, err = number(0); err != nil {
			return f, "", err
		}
	}
	for s != "" && strings.IndexByte("hlL", s[0]) >= 0 {
		s = s[1:]
	}
	if s == "" {
		return f, "", Raisef(ValueError, "incomplete format")
	}
	switch f.kind = s[0]; {
	case left:
		f.align = '<'
	case zero && strings.IndexByte("srac", f.kind) < 0:
		f.fill, f.align = '0', '='
	}
	return f, s[1:], nil
}

func (rt *Runtime) percentValue(f spec, v starlark.Value) (string, error) {
	if err := rt.Alloc(int64(f.width + max(f.precision, 0))); err != nil {
		return "", err
	}
	switch kind := f.kind; kind {
	case 's', 'r', 'a':
		text, err := rt.Str(v)
		if kind != 's' {
			text, err = rt.Repr(v)
		}
		if err != nil {
			return "", err
		}
		f.kind, f.sign = 0, 0
		return f.text(text)
	case 'c':
		if s, ok := v.(starlark.String); ok {
			f.kind = 0
			return f.text(string(s))
		}
		n, ok := integer(v)
		if !ok {
			return "", Raisef(TypeError, "%%c requires int or char")
		}
		return f.integer(rt, n)
	case 'd', 'i', 'u', 'x', 'X', 'o':
		n, ok := integer(v)
		if x, isFloat := v.(starlark.Float); isFloat && (kind == 'd' || kind == 'i' || kind == 'u') {
			m, err := starlark.NumberToInt(x)
			if err != nil {
				return "", Raisef(ValueError, "cannot convert float to integer")
			}
			n, ok = m, true
		}
		if !ok {
			return "", Raisef(TypeError, "%%%c format: a real number is required, not %s", kind, TypeName(v))
		}
		if kind == 'i' || kind == 'u' {
			f.kind = 'd'
		}
		digits := f.precision
		f.precision = -1
		if digits >= 0 {
			g := spec{fill: '0', align: '=', width: digits, kind: f.kind, precision: -1}
			if n.Sign() < 0 {
				g.width++
			}
			text, err := g.integer(rt, n)
			return f.pad("", text), err
		}
		return f.integer(rt, n)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		x, ok := Float(v)
		if !ok {
			return "", Raisef(TypeError, "must be real number, not %s", TypeName(v))
		}
		return f.float(x)
	}
	return "", Raisef(ValueError, "unsupported format character '%c' (%#x)", f.kind, f.kind)
}
