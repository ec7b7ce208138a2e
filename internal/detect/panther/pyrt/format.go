package pyrt

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

// A spec is a format spec: [[fill]align][sign][#][0][width][,][.precision][type].
type spec struct {
	fill      rune
	align     byte // < > ^ = or 0
	sign      byte // + - blank or 0
	alt       bool
	width     int
	group     byte // , _ or 0
	precision int  // -1 if there is none
	kind      byte
}

const maxWidth = 1 << 16

func parseSpec(s string) (spec, error) {
	f := spec{fill: ' ', precision: -1}
	bad := Raisef(ValueError, "Invalid format specifier")
	if c, size := utf8.DecodeRuneInString(s); size > 0 && len(s) > size && strings.IndexByte("<>=^", s[size]) >= 0 {
		f.fill, f.align, s = c, s[size], s[size+1:]
	} else if s != "" && strings.IndexByte("<>=^", s[0]) >= 0 {
		f.align, s = s[0], s[1:]
	}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		f.sign, s = s[0], s[1:]
	}
	if strings.HasPrefix(s, "z") {
		s = s[1:]
	}
	if strings.HasPrefix(s, "#") {
		f.alt, s = true, s[1:]
	}
	if strings.HasPrefix(s, "0") {
		if f.align == 0 {
			f.fill, f.align = '0', '='
		}
		s = s[1:]
	}
	var err error
	if f.width, s, err = leadingInt(s, 0); err != nil {
		return f, err
	}
	if s != "" && (s[0] == ',' || s[0] == '_') {
		f.group, s = s[0], s[1:]
	}
	if strings.HasPrefix(s, ".") {
		if f.precision, s, err = leadingInt(s[1:], -1); err != nil {
			return f, err
		}
		if f.precision < 0 {
			return f, Raisef(ValueError, "Format specifier missing precision")
		}
	}
	switch {
	case s == "":
	case len(s) == 1:
		f.kind = s[0]
	default:
		return f, bad
	}
	return f, nil
}

// leadingInt returns the number that s begins with, or otherwise.
func leadingInt(s string, otherwise int) (int, string, error) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	if n == 0 {
		return otherwise, s, nil
	}
	v, err := strconv.Atoi(s[:n])
	if err != nil || v > maxWidth {
		return 0, "", Raisef(ValueError, "Too many decimal digits in format string")
	}
	return v, s[n:], nil
}

// formatted is a value of a module with a format of its own.
type formatted interface {
	Format(spec string) (string, error)
}

// Format is Python's format(v, spec).
func (rt *Runtime) Format(v starlark.Value, text string) (string, error) {
	if x, ok := v.(formatted); ok && text != "" {
		return x.Format(text)
	}
	if text == "" {
		return rt.Str(v)
	}
	f, err := parseSpec(text)
	if err != nil {
		return "", err
	}
	if err := rt.Alloc(int64(f.width + max(f.precision, 0))); err != nil {
		return "", err
	}
	switch x := v.(type) {
	case starlark.String:
		return f.text(string(x))
	case starlark.Bool:
		if f.kind == 0 {
			s, _ := rt.Str(x)
			return f.text(s)
		}
		n, _ := integer(x)
		return f.integer(rt, n)
	case starlark.Int:
		return f.integer(rt, x)
	case starlark.Float:
		return f.float(float64(x))
	}
	return "", Raisef(TypeError, "unsupported format string passed to %s.__format__", TypeName(v))
}

func (f spec) unknown(kind string) error {
	return Raisef(ValueError, "Unknown format code '%c' for object of type '%s'", f.kind, kind)
}

func (f spec) text(s string) (string, error) {
	if f.kind != 0 && f.kind != 's' {
		return "", f.unknown("str")
	}
	if f.sign != 0 || f.align == '=' && f.fill != '0' {
		return "", Raisef(ValueError, "Sign not allowed in string format specifier")
	}
	if f.group != 0 {
		return "", Raisef(ValueError, "Cannot specify '%c' with 's'.", f.group)
	}
	if f.precision >= 0 {
		s = s[:byteOffset(s, f.precision)]
	}
	if f.align == 0 || f.align == '=' {
		f.align = '<'
	}
	return f.pad("", s), nil
}

// pad fills sign and digits up to the width.
func (f spec) pad(sign, body string) string {
	n := f.width - utf8.RuneCountInString(sign) - utf8.RuneCountInString(body)
	if n <= 0 {
		return sign + body
	}
	fill := func(n int) string { return strings.Repeat(string(f.fill), n) }
	switch f.align {
	case '<':
		return sign + body + fill(n)
	case '^':
		return fill(n/2) + sign + body + fill(n-n/2)
	case '=':
		return sign + fill(n) + body
	}
	return fill(n) + sign + body
}

func (f spec) signOf(negative bool) string {
	switch {
	case negative:
		return "-"
	case f.sign == '+':
		return "+"
	case f.sign == ' ':
		return " "
	}
	return ""
}

