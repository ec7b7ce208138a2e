package detect

import (
	"strings"
	"testing"
	"time"
)

func TestGlob(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"/a/b", "/a/b", true}, {"/a/b", "/a/b/", false}, {"/a/*", "/a/b", true}, {"/a/*", "/a/b/c", false}, {"/a/*", "/a/", true},
		{"/a/**", "/a/b/c", true}, {"/a/**", "/ab", false}, {"/a/**", "/a", true}, {"/**", "/a/b", true}, {"/**/c", "/a/b/c", true},
		{"/**/c", "/c", true}, {"/**/c", "/a/c/b", false}, {"/a/**/b/**/c", "/a/x/b/y/z/c", true}, {"/a/**/b/**/c", "/a/x/b/y/z", false},
		{"/**/b/c", "/b/b/c", true}, {"/**/**/c", "/c", true}, {"/**/**", "/", true}, {"/a?c", "/abc", true}, {"/a?c", "/a/c", false},
		{"/[ab]", "/b", true}, {"/[^ab]", "/b", false}, {`/\*`, "/*", true}, {`/\*`, "/x", false}, {`/\[a\]`, "/[a]", true},
		{"/a?", "/a\xff", true}, {"*", "web", true}, {"*.service", "a.service", true}, {"**", "a/b:c", true},
		{`a\x2db.service`, `a\x2db.service`, true}, {`a\\x2db.service`, `a\x2db.service`, true},
		{"/usr/*/x", "/usr//x", true}, {"/usr/*/x", "/usr/x", false},
	} {
		if err := CheckGlob(tc.pattern); err != nil {
			t.Errorf("%s: %v", tc.pattern, err)
		}
		g := compileGlob(tc.pattern)
		if got := g.match(tc.s); got != tc.want {
			t.Errorf("%s matches %q: %v, want %v", tc.pattern, tc.s, got, tc.want)
		}
	}
}

func TestGlobOfManyStarsIsNotSlow(t *testing.T) {
	g := compileGlob("/" + strings.Repeat("**/*a*a*a*b/", 30) + "c")
	s := "/" + strings.Repeat("aaaaaaaaaaaaaaaa/", 100) + "d"
	start := time.Now()
	g.match(s)
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v", took)
	}
}

// FuzzGlob: an escaped text matches itself and, if it is UTF-8, no other.
func FuzzGlob(f *testing.F) {
	f.Add("/a/[b]*", "/a/b")
	f.Add("/**/x\\", "\xff/x")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if CheckGlob(pattern) == nil {
			g := compileGlob(pattern)
			g.match(s)
		}
		if s == "" {
			return
		}
		e := escapeGlob(s)
		if err := CheckGlob(e); err != nil {
			t.Fatalf("%q escaped is %q: %v", s, e, err)
		}
		if g := compileGlob(e); !g.match(s) {
			t.Errorf("%q escaped is %q and does not match", s, e)
		}
	})
}
