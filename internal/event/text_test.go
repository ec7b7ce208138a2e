package event

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"/usr/sbin/vsftpd", "/usr/sbin/vsftpd"},
		{"\x1b[2Jgone", `\x1b[2Jgone`},
		{"a\nb\x00", `a\x0ab\x00`},
		{"\xff\xfe", `\xff\xfe`},
		{"grün", "grün"},
		{"right\u202eleft", "right\uFFFDleft"}, // turns the direction of writing
		{"\uFFFD", "\uFFFD"},
		{"0123456789abcdefXYZ", "0123456789abcdef…"},
	} {
		if got := Printable(c.in, 16); got != c.want {
			t.Errorf("Printable(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("\x1b]0;title\x07", 10)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		got := Printable(s, limit&0xff)
		if !utf8.ValidString(got) {
			t.Fatalf("%q is not UTF-8", got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) && r != utf8.RuneError {
				t.Fatalf("%q holds %q", got, r)
			}
		}
	})
}