func (f spec) integer(rt *Runtime, n starlark.Int) (string, error) {
	base, prefix, every := 10, "", 3
	switch f.kind {
	case 0, 'd', 'n':
	case 'b':
		base, prefix, every = 2, "0b", 4
	case 'o':
		base, prefix, every = 8, "0o", 4
	case 'x', 'X':
		base, prefix, every = 16, "0"+string(f.kind), 4
	case 'c':
		i, ok := n.Int64()
		if !ok || i < 0 || i > utf8.MaxRune {
			return "", Raisef(OverflowError, "%%c arg not in range(0x110000)")
		}
		if f.align == 0 {
			f.align = '<'
		}
		return f.pad("", string(rune(i))), nil
	case 'e', 'E', 'f', 'F', 'g', 'G', '%':
		return f.float(float64(n.Float()))
	default:
		return "", f.unknown("int")
	}
	if f.precision >= 0 {
		return "", Raisef(ValueError, "Precision not allowed in integer format specifier")
	}
	big := n.BigInt()
	if base == 10 && big.BitLen() > maxDigitsBits {
		return "", Raisef(ValueError, "Exceeds the limit (4300 digits) for integer string conversion")
	}
	sign := f.signOf(big.Sign() < 0)
	digits := strings.TrimPrefix(big.Text(base), "-")
	if f.kind == 'X' {
		digits = strings.ToUpper(digits)
	}
	if f.alt {
		sign += prefix
	}
	return f.digits(sign, digits, "", every), rt.Alloc(int64(len(digits)))
}

// digits groups and pads a number; rest is what follows the whole digits.
func (f spec) digits(sign, whole, rest string, every int) string {
	if f.group != 0 {
		if f.fill == '0' && f.align == '=' {
			for len(whole)+(len(whole)-1)/every+len(rest)+len(sign) < f.width {
				whole = "0" + whole
			}
		}
		whole = grouped(whole, string(f.group), every)
	}
	return f.pad(sign, whole+rest)
}

func grouped(digits, sep string, every int) string {
	var b strings.Builder
	for i, c := range digits {
		if i > 0 && (len(digits)-i)%every == 0 {
			b.WriteString(sep)
		}
		b.WriteRune(c)
	}
	return b.String()
}

func (f spec) float(x float64) (string, error) {
	kind, suffix := f.kind, ""
	precision := f.precision
	if precision < 0 && kind != 0 {
		precision = 6
	}
	abs := math.Abs(x)
	var s string
	switch kind {
	case '%':
		s, suffix = strconv.FormatFloat(abs*100, 'f', precision, 64), "%"
	case 'f', 'F', 'e', 'E':
		s = strconv.FormatFloat(abs, kind|0x20, precision, 64)
		if kind == 'F' {
			s = strings.ToUpper(s)
		}
	case 'g', 'G', 'n':
		s = general(abs, max(precision, 1), f.alt)
	case 0:
		if precision < 0 {
			s = floatRepr(abs)
		} else {
			s = general(abs, max(precision, 1), false)
			if strings.IndexByte(s, '.') < 0 && strings.IndexByte(s, 'e') < 0 && !math.IsInf(x, 0) && !math.IsNaN(x) {
				s += ".0"
			}
		}
	default:
		return "", f.unknown("float")
	}
	switch {
	case math.IsInf(x, 0):
		s = "inf"
	case math.IsNaN(x):
		s = "nan"
	}
	if kind == 'E' || kind == 'G' || kind == 'F' {
		s = strings.ToUpper(s)
	}
	whole, rest := s, ""
	if i := strings.IndexAny(s, ".eE"); i >= 0 && !math.IsInf(x, 0) {
		whole, rest = s[:i], s[i:]
	}
	return f.digits(f.signOf(math.Signbit(x)), whole, rest+suffix, 3), nil
}

// general is the format g: precision significant digits, with an exponent
// where that is shorter.
func general(x float64, precision int, alt bool) string {
	if x == 0 {
		return "0"
	}
	e := strconv.FormatFloat(x, 'e', precision-1, 64)
	i := strings.IndexByte(e, 'e')
	if i < 0 {
		return e
	}
	exp, _ := strconv.Atoi(e[i+1:])
	trim := func(s string) string {
		if alt || strings.IndexByte(s, '.') < 0 {
			return s
		}
		return strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if exp < -4 || exp >= precision {
		return trim(e[:i]) + e[i:]
	}
	return trim(strconv.FormatFloat(x, 'f', precision-1-exp, 64))
}

func formatOp(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	text := ""
	if len(args) > 1 {
		s, err := Text("format() argument 2", args[1])
		if err != nil {
			return nil, err
		}
		text = s
	}
	s, err := rt.Format(args[0], text)
	return starlark.String(s), err
}
