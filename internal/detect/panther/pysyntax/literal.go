package pysyntax

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// numberValue returns the value of a number literal: int64, *big.Int or
// float64.
func numberValue(text string) (any, string) {
	t := strings.ToLower(text)
	if strings.Contains(t, "__") || strings.HasSuffix(t, "_") {
		return nil, "syntax error: misplaced _ in a number"
	}
	t = strings.ReplaceAll(t, "_", "")
	hex := strings.HasPrefix(t, "0x") || strings.HasPrefix(t, "0o") || strings.HasPrefix(t, "0b")
	switch {
	case !hex && strings.HasSuffix(t, "j"):
		return nil, noComplex
	case !hex && strings.ContainsAny(t, ".e"):
		f, err := strconv.ParseFloat(t, 64)
		if err != nil && !math.IsInf(f, 0) {
			return nil, "syntax error: " + text + " is not a number"
		}
		return f, ""
	case !hex && len(t) > 1 && t[0] == '0' && strings.Trim(t, "0") != "":
		return nil, "syntax error: a number begins with 0; octal numbers begin with 0o"
	case !hex:
		t = strings.TrimLeft(t, "0")
		if t == "" {
			t = "0"
		}
	}
	if len(t) > maxDigits {
		return nil, "the number has more than " + strconv.Itoa(maxDigits) + " digits"
	}
	if n, err := strconv.ParseInt(t, 0, 64); err == nil {
		return n, ""
	}
	n, ok := new(big.Int).SetString(t, 0)
	if !ok {
		return nil, "syntax error: " + text + " is not a number"
	}
	return n, ""
}

const noComplex = "complex numbers are not supported"

// maxDigits is Python's own limit for the digits of an integer.
const maxDigits = 4300

// unescape returns the text that the body of a string literal stands for.
// In bytes \u and \N mean nothing.
func unescape(s string, bytes bool) (string, string) {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return normalizeNewlines(s), ""
	}
	var b strings.Builder
	s = normalizeNewlines(s)
	for {
		i = strings.IndexByte(s, '\\')
		if i < 0 || i+1 >= len(s) {
			b.WriteString(s)
			return b.String(), ""
		}
		b.WriteString(s[:i])
		c := s[i+1]
		s = s[i+2:]
		switch c {
		case '\n':
		case '\\', '\'', '"':
			b.WriteByte(c)
		case 'a':
			b.WriteByte('\a')
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'v':
			b.WriteByte('\v')
		case '0', '1', '2', '3', '4', '5', '6', '7':
			n := 0
			for n < 2 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
				n++
			}
			v, _ := strconv.ParseUint(string(c)+s[:n], 8, 16)
			writeChar(&b, rune(v), bytes)
			s = s[n:]
		case 'x':
			msg := ""
			if s, msg = hexEscape(&b, s, 2, bytes); msg != "" {
				return "", msg
			}
		case 'u', 'U':
			if bytes {
				b.WriteString(`\` + string(c))
				continue
			}
			msg := ""
			if s, msg = hexEscape(&b, s, map[byte]int{'u': 4, 'U': 8}[c], false); msg != "" {
				return "", msg
			}
		case 'N':
			if bytes {
				b.WriteString(`\N`)
				continue
			}
			return "", `\N{...} in a string is not supported; write the character`
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
}

func hexEscape(b *strings.Builder, s string, n int, bytes bool) (rest, msg string) {
	if len(s) < n {
		return "", "syntax error: an escape in a string is cut short"
	}
	v, err := strconv.ParseUint(s[:n], 16, 32)
	if err != nil || v > utf8.MaxRune {
		return "", "syntax error: bad escape in a string"
	}
	writeChar(b, rune(v), bytes)
	return s[n:], ""
}

func writeChar(b *strings.Builder, c rune, bytes bool) {
	if bytes {
		b.WriteByte(byte(c))
		return
	}
	b.WriteRune(c)
}

func normalizeNewlines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}
