package pysyntax

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	endOfFile kind = iota
	newline
	indent
	dedent
	name // also keywords
	number
	str // with its prefix and quotes
	op
)

type token struct {
	kind kind
	text string
	pos  Pos
	off  int // of text in the source
}

// A scanner turns source into tokens. Within an f-string's braces (nested)
// lines and indentation mean nothing.
type scanner struct {
	file    string
	src     string
	off     int
	pos     Pos
	nested  bool
	open    []byte // brackets that are open
	indents []int  // widths of the blocks that are open
	tokens  []token
}

// operators, longest first.
var operators = []string{
	"**=", "//=", ">>=", "<<=", "...",
	"**", "//", ">>", "<<", "<=", ">=", "==", "!=", "->", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=", ":=",
	"+", "-", "*", "/", "%", "@", "&", "|", "^", "~", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":", ".", ";", "=",
}

var closes = map[byte]byte{')': '(', ']': '[', '}': '{'}

func (s *scanner) errorf(pos Pos, msg string) error { return &Error{s.file, pos, msg} }

// scan reads all tokens of a file.
func (s *scanner) scan() ([]token, error) {
	for {
		if !s.nested && len(s.open) == 0 {
			if err := s.indentation(); err != nil {
				return nil, err
			}
		}
		if s.off >= len(s.src) {
			break
		}
		if err := s.line(); err != nil {
			return nil, err
		}
	}
	if len(s.open) > 0 {
		return nil, s.errorf(s.pos, "syntax error: "+string(s.open[len(s.open)-1])+" is never closed")
	}
	for range s.indents {
		s.tokens = append(s.tokens, token{kind: dedent, pos: s.pos})
	}
	s.tokens = append(s.tokens, token{kind: endOfFile, pos: s.pos})
	return s.tokens, nil
}

// indentation reads the blanks before a line and opens and closes blocks.
// Empty lines and comments do neither.
func (s *scanner) indentation() error {
	for s.off < len(s.src) {
		width := 0
		for s.off < len(s.src) {
			switch s.src[s.off] {
			case ' ':
				width++
			case '\t':
				width = (width/8 + 1) * 8
			case '\f':
				width = 0
			default:
				goto text
			}
			s.advance(1)
		}
	text:
		if s.off < len(s.src) && (s.src[s.off] == '#' || isNewline(s.src[s.off])) {
			s.skipComment()
			s.skipNewline()
			continue
		}
		if s.off >= len(s.src) {
			width = 0
		}
		return s.block(width)
	}
	return nil
}

func (s *scanner) block(width int) error {
	top := 0
	if n := len(s.indents); n > 0 {
		top = s.indents[n-1]
	}
	if width > top {
		if len(s.indents) >= maxNested {
			return s.errorf(s.pos, "blocks are nested too deeply")
		}
		s.indents = append(s.indents, width)
		s.tokens = append(s.tokens, token{kind: indent, pos: s.pos})
		return nil
	}
	for width < top {
		s.indents = s.indents[:len(s.indents)-1]
		s.tokens = append(s.tokens, token{kind: dedent, pos: s.pos})
		top = 0
		if n := len(s.indents); n > 0 {
			top = s.indents[n-1]
		}
	}
	if width != top {
		return s.errorf(s.pos, "syntax error: the indentation matches no outer block")
	}
	return nil
}

// line reads tokens up to the end of a logical line.
func (s *scanner) line() error {
	for s.off < len(s.src) {
		c := s.src[s.off]
		switch {
		case c == ' ' || c == '\t' || c == '\f':
			s.advance(1)
		case c == '#':
			s.skipComment()
		case c == '\\' && s.off+1 < len(s.src) && isNewline(s.src[s.off+1]):
			s.advance(1)
			s.skipNewline()
		case isNewline(c):
			pos := s.pos
			s.skipNewline()
			if s.nested || len(s.open) > 0 {
				continue
			}
			s.tokens = append(s.tokens, token{kind: newline, pos: pos})
			return nil
		default:
			if err := s.token(); err != nil {
				return err
			}
		}
	}
	if !s.nested && len(s.open) == 0 {
		s.tokens = append(s.tokens, token{kind: newline, pos: s.pos})
	}
	return nil
}

func (s *scanner) token() error {
	rest := s.src[s.off:]
	if n := stringPrefix(rest); n >= 0 {
		end, err := s.stringEnd(s.off)
		if err != nil {
			return err
		}
		s.emit(str, end-s.off)
		return nil
	}
	c, size := utf8.DecodeRuneInString(rest)
	switch {
	case c == utf8.RuneError && size <= 1:
		return s.errorf(s.pos, "syntax error: the file is not UTF-8")
	case c == '_' || unicode.IsLetter(c):
		s.emit(name, nameLen(rest))
		return nil
	case c >= '0' && c <= '9', c == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		s.emit(number, numberLen(rest))
		return nil
	}
	for _, o := range operators {
		if !strings.HasPrefix(rest, o) {
			continue
		}
		switch b := o[0]; b {
		case '(', '[', '{':
			if len(s.open) >= maxNested {
				return s.errorf(s.pos, "brackets are nested too deeply")
			}
			s.open = append(s.open, b)
		case ')', ']', '}':
			n := len(s.open)
			if n == 0 || s.open[n-1] != closes[b] {
				return s.errorf(s.pos, "syntax error: unmatched "+o)
			}
			s.open = s.open[:n-1]
		}
		s.emit(op, len(o))
		return nil
	}
	return s.errorf(s.pos, "syntax error: unexpected character "+quoteRune(c))
}

func (s *scanner) emit(k kind, n int) {
	s.tokens = append(s.tokens, token{k, s.src[s.off : s.off+n], s.pos, s.off})
	s.advance(n)
}

// advance moves over n bytes, counting lines.
func (s *scanner) advance(n int) {
	for end := s.off + n; s.off < end; {
		c, size := utf8.DecodeRuneInString(s.src[s.off:])
		s.off += size
		if c == '\n' || c == '\r' && (s.off >= len(s.src) || s.src[s.off] != '\n') {
			s.pos.Line++
			s.pos.Col = 1
		} else if c != '\r' {
			s.pos.Col++
		}
	}
}

func (s *scanner) skipComment() {
	n := strings.IndexAny(s.src[s.off:], "\n\r")
	if n < 0 {
		n = len(s.src) - s.off
	}
	s.advance(n)
}

func (s *scanner) skipNewline() {
	switch {
	case strings.HasPrefix(s.src[s.off:], "\r\n"):
		s.advance(2)
	case s.off < len(s.src):
		s.advance(1)
	}
}

func isNewline(c byte) bool { return c == '\n' || c == '\r' }

func nameLen(s string) int {
	for i, c := range s {
		if c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.Is(unicode.Mn, c) {
			return i
		}
	}
	return len(s)
}

// numberLen returns the length of the number that s begins with. What is
// wrong within is found when it is converted.
func numberLen(s string) int {
	hex := len(s) > 1 && s[0] == '0' && strings.ContainsRune("xXoObB", rune(s[1]))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9' || c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z':
		case c == '.' && !hex:
		case (c == '+' || c == '-') && !hex && i > 0 && s[i-1]|0x20 == 'e' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
		default:
			return i
		}
	}
	return len(s)
}

func quoteRune(c rune) string {
	if unicode.IsPrint(c) {
		return string(c)
	}
	return "that does not print"
}
