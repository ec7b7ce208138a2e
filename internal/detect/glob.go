package detect

import (
	"errors"
	"path"
	"strings"
)

// A glob is a compiled pattern: as in a shell, *, ? and [] stay within one
// path component; ** as a whole component stands for any number of them.
type glob struct {
	text     string
	literal  string   // what it matches, if it has no wildcard
	prefix   string   // what everything that it matches begins with
	segments []string // nil if literal
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
	g := glob{text: pattern}
	i := strings.IndexAny(pattern, globMeta)
	if i < 0 {
		g.literal, g.prefix = pattern, pattern
		return g
	}
	if lit, ok := unescape(pattern); ok {
		g.literal, g.prefix = lit, lit
		return g
	}
	// A ** also stands for no folder at all: /a/** matches /a, whose text
	// is shorter than what precedes the wildcard.
	g.prefix = strings.TrimSuffix(pattern[:i], "/")
	g.segments = strings.Split(pattern, "/")
	return g
}

// unescape returns the one text that a pattern of escaped characters means.
func unescape(pattern string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return "", false
		}
		b.WriteByte(pattern[i])
	}
	return b.String(), true
}

// escapeGlob returns the pattern that matches just s. YAML can't carry
// bytes that are not UTF-8: each becomes a ?.
func escapeGlob(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\uFFFD':
			b.WriteByte('?')
			continue
		case strings.ContainsRune(globMeta, r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (g *glob) match(s string) bool {
	if g.segments == nil {
		return s == g.literal
	}
	return strings.HasPrefix(s, g.prefix) && matchSegments(g.segments, s)
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
