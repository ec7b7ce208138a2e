package pyrt

import (
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

// texts returns a list of texts.
func (rt *Runtime) texts(parts []string) (starlark.Value, error) {
	if err := rt.allocValues(2 * len(parts)); err != nil {
		return nil, err
	}
	list := make([]starlark.Value, len(parts))
	for i, s := range parts {
		list[i] = starlark.String(s)
	}
	return starlark.NewList(list), nil
}

// splitArgs returns the separator ("" for blanks) and how often to split.
func splitArgs(name string, args starlark.Tuple, kwargs []starlark.Tuple) (sep string, most int, err error) {
	a, err := Bind(name, args, kwargs, "sep?", "maxsplit?")
	if err != nil {
		return "", 0, err
	}
	if !absent(a[0]) {
		if sep, err = Text("must be str or None", a[0]); err != nil {
			return "", 0, err
		}
		if sep == "" {
			return "", 0, Raisef(ValueError, "empty separator")
		}
	}
	most = -1
	if a[1] != nil {
		most, err = Int(a[1])
	}
	return sep, most, err
}

func splitMethod(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	sep, most, err := splitArgs("split", args, kwargs)
	if err != nil {
		return nil, err
	}
	s := string(self.(starlark.String))
	if err := rt.Charge(len(s) / bytesPerStep); err != nil {
		return nil, err
	}
	if sep != "" {
		n := -1
		if most >= 0 {
			n = most + 1
		}
		return rt.texts(strings.SplitN(s, sep, n))
	}
	var parts []string
	s = strings.TrimLeftFunc(s, isSpace)
	for s != "" {
		if most >= 0 && len(parts) == most {
			parts = append(parts, strings.TrimRightFunc(s, isSpace))
			break
		}
		i := strings.IndexFunc(s, isSpace)
		if i < 0 {
			i = len(s)
		}
		parts = append(parts, s[:i])
		s = strings.TrimLeftFunc(s[i:], isSpace)
	}
	return rt.texts(parts)
}

func rsplitMethod(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	sep, most, err := splitArgs("rsplit", args, kwargs)
	if err != nil {
		return nil, err
	}
	if most < 0 {
		return splitMethod(rt, self, args, kwargs)
	}
	s := string(self.(starlark.String))
	var parts []string
	if sep == "" {
		s = strings.TrimRightFunc(s, isSpace)
	}
	for {
		i, n := strings.LastIndex(s, sep), len(sep)
		if sep == "" {
			i = strings.LastIndexFunc(s, isSpace)
			if i >= 0 {
				_, n = utf8.DecodeRuneInString(s[i:])
			}
		}
		if i < 0 || len(parts) == most {
			break
		}
		parts = append(parts, s[i+n:])
		s = s[:i]
		if sep == "" {
			s = strings.TrimRightFunc(s, isSpace)
		}
	}
	if sep != "" || s != "" {
		if sep == "" {
			s = strings.TrimLeftFunc(s, isSpace)
		}
		parts = append(parts, s)
	}
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return rt.texts(parts)
}

func splitLines(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("splitlines", args, kwargs, "keepends?")
	if err != nil {
		return nil, err
	}
	keep := a[0] != nil && bool(a[0].Truth())
	s := string(self.(starlark.String))
	var lines []string
	for s != "" {
		i := strings.IndexAny(s, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if i < 0 {
			lines = append(lines, s)
			break
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		if strings.HasPrefix(s[i:], "\r\n") {
			n = 2
		}
		if keep {
			lines = append(lines, s[:i+n])
		} else {
			lines = append(lines, s[:i])
		}
		s = s[i+n:]
	}
	return rt.texts(lines)
}

func joinMethod(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("join", args, kwargs, "iterable")
	if err != nil {
		return nil, err
	}
	sep := string(self.(starlark.String))
	var b strings.Builder
	n := 0
	err = rt.Each(a[0], func(v starlark.Value) (bool, error) {
		s, ok := v.(starlark.String)
		if !ok {
			return false, Raisef(TypeError, "sequence item %d: expected str instance, %s found", n, TypeName(v))
		}
		if err := rt.Alloc(int64(len(s) + len(sep))); err != nil {
			return false, err
		}
		if n > 0 {
			b.WriteString(sep)
		}
		b.WriteString(string(s))
		n++
		return true, nil
	})
	if exc, ok := err.(*Exception); ok && exc.class == TypeError && !isIterable(a[0]) {
		return nil, Raisef(TypeError, "can only join an iterable")
	}
	return starlark.String(b.String()), err
}

func replaceMethod(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("replace", args, kwargs, "old", "new", "count?")
	if err != nil {
		return nil, err
	}
	s := string(self.(starlark.String))
	old, err := Text("replace() argument 1", a[0])
	if err != nil {
		return nil, err
	}
	with, err := Text("replace() argument 2", a[1])
	if err != nil {
		return nil, err
	}
	most := -1
	if a[2] != nil {
		if most, err = Int(a[2]); err != nil {
			return nil, err
		}
	}
	n := strings.Count(s, old)
	if most >= 0 {
		n = min(n, most)
	}
	if err := rt.Alloc(int64(len(s)) + int64(n)*int64(max(len(with)-len(old), 0))); err != nil {
		return nil, err
	}
	return starlark.String(strings.Replace(s, old, with, most)), nil
}

func findMethod(name string, last, must bool) method {
	return func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		a, err := Bind(name, args, kwargs, "sub", "start?", "end?")
		if err != nil {
			return nil, err
		}
		sub, err := Text(name+"() argument 1", a[0])
		if err != nil {
			return nil, err
		}
		whole := string(self.(starlark.String))
		s, ok, err := within(whole, a[1], a[2])
		if err != nil {
			return nil, err
		}
		if err := rt.Charge(len(s) / bytesPerStep); err != nil {
			return nil, err
		}
		i := -1
		switch {
		case !ok:
		case last:
			i = strings.LastIndex(s, sub)
		default:
			i = strings.Index(s, sub)
		}
		if i < 0 {
			if must {
				return nil, Raisef(ValueError, "substring not found")
			}
			return starlark.MakeInt(-1), nil
		}
		at := utf8.RuneCountInString(s[:i])
		if !absent(a[1]) {
			lo, _, _, _ := (&Slice{a[1], nil, nil}).bounds(utf8.RuneCountInString(whole))
			at += lo
		}
		return starlark.MakeInt(at), nil
	}
}

func countMethod(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("count", args, kwargs, "sub", "start?", "end?")
	if err != nil {
		return nil, err
	}
	sub, err := Text("count() argument 1", a[0])
	if err != nil {
		return nil, err
	}
	s, ok, err := within(string(self.(starlark.String)), a[1], a[2])
	if err != nil || !ok {
		return starlark.MakeInt(0), err
	}
	return starlark.MakeInt(strings.Count(s, sub)), rt.Charge(len(s) / bytesPerStep)
}

func partitionMethod(name string, index func(s, sep string) int) method {
	return func(_ *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		a, err := Bind(name, args, kwargs, "sep")
		if err != nil {
			return nil, err
		}
		sep, err := Text(name+"() argument", a[0])
		if err != nil {
			return nil, err
		}
		if sep == "" {
			return nil, Raisef(ValueError, "empty separator")
		}
		s := string(self.(starlark.String))
		i := index(s, sep)
		if i < 0 {
			if name == "rpartition" {
				return starlark.Tuple{starlark.String(""), starlark.String(""), self}, nil
			}
			return starlark.Tuple{self, starlark.String(""), starlark.String("")}, nil
		}
		return starlark.Tuple{starlark.String(s[:i]), starlark.String(sep), starlark.String(s[i+len(sep):])}, nil
	}
}

func justify(name string, align byte) method {
	return func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		a, err := Bind(name, args, kwargs, "width", "fillchar?")
		if err != nil {
			return nil, err
		}
		f := spec{fill: ' ', align: align}
		if f.width, err = Int(a[0]); err != nil {
			return nil, err
		}
		if a[1] != nil {
			c, ok := a[1].(starlark.String)
			if !ok || utf8.RuneCountInString(string(c)) != 1 {
				return nil, Raisef(TypeError, "The fill character must be exactly one character long")
			}
			f.fill, _ = utf8.DecodeRuneInString(string(c))
		}
		s := string(self.(starlark.String))
		if err := rt.Alloc(4*int64(max(f.width, 0)) + int64(len(s))); err != nil {
			return nil, err
		}
		if n := f.width - utf8.RuneCountInString(s); align == '^' && n > 0 {
			left := n/2 + n&f.width&1 // where Python puts the odd blank
			return starlark.String(strings.Repeat(string(f.fill), left) + s + strings.Repeat(string(f.fill), n-left)), nil
		}
		return starlark.String(f.pad("", s)), nil
	}
}

func zfill(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("zfill", args, kwargs, "width")
	if err != nil {
		return nil, err
	}
	width, err := Int(a[0])
	if err != nil {
		return nil, err
	}
	if err := rt.Alloc(int64(max(width, 0))); err != nil {
		return nil, err
	}
	s, sign := string(self.(starlark.String)), ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = s[:1], s[1:]
	}
	return starlark.String(spec{fill: '0', align: '=', width: width}.pad(sign, s)), nil
}

