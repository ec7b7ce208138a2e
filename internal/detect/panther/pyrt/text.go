package pyrt

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

// A writer makes text of values and stops when there is too much of it.
type writer struct {
	strings.Builder
	limit int
	depth int
	deep  bool // the values were nested too deeply
}

func (w *writer) full() bool { return w.deep || w.Len() > w.limit }

// shortText bounds text made where no rule is charged for it.
const shortText = 64 << 10

func shortStr(v starlark.Value) string {
	if s, ok := v.(starlark.String); ok {
		return string(s)
	}
	return shortRepr(v)
}

func shortRepr(v starlark.Value) string {
	w := &writer{limit: shortText}
	w.repr(v)
	return w.String()
}

// Str is Python's str(v).
func (rt *Runtime) Str(v starlark.Value) (string, error) {
	switch v := v.(type) {
	case starlark.String:
		return string(v), nil
	case starlark.Int:
		if n, ok := v.Int64(); ok {
			return strconv.FormatInt(n, 10), nil
		}
	case texter:
		return v.Str(), nil
	}
	return rt.Repr(v)
}

// texter is a value whose str differs from its repr.
type texter interface{ Str() string }

// Repr is Python's repr(v).
func (rt *Runtime) Repr(v starlark.Value) (string, error) {
	if n, ok := v.(starlark.Int); ok {
		if _, small := n.Int64(); !small && n.BigInt().BitLen() > maxDigitsBits {
			return "", Raisef(ValueError, "Exceeds the limit (4300 digits) for integer string conversion")
		}
	}
	w := &writer{limit: int(min(max(rt.Limits.Bytes-rt.spent, 0), math.MaxInt32))}
	w.repr(v)
	if w.deep {
		return "", tooNested()
	}
	if err := rt.Alloc(int64(w.Len())); err != nil {
		return "", err
	}
	return w.String(), nil
}

// maxDigitsBits is how many bits 4,300 digits have.
const maxDigitsBits = 14284

func (w *writer) repr(v starlark.Value) {
	if w.full() {
		return
	}
	if w.depth >= maxNested {
		w.deep = true
		return
	}
	w.depth++
	defer func() { w.depth-- }()
	switch v := v.(type) {
	case starlark.NoneType:
		w.WriteString("None")
	case starlark.Bool:
		if v {
			w.WriteString("True")
		} else {
			w.WriteString("False")
		}
	case starlark.Int:
		w.WriteString(v.String())
	case starlark.Float:
		w.WriteString(floatRepr(float64(v)))
	case starlark.String:
		w.quote(string(v), false)
	case starlark.Bytes:
		w.WriteByte('b')
		w.quote(string(v), true)
	case *starlark.List, *FrozenList:
		list, _ := elements(v)
		w.list("[", list, "]")
	case starlark.Tuple:
		end := ")"
		if len(v) == 1 {
			end = ",)"
		}
		w.list("(", v, end)
	case *starlark.Set:
		if v.Len() == 0 {
			w.WriteString("set()")
			return
		}
		w.list("{", setElements(v), "}")
	case *SpecialDict:
		w.special(v)
	case starlark.IterableMapping:
		w.dict(v.Items())
	case *dictView:
		w.WriteString("dict_" + v.kind + "(")
		w.list("[", v.elements(), "]")
		w.WriteString(")")
	case *starlark.Function:
		w.WriteString("<function " + v.Name() + ">")
	default:
		w.WriteString(v.String())
	}
}

func (w *writer) list(begin string, list []starlark.Value, end string) {
	w.WriteString(begin)
	for i, v := range list {
		if w.full() {
			return
		}
		if i > 0 {
			w.WriteString(", ")
		}
		w.repr(v)
	}
	w.WriteString(end)
}

func (w *writer) dict(items []starlark.Tuple) {
	w.WriteByte('{')
	for i, kv := range items {
		if w.full() {
			return
		}
		if i > 0 {
			w.WriteString(", ")
		}
		w.repr(kv[0])
		w.WriteString(": ")
		w.repr(kv[1])
	}
	w.WriteByte('}')
}

// quote writes a literal as Python does: in single quotes unless the text
// holds one and no double quote.
func (w *writer) quote(s string, bytes bool) {
	q := byte('\'')
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		q = '"'
	}
	const hex = "0123456789abcdef"
	w.WriteByte(q)
	for i := 0; i < len(s); {
		c, size := utf8.DecodeRuneInString(s[i:])
		if bytes || c == utf8.RuneError && size == 1 {
			c, size = rune(s[i]), 1
		}
		switch {
		case c == rune(q) || c == '\\':
			w.WriteByte('\\')
			w.WriteRune(c)
		case c == '\n':
			w.WriteString(`\n`)
		case c == '\r':
			w.WriteString(`\r`)
		case c == '\t':
			w.WriteString(`\t`)
		case c < ' ' || c == 0x7f || bytes && c >= 0x80 || size == 1 && c >= 0x80,
			c < 0x100 && c >= 0x80 && !unicode.IsPrint(c):
			w.WriteString(`\x` + string(hex[c>>4]) + string(hex[c&15]))
		case c >= 0x80 && !unicode.IsPrint(c):
			w.WriteString(escaped(c))
		default:
			w.WriteRune(c)
		}
		i += size
	}
	w.WriteByte(q)
}

// escaped returns \u1234 or \U00012345.
func escaped(c rune) string {
	s := strconv.FormatInt(int64(c), 16)
	if c > 0xffff {
		return `\U` + strings.Repeat("0", 8-len(s)) + s
	}
	return `\u` + strings.Repeat("0", 4-len(s)) + s
}

// floatRepr returns the shortest text that reads back as f.
func floatRepr(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	i := strings.IndexByte(s, 'e')
	exp, _ := strconv.Atoi(s[i+1:])
	if exp < -4 || exp >= 16 {
		return s
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if strings.IndexByte(s, '.') < 0 {
		s += ".0"
	}
	return s
}

// fstr joins the texts of its arguments.
func fstr(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	var b strings.Builder
	for _, v := range args {
		s, err := rt.Str(v)
		if err != nil {
			return nil, err
		}
		if err := rt.Alloc(int64(len(s))); err != nil {
			return nil, err
		}
		b.WriteString(s)
	}
	return starlark.String(b.String()), nil
}

func strOp(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	s, err := rt.Str(args[0])
	return starlark.String(s), err
}

func reprOp(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	s, err := rt.Repr(args[0])
	return starlark.String(s), err
}

func asciiOp(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	s, err := rt.Repr(args[0])
	if err != nil || isASCII(s) {
		return starlark.String(s), err
	}
	if err := rt.Alloc(int64(len(s)) * 3); err != nil {
		return nil, err
	}
	var b strings.Builder
	for _, c := range s {
		switch {
		case c < 0x80:
			b.WriteRune(c)
		case c < 0x100:
			b.WriteString(`\x` + strconv.FormatInt(int64(c), 16))
		default:
			b.WriteString(escaped(c))
		}
	}
	return starlark.String(b.String()), nil
}
