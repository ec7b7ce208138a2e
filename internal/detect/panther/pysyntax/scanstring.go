package pysyntax

import "strings"

// stringPrefix returns the length of the letters before the quote if s begins
// with a string literal, else -1.
func stringPrefix(s string) int {
	for i := 0; i < len(s) && i < 3; i++ {
		switch s[i] {
		case '\'', '"':
			return i
		case 'r', 'R', 'b', 'B', 'f', 'F', 'u', 'U':
		default:
			return -1
		}
	}
	return -1
}

// quoteOf returns the quote that s begins with: one or three characters.
func quoteOf(s string) string {
	if len(s) >= 3 && s[1] == s[0] && s[2] == s[0] {
		return s[:3]
	}
	return s[:1]
}

// stringEnd returns the offset after the string literal at off.
func (s *scanner) stringEnd(off int) (int, error) {
	n := stringPrefix(s.src[off:])
	prefix := strings.ToLower(s.src[off : off+n])
	quote := quoteOf(s.src[off+n:])
	begin := off + n + len(quote)
	if strings.Contains(prefix, "f") {
		return s.fstringEnd(begin, quote, strings.Contains(prefix, "r"), 0)
	}
	for i := begin; i < len(s.src); {
		switch c := s.src[i]; {
		case strings.HasPrefix(s.src[i:], quote):
			return i + len(quote), nil
		case c == '\\':
			i += 2
		case isNewline(c) && len(quote) == 1:
			return 0, s.unterminated()
		default:
			i++
		}
	}
	return 0, s.unterminated()
}

func (s *scanner) unterminated() error {
	return s.errorf(s.pos, "syntax error: the string is never closed")
}

// fstringEnd returns the offset after the closing quote of an f-string whose
// text begins at off.
func (s *scanner) fstringEnd(off int, quote string, raw bool, depth int) (int, error) {
	if depth > 4 {
		return 0, s.errorf(s.pos, "f-strings are nested too deeply")
	}
	for i := off; i < len(s.src); {
		switch c := s.src[i]; {
		case strings.HasPrefix(s.src[i:], quote):
			return i + len(quote), nil
		case c == '\\' && i+1 < len(s.src) && (s.src[i+1] == '{' || s.src[i+1] == '}'):
			i++
		case c == '\\':
			i += 2
			if !raw && strings.HasPrefix(s.src[i-1:], "N{") {
				if n := strings.IndexByte(s.src[i:], '}'); n > 0 {
					i += n
				}
			}
		case isNewline(c) && len(quote) == 1:
			return 0, s.unterminated()
		case strings.HasPrefix(s.src[i:], "{{"):
			i += 2
		case c == '{':
			f, err := s.field(i+1, quote, depth)
			if err != nil {
				return 0, err
			}
			i = f.end
		default:
			i++
		}
	}
	return 0, s.unterminated()
}

// A field is where the parts of a {field} of an f-string are.
type field struct {
	expr  int // end of the expression
	debug bool
	conv  byte
	spec  int // begin of the format spec, 0 if there is none
	end   int // after the closing brace
}

// field finds the parts of the field whose expression begins at off.
func (s *scanner) field(off int, quote string, depth int) (field, error) {
	var f field
	var open []byte
	i := off
	for i < len(s.src) && f.expr == 0 {
		c := s.src[i]
		if len(open) == 0 {
			switch {
			case c == '}' || c == ':':
				f.expr = i
				continue
			case c == '!' && !strings.HasPrefix(s.src[i:], "!="):
				f.expr = i
				continue
			case c == '=' && !strings.HasPrefix(s.src[i:], "==") && !strings.ContainsRune("=!<>", rune(s.src[i-1])):
				f.expr, f.debug = i, true
				i++
				for i < len(s.src) && s.src[i] == ' ' {
					i++
				}
				continue
			}
		}
		next, err := s.skip(i, &open, quote, depth)
		if err != nil {
			return f, err
		}
		i = next
	}
	if f.expr == 0 || i >= len(s.src) {
		return f, s.errorf(s.pos, "syntax error: a field of the f-string is never closed")
	}
	if s.src[i] == '!' {
		if i+1 >= len(s.src) || !strings.ContainsRune("sra", rune(s.src[i+1])) {
			return f, s.errorf(s.pos, "syntax error: the conversion of a field is !s, !r or !a")
		}
		f.conv = s.src[i+1]
		i += 2
	}
	if i < len(s.src) && s.src[i] == ':' {
		i++
		f.spec = i
		for i < len(s.src) && s.src[i] != '}' {
			switch {
			case s.src[i] == '{':
				inner, err := s.nestedField(i+1, quote, depth)
				if err != nil {
					return f, err
				}
				i = inner
			case strings.HasPrefix(s.src[i:], quote) || isNewline(s.src[i]) && len(quote) == 1:
				return f, s.unterminated()
			default:
				i++
			}
		}
	}
	if i >= len(s.src) || s.src[i] != '}' {
		return f, s.errorf(s.pos, "syntax error: a field of the f-string is never closed")
	}
	f.end = i + 1
	return f, nil
}

func (s *scanner) nestedField(off int, quote string, depth int) (int, error) {
	if depth >= 4 {
		return 0, s.errorf(s.pos, "f-strings are nested too deeply")
	}
	f, err := s.field(off, quote, depth+1)
	return f.end, err
}

// skip moves over one piece of an expression within a field: a string, a
// bracket, a character.
func (s *scanner) skip(i int, open *[]byte, quote string, depth int) (int, error) {
	c := s.src[i]
	switch c {
	case '(', '[', '{':
		*open = append(*open, c)
		return i + 1, nil
	case ')', ']', '}':
		n := len(*open)
		if n == 0 || (*open)[n-1] != closes[c] {
			return 0, s.errorf(s.pos, "syntax error: unmatched "+string(c)+" in an f-string")
		}
		*open = (*open)[:n-1]
		return i + 1, nil
	case '#':
		return 0, s.errorf(s.pos, "syntax error: a comment in a field of an f-string")
	case '\n', '\r':
		if len(quote) == 1 {
			return 0, s.unterminated()
		}
		return i + 1, nil
	}
	if c == '_' || c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' {
		if n := stringPrefix(s.src[i:]); n < 0 {
			return i + max(1, nameLen(s.src[i:])), nil
		}
	}
	n := stringPrefix(s.src[i:])
	if n < 0 {
		return i + 1, nil
	}
	inner := quoteOf(s.src[i+n:])
	if inner == quote && len(quote) == 3 {
		return 0, s.errorf(s.pos, "syntax error: a field of the f-string is never closed")
	}
	if strings.ContainsAny(s.src[i:i+n], "fF") {
		return s.fstringEnd(i+n+len(inner), inner, strings.ContainsAny(s.src[i:i+n], "rR"), depth+1)
	}
	return s.stringEnd(i)
}