func expandTabs(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("expandtabs", args, kwargs, "tabsize?")
	if err != nil {
		return nil, err
	}
	size := 8
	if a[0] != nil {
		if size, err = Int(a[0]); err != nil {
			return nil, err
		}
	}
	s := string(self.(starlark.String))
	if err := rt.Alloc(int64(len(s)) + int64(strings.Count(s, "\t"))*int64(max(size, 0))); err != nil {
		return nil, err
	}
	var b strings.Builder
	col := 0
	for _, c := range s {
		switch {
		case c == '\t' && size > 0:
			n := size - col%size
			b.WriteString(strings.Repeat(" ", n))
			col += n
		case c == '\t':
		default:
			b.WriteRune(c)
			col++
			if c == '\n' || c == '\r' {
				col = 0
			}
		}
	}
	return starlark.String(b.String()), nil
}

// translate maps characters by a dict from ordinals, as str.maketrans makes.
func translate(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("translate", args, kwargs, "table")
	if err != nil {
		return nil, err
	}
	table, ok := a[0].(starlark.Mapping)
	if !ok {
		return nil, Raisef(TypeError, "'%s' object is not subscriptable", TypeName(a[0]))
	}
	var b strings.Builder
	for _, c := range string(self.(starlark.String)) {
		v, found, _ := table.Get(starlark.MakeInt(int(c)))
		out := string(c)
		if found {
			switch v := v.(type) {
			case starlark.NoneType:
				out = ""
			case starlark.String:
				out = string(v)
			case starlark.Int:
				n, _ := v.Int64()
				out = string(rune(n))
			}
		}
		if err := rt.Alloc(int64(len(out))); err != nil {
			return nil, err
		}
		b.WriteString(out)
	}
	return starlark.String(b.String()), nil
}
