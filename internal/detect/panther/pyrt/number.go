package pyrt

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"

	"go.starlark.net/starlark"
)

func makeInt(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("int", args, kwargs, "x?", "base?")
	if err != nil {
		return nil, err
	}
	switch v := a[0].(type) {
	case nil:
		return starlark.MakeInt(0), nil
	case starlark.Int, starlark.Bool:
		n, _ := integer(v)
		return n, nil
	case starlark.Float:
		f := float64(v)
		if math.IsNaN(f) {
			return nil, Raisef(ValueError, "cannot convert float NaN to integer")
		}
		if math.IsInf(f, 0) {
			return nil, Raisef(OverflowError, "cannot convert float infinity to integer")
		}
		n, _ := big.NewFloat(f).Int(nil)
		return starlark.MakeBigInt(n), nil
	case starlark.String, starlark.Bytes:
		base := 10
		if a[1] != nil {
			if base, err = Int(a[1]); err != nil {
				return nil, err
			}
		}
		s := ""
		if t, ok := v.(starlark.String); ok {
			s = string(t)
		} else {
			s = string(v.(starlark.Bytes))
		}
		return parseInt(v, s, base)
	}
	return nil, Raisef(TypeError, "int() argument must be a string, a bytes-like object or a real number, not '%s'", TypeName(a[0]))
}

func parseInt(v starlark.Value, text string, base int) (starlark.Value, error) {
	bad := func() error {
		return Raisef(ValueError, "invalid literal for int() with base %d: %s", base, shortRepr(v))
	}
	if base != 0 && (base < 2 || base > 36) {
		return nil, Raisef(ValueError, "int() base must be >= 2 and <= 36, or 0")
	}
	s := strings.TrimFunc(text, isSpace)
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	for prefix, b := range map[string]int{"0x": 16, "0o": 8, "0b": 2} {
		if len(s) > 2 && strings.ToLower(s[:2]) == prefix && (base == b || base == 0) {
			s = strings.TrimPrefix(s[2:], "_")
			if base == 0 {
				return parseSigned(negative, s, b, bad)
			}
			break
		}
	}
	if base == 0 {
		base = 10
		if len(s) > 1 && s[0] == '0' && strings.Trim(s, "0_") != "" {
			base = 0
			return nil, bad()
		}
	}
	return parseSigned(negative, s, base, bad)
}

func parseSigned(negative bool, s string, base int, bad func() error) (starlark.Value, error) {
	if s == "" || s[0] == '_' || s[len(s)-1] == '_' || strings.Contains(s, "__") || s[0] == '-' || s[0] == '+' {
		return nil, bad()
	}
	s = strings.Map(asciiDigit, strings.ReplaceAll(s, "_", ""))
	if len(s) > 4300 {
		return nil, Raisef(ValueError, "Exceeds the limit (4300 digits) for integer string conversion: value has %d digits", len(s))
	}
	n, ok := new(big.Int).SetString(s, base)
	if !ok {
		return nil, bad()
	}
	if negative {
		n.Neg(n)
	}
	return starlark.MakeBigInt(n), nil
}

// asciiDigit returns the digit that a decimal digit of another script is.
func asciiDigit(c rune) rune {
	if c < 0x80 || !unicode.IsDigit(c) {
		return c
	}
	zero := c
	for unicode.IsDigit(zero-1) && c-zero < 9 {
		zero--
	}
	return '0' + c - zero
}

func makeFloat(_ *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("float", args, kwargs, "x?")
	if err != nil {
		return nil, err
	}
	if a[0] == nil {
		return starlark.Float(0), nil
	}
	if s, ok := a[0].(starlark.String); ok {
		text := strings.TrimFunc(string(s), isSpace)
		clean := strings.ReplaceAll(text, "_", "")
		f, err := strconv.ParseFloat(clean, 64)
		if err != nil && !math.IsInf(f, 0) || strings.ContainsAny(clean, "xXpP") || strings.HasPrefix(text, "_") {
			return nil, Raisef(ValueError, "could not convert string to float: %s", shortRepr(s))
		}
		return starlark.Float(f), nil
	}
	f, ok := Float(a[0])
	if !ok {
		return nil, Raisef(TypeError, "float() argument must be a string or a real number, not '%s'", TypeName(a[0]))
	}
	if math.IsInf(f, 0) && !isA[starlark.Float](a[0]) {
		return nil, Raisef(OverflowError, "int too large to convert to float")
	}
	return starlark.Float(f), nil
}

func floatFromHex(_ *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("fromhex", args, kwargs, "string")
	if err != nil {
		return nil, err
	}
	s, err := Text("fromhex", a[0])
	if err != nil {
		return nil, err
	}
	if !strings.ContainsAny(s, "pP") {
		s += "p0"
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, Raisef(ValueError, "invalid hexadecimal floating-point string")
	}
	return starlark.Float(f), nil
}

func makeBool(_ *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("bool", args, kwargs, "x?")
	if err != nil || a[0] == nil {
		return starlark.False, err
	}
	return a[0].Truth(), nil
}

func intMethods() map[string]method {
	return map[string]method{
		"bit_length": func(_ *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			n, _ := integer(self)
			return starlark.MakeInt(n.BigInt().BitLen()), nil
		},
		"to_bytes": intToBytes,
	}
}

func floatMethods() map[string]method {
	return map[string]method{
		"is_integer": func(_ *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			f := float64(self.(starlark.Float))
			return starlark.Bool(f == math.Trunc(f) && !math.IsInf(f, 0)), nil
		},
		"hex": func(_ *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			return starlark.String(strconv.FormatFloat(float64(self.(starlark.Float)), 'x', -1, 64)), nil
		},
	}
}

func intToBytes(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("to_bytes", args, kwargs, "length?", "byteorder?", "signed?")
	if err != nil {
		return nil, err
	}
	length := 1
	if a[0] != nil {
		if length, err = Int(a[0]); err != nil {
			return nil, err
		}
	}
	n, _ := integer(self)
	big1 := n.BigInt()
	if err := rt.Alloc(int64(max(length, 0))); err != nil {
		return nil, err
	}
	signed := a[2] != nil && bool(a[2].Truth())
	if big1.Sign() < 0 {
		if !signed {
			return nil, Raisef(OverflowError, "can't convert negative int to unsigned")
		}
		big1 = new(big.Int).Add(big1, new(big.Int).Lsh(big.NewInt(1), uint(8*max(length, 0))))
	}
	if length < 0 || big1.Sign() < 0 || big1.BitLen() > 8*length {
		return nil, Raisef(OverflowError, "int too big to convert")
	}
	b := big1.FillBytes(make([]byte, length))
	if a[1] == starlark.String("little") {
		reverse(b)
	}
	return starlark.Bytes(b), nil
}

func intFromBytes(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a, err := Bind("from_bytes", args, kwargs, "bytes", "byteorder?", "signed?")
	if err != nil {
		return nil, err
	}
	v, err := makeBytes(rt, starlark.Tuple{a[0]}, nil)
	if err != nil {
		return nil, err
	}
	b := []byte(v.(starlark.Bytes))
	if len(b)*8 > maxBits {
		return nil, tooLarge()
	}
	if a[1] == starlark.String("little") {
		reverse(b)
	}
	n := new(big.Int).SetBytes(b)
	if a[2] != nil && bool(a[2].Truth()) && len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return starlark.MakeBigInt(n), nil
}

func reverse(b []byte) {
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}

// cmpInt returns -1, 0 or 1.
func cmpInt(a, b starlark.Int) int { return a.Sub(b).Sign() }
