package pyrt

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

// textMethod makes a method of a function from text to text.
func textMethod(name string, f func(string) string) method {
	return func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if err := noArgs(name, args, kwargs); err != nil {
			return nil, err
		}
		s := string(self.(starlark.String))
		if err := rt.Alloc(int64(len(s))); err != nil {
			return nil, err
		}
		return starlark.String(f(s)), nil
	}
}

// testMethod makes a method of a test that all characters of a text pass.
func testMethod(name string, empty bool, f func(rune) bool) method {
	return func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if err := noArgs(name, args, kwargs); err != nil {
			return nil, err
		}
		s := string(self.(starlark.String))
		if err := rt.Charge(len(s) / bytesPerStep); err != nil {
			return nil, err
		}
		if s == "" {
			return starlark.Bool(empty), nil
		}
		return starlark.Bool(strings.IndexFunc(s, func(c rune) bool { return !f(c) }) < 0), nil
	}
}

func strMethods() map[string]method {
	return map[string]method{
		"lower":        textMethod("lower", strings.ToLower),
		"upper":        textMethod("upper", strings.ToUpper),
		"casefold":     textMethod("casefold", casefold),
		"capitalize":   textMethod("capitalize", capitalize),
		"title":        textMethod("title", titleCase),
		"swapcase":     textMethod("swapcase", swapCase),
		"isalpha":      testMethod("isalpha", false, unicode.IsLetter),
		"isdigit":      testMethod("isdigit", false, unicode.IsDigit),
		"isdecimal":    testMethod("isdecimal", false, unicode.IsDigit),
		"isnumeric":    testMethod("isnumeric", false, unicode.IsNumber),
		"isalnum":      testMethod("isalnum", false, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) }),
		"isspace":      testMethod("isspace", false, isSpace),
		"isascii":      testMethod("isascii", true, func(c rune) bool { return c < utf8.RuneSelf }),
		"isprintable":  testMethod("isprintable", true, unicode.IsPrint),
		"islower":      caseTest(unicode.IsLower, unicode.IsUpper),
		"isupper":      caseTest(unicode.IsUpper, unicode.IsLower),
		"istitle":      isTitle,
		"isidentifier": isIdentifier,
		"strip":        stripMethod("strip", true, true),
		"lstrip":       stripMethod("lstrip", true, false),
		"rstrip":       stripMethod("rstrip", false, true),
		"split":        splitMethod,
		"rsplit":       rsplitMethod,
		"splitlines":   splitLines,
		"join":         joinMethod,
		"replace":      replaceMethod,
		"find":         findMethod("find", false, false),
		"rfind":        findMethod("rfind", true, false),
		"index":        findMethod("index", false, true),
		"rindex":       findMethod("rindex", true, true),
		"count":        countMethod,
		"startswith":   affixMethod("startswith", strings.HasPrefix),
		"endswith":     affixMethod("endswith", strings.HasSuffix),
		"removeprefix": removeMethod("removeprefix", strings.TrimPrefix),
		"removesuffix": removeMethod("removesuffix", strings.TrimSuffix),
		"partition":    partitionMethod("partition", strings.Index),
		"rpartition":   partitionMethod("rpartition", strings.LastIndex),
		"ljust":        justify("ljust", '<'),
		"rjust":        justify("rjust", '>'),
		"center":       justify("center", '^'),
		"zfill":        zfill,
		"expandtabs":   expandTabs,
		"encode":       encodeMethod,
		"format":       strFormat,
		"format_map":   strFormatMap,
		"translate":    translate,
	}
}

func isSpace(c rune) bool { return unicode.IsSpace(c) || c >= 0x1c && c <= 0x1f }

func casefold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "ß", "ss") }

func capitalize(s string) string {
	c, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToTitle(c)) + strings.ToLower(s[size:])
}

func titleCase(s string) string {
	inWord := false
	return strings.Map(func(c rune) rune {
		was := inWord
		inWord = unicode.IsLetter(c)
		if was {
			return unicode.ToLower(c)
		}
		return unicode.ToTitle(c)
	}, s)
}

func swapCase(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsUpper(c) {
			return unicode.ToLower(c)
		}
		return unicode.ToUpper(c)
	}, s)
}

func caseTest(want, not func(rune) bool) method {
	return func(_ *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		s := string(self.(starlark.String))
		return starlark.Bool(strings.IndexFunc(s, want) >= 0 && strings.IndexFunc(s, not) < 0), nil
	}
}

func isTitle(_ *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	s := string(self.(starlark.String))
	return starlark.Bool(strings.IndexFunc(s, unicode.IsLetter) >= 0 && titleCase(s) == s), nil
}

func isIdentifier(_ *Runtime, self starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	for i, c := range string(self.(starlark.String)) {
		if c != '_' && !unicode.IsLetter(c) && (i == 0 || !unicode.IsDigit(c)) {
			return starlark.False, nil
		}
	}
	return self.Truth(), nil
}

func stripMethod(name string, left, right bool) method {
	return func(_ *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		a, err := Bind(name, args, kwargs, "chars?")
		if err != nil {
			return nil, err
		}
		s := string(self.(starlark.String))
		cut := isSpace
		if !absent(a[0]) {
			chars, err := Text(name+" arg", a[0])
			if err != nil {
				return nil, err
			}
			cut = func(c rune) bool { return strings.ContainsRune(chars, c) }
		}
		if left {
			s = strings.TrimLeftFunc(s, cut)
		}
		if right {
			s = strings.TrimRightFunc(s, cut)
		}
		return starlark.String(s), nil
	}
}

func affixMethod(name string, has func(s, affix string) bool) method {
	return func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		a, err := Bind(name, args, kwargs, "affix", "start?", "end?")
		if err != nil {
			return nil, err
		}
		s, ok, err := within(string(self.(starlark.String)), a[1], a[2])
		if err != nil {
			return nil, err
		}
		list, isTuple := a[0].(starlark.Tuple)
		if !isTuple {
			list = starlark.Tuple{a[0]}
		}
		for _, v := range list {
			affix, isText := v.(starlark.String)
			if !isText {
				return nil, Raisef(TypeError, "%s first arg must be str or a tuple of str, not %s", name, TypeName(v))
			}
			if ok && has(s, string(affix)) {
				return starlark.True, nil
			}
		}
		return starlark.False, rt.Charge(len(list))
	}
}

// within returns s[start:end]; false if start is beyond the end of s.
func within(s string, start, end starlark.Value) (string, bool, error) {
	if absent(start) && absent(end) {
		return s, true, nil
	}
	n := utf8.RuneCountInString(s)
	if !absent(start) {
		if i, err := sliceIndex(start); err == nil && i > n {
			return "", false, nil
		}
	}
	lo, hi, _, err := (&Slice{start, end, nil}).bounds(n)
	if err != nil {
		return "", false, err
	}
	if hi < lo {
		return "", false, nil
	}
	return s[byteOffset(s, lo):byteOffset(s, hi)], true, nil
}

func removeMethod(name string, cut func(s, affix string) string) method {
	return func(_ *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		a, err := Bind(name, args, kwargs, "affix")
		if err != nil {
			return nil, err
		}
		affix, err := Text(name+"() argument", a[0])
		return starlark.String(cut(string(self.(starlark.String)), affix)), err
	}
}
