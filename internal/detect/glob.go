package detect

import (
	"errors"
	"path"
	"strings"
	"unicode/utf8"
)

// A glob is a compiled pattern: as in a shell, *, ? and [] stay within one
// path component; ** as a whole component stands for any number of them.
type glob struct {
	text     string
	prefix   string   // what everything that it matches begins with
	segments []string // nil if it has no wildcard: it matches its text
}

const globMeta = `*?[\`

// CheckGlob returns what is wrong with a pattern, or nil.
func CheckGlob(pattern string) error {
	if pattern == "" {
		return errors.New("is empty")
	}
	for s := range strings.SplitSeq(pattern, "/") {
		if s != "**" && strings.Contains(s, "**") {
			return errors.New("has ** beside other characters; write ** as a folder of its own, as in /usr/**/bin")
		}
		if _, err := path.Match(s, ""); err != nil {
			return errors.New(`has a [ without ] or ends in \`)
		}
	}
	return nil
}

// compileGlob compiles a pattern that CheckGlob accepts.
func compileGlob(pattern string) glob {
	i := strings.IndexAny(pattern, globMeta)
	if i < 0 {
		return glob{text: pattern}
	}
	// A ** also stands for no folder at all: /a/** matches /a, whose text
	// is shorter than what precedes the wildcard.
	return glob{text: pattern, prefix: strings.TrimSuffix(pattern[:i], "/"), segments: strings.Split(pattern, "/")}
}

// escapeGlob returns the pattern that matches just s. YAML can't carry
// bytes that are not UTF-8: each becomes a ?.
func escapeGlob(s string) string {
	if !strings.ContainsAny(s, "*?[\uFFFD") && utf8.ValidString(s) && CheckGlob(s) == nil {
		return s // as it stands it matches itself: systemd's a\x2db.service
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == utf8.RuneError:
			b.WriteByte('?')
			continue
		case strings.ContainsRune(globMeta, r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// match reports whether the pattern matches s. Every text matches itself,
// also one with a backslash, of which systemd's names of units are full.
func (g *glob) match(s string) bool {
	if s == g.text {
		return true
	}
	return g.segments != nil && strings.HasPrefix(s, g.prefix) && matchSegments(g.segments, s)
}

// matchSegments walks pattern and path by component. It returns to the last
// ** only, so the cost is at most the product of both lengths.
func matchSegments(pattern []string, s string) bool {
	var (
		p, starP   = 0, -1
		rest, more = s, true
		starRest   string
		starMore   bool
	)
	for more {
		head, tail, found := strings.Cut(rest, "/")
		switch {
		case p < len(pattern) && pattern[p] == "**":
			starP, starRest, starMore = p, rest, more
			p++
			continue
		case p < len(pattern) && matchSegment(pattern[p], head):
			p++
			rest, more = tail, found
			continue
		case starP < 0 || !starMore:
			return false
		}
		// Let the last ** take one component more.
		_, starRest, starMore = strings.Cut(starRest, "/")
		p, rest, more = starP+1, starRest, starMore
	}
	for p < len(pattern) && pattern[p] == "**" {
		p++
	}
	return p == len(pattern)
}

func matchSegment(pattern, s string) bool {
	ok, err := path.Match(pattern, s)
	return ok && err == nil
}
