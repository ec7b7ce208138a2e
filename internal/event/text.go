package event

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns s fit for a terminal or a log line: what does not print,
// such as an escape sequence, becomes \x1b and the like, and at most limit
// bytes of s are used. Whoever names a process chooses s.
func Printable(s string, limit int) string {
	cut := len(s) > limit
	if cut {
		s = s[:limit]
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && s[i] != "\uFFFD"[0]:
			writeHex(&b, s[i])
		case r < utf8.RuneSelf && !unicode.IsPrint(r):
			writeHex(&b, byte(r))
		case !unicode.IsPrint(r):
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
	if cut {
		b.WriteRune('…')
	}
	return b.String()
}

func writeHex(b *strings.Builder, c byte) {
	const digits = "0123456789abcdef"
	b.WriteString(`\x`)
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&15])
}
