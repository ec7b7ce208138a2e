package pyrt

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

func bytesMethods() map[string]method {
	// What is the same for text is done as text.
	as := func(m method) method {
		return func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			out := make(starlark.Tuple, len(args))
			for i, v := range args {
				out[i] = v
				if b, ok := v.(starlark.Bytes); ok {
					out[i] = starlark.String(b)
				}
			}
			v, err := m(rt, starlark.String(self.(starlark.Bytes)), out, kwargs)
			return backToBytes(v), err
		}
	}
	return map[string]method{
		"decode": decodeMethod, "hex": bytesHex,
		"strip": as(stripMethod("strip", true, true)), "lstrip": as(stripMethod("lstrip", true, false)),
		"rstrip": as(stripMethod("rstrip", false, true)), "split": as(splitMethod), "replace": as(replaceMethod),
		"startswith": as(affixMethod("startswith", strings.HasPrefix)),
		"endswith":   as(affixMethod("endswith", strings.HasSuffix)),
		"lower":      as(textMethod("lower", strings.ToLower)), "upper": as(textMethod("upper", strings.ToUpper)),
	}
}

func backToBytes(v starlark.Value) starlark.Value {
	switch v := v.(type) {
	case starlark.String:
		return starlark.Bytes(v)
	case *starlark.List:
		list, _ := elements(v)
		for i := range list {
			list[i] = backToBytes(list[i])
		}
		return starlark.NewList(list)
	}
	return v
}

func bytesHex(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	b := self.(starlark.Bytes)
	return starlark.String(hex.EncodeToString([]byte(b))), rt.Alloc(2 * int64(len(b)))
}

// codec returns the encoding and how errors are handled.
func codec(name string, args starlark.Tuple, kwargs []starlark.Tuple) (enc, onError string, err error) {
	a, err := Bind(name, args, kwargs, "encoding?", "errors?")
	if err != nil {
		return "", "", err
	}
	enc, onError = "utf-8", "strict"
	if a[0] != nil {
		if enc, err = Text(name+"() argument 'encoding'", a[0]); err != nil {
			return "", "", err
		}
	}
	if a[1] != nil {
		if onError, err = Text(name+"() argument 'errors'", a[1]); err != nil {
			return "", "", err
		}
	}
	switch enc = strings.ReplaceAll(strings.ToLower(enc), "_", "-"); enc {
	case "utf-8", "utf8", "utf-8-sig":
		return "utf-8", onError, nil
	case "ascii", "us-ascii":
		return "ascii", onError, nil
	case "latin-1", "latin1", "iso-8859-1":
		return "latin-1", onError, nil
	case "utf-16", "utf-16-le", "utf-16le":
		return "utf-16-le", onError, nil
	}
	return "", "", Raisef(LookupError, "unknown encoding: %s", enc)
}

func encodeMethod(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	enc, onError, err := codec("encode", args, kwargs)
	if err != nil {
		return nil, err
	}
	s := string(self.(starlark.String))
	if err := rt.Alloc(2 * int64(len(s))); err != nil {
		return nil, err
	}
	limit := rune(utf8.MaxRune)
	switch enc {
	case "utf-8":
		return starlark.Bytes(s), nil
	case "ascii":
		limit = 0x7f
	case "latin-1":
		limit = 0xff
	}
	var b []byte
	for i, c := range s {
		switch {
		case enc == "utf-16-le":
			for _, u := range utf16Units(c) {
				b = append(b, byte(u), byte(u>>8))
			}
		case c <= limit:
			b = append(b, byte(c))
		case onError == "ignore":
		case onError == "replace":
			b = append(b, '?')
		default:
			return nil, Raisef(UnicodeEncodeError, "'%s' codec can't encode character in position %d: ordinal not in range(%d)",
				enc, utf8.RuneCountInString(s[:i]), limit+1)
		}
	}
	return starlark.Bytes(b), nil
}

func utf16Units(c rune) []uint16 {
	if c < 0x10000 {
		return []uint16{uint16(c)}
	}
	c -= 0x10000
	return []uint16{0xd800 + uint16(c>>10), 0xdc00 + uint16(c&0x3ff)}
}

func decodeMethod(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	enc, onError, err := codec("decode", args, kwargs)
	if err != nil {
		return nil, err
	}
	s := string(self.(starlark.Bytes))
	if err := rt.Alloc(3 * int64(len(s))); err != nil {
		return nil, err
	}
	if enc == "utf-8" && utf8.ValidString(s) {
		return starlark.String(s), nil
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		c, size := utf8.DecodeRuneInString(s[i:])
		ok := true
		switch enc {
		case "latin-1":
			c, size = rune(s[i]), 1
		case "ascii":
			c, size, ok = rune(s[i]), 1, s[i] < 0x80
		case "utf-16-le":
			c, size, ok = decode16(s[i:])
		default:
			ok = c != utf8.RuneError || size > 1
		}
		i += size
		switch {
		case ok:
			b.WriteRune(c)
		case onError == "ignore":
		case onError == "replace":
			b.WriteRune(utf8.RuneError)
		default:
			return nil, Raisef(UnicodeDecodeError, "'%s' codec can't decode byte 0x%02x in position %d: invalid start byte", enc, s[i-size], i-size)
		}
	}
	return starlark.String(b.String()), nil
}

func decode16(s string) (c rune, size int, ok bool) {
	if len(s) < 2 {
		return 0, len(s), false
	}
	u := rune(s[0]) | rune(s[1])<<8
	if u < 0xd800 || u > 0xdfff {
		return u, 2, true
	}
	if len(s) < 4 || u > 0xdbff {
		return 0, 2, false
	}
	v := rune(s[2]) | rune(s[3])<<8
	if v < 0xdc00 || v > 0xdfff {
		return 0, 2, false
	}
	return 0x10000 + (u-0xd800)<<10 + (v - 0xdc00), 4, true
}

func makeBytes(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) == 0 {
		return starlark.Bytes(""), nil
	}
	switch v := args[0].(type) {
	case starlark.Bytes:
		return v, nil
	case starlark.String:
		if len(args)+len(kwargs) < 2 {
			return nil, Raisef(TypeError, "string argument without an encoding")
		}
		return encodeMethod(rt, v, args[1:], kwargs)
	case starlark.Int:
		n, err := Int(v)
		if err != nil {
			return nil, err
		}
		if n < 0 {
			return nil, Raisef(ValueError, "negative count")
		}
		if err := rt.Alloc(int64(n)); err != nil {
			return nil, err
		}
		return starlark.Bytes(make([]byte, n)), nil
	}
	var b []byte
	err := rt.Each(args[0], func(v starlark.Value) (bool, error) {
		n, err := Int(v)
		if err != nil {
			return false, err
		}
		if n < 0 || n > 255 {
			return false, Raisef(ValueError, "bytes must be in range(0, 256)")
		}
		b = append(b, byte(n))
		return true, rt.Alloc(1)
	})
	return starlark.Bytes(b), err
}
