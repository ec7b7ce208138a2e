package pysyntax

import "strings"

// A File is a file's syntax tree.
type File struct {
	Name string
	Body []Stmt
}

// Parse reads the source of a file. The error is an *Error.
func Parse(file, src string) (*File, error) {
	if len(src) > maxBytes {
		return nil, &Error{file, Pos{1, 1}, "the file is larger than 1 MiB"}
	}
	if i := strings.IndexByte(src, 0); i >= 0 {
		return nil, &Error{file, Pos{1 + int32(strings.Count(src[:i], "\n")), 1}, "syntax error: a zero byte"}
	}
	src = strings.TrimPrefix(src, "\uFEFF")
	s := &scanner{file: file, src: src, pos: Pos{1, 1}}
	tokens, err := s.scan()
	if err != nil {
		return nil, err
	}
	p := &parser{file: file, src: src, tokens: tokens}
	var body []Stmt
	err = p.try(func() {
		for p.tok().kind != endOfFile {
			body = append(body, p.statement()...)
		}
	})
	if err != nil {
		return nil, err
	}
	return &File{file, body}, nil
}

// A parser is a recursive descent over the tokens. A mistake is a panic with
// an *Error that try turns into an error.
type parser struct {
	file   string
	src    string
	tokens []token
	i      int
	depth  int // of nested expressions and blocks
	quotes int // f-strings that this is within
}

func (p *parser) try(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			err = r
		default:
			panic(r)
		}
	}()
	f()
	return nil
}

func (p *parser) fail(pos Pos, msg string) { panic(&Error{p.file, pos, msg}) }

// nest counts one level deeper; the result goes back.
func (p *parser) nest() func() {
	p.depth++
	if p.depth > maxNested*3 {
		p.fail(p.tok().pos, "the code is nested too deeply")
	}
	return func() { p.depth-- }
}

func (p *parser) tok() token { return p.tokens[p.i] }

func (p *parser) peek() token {
	if p.i+1 < len(p.tokens) {
		return p.tokens[p.i+1]
	}
	return p.tokens[p.i]
}

func (p *parser) next() token {
	t := p.tokens[p.i]
	if p.i+1 < len(p.tokens) {
		p.i++
	}
	return t
}

// is reports whether the next token is the operator or the keyword.
func (p *parser) is(text string) bool {
	t := p.tok()
	return t.text == text && (t.kind == op || t.kind == name)
}

func (p *parser) accept(text string) bool {
	if p.is(text) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(text string) token {
	if !p.is(text) {
		p.unexpected("expected " + text)
	}
	return p.next()
}

func (p *parser) unexpected(want string) {
	t := p.tok()
	got := t.text
	switch t.kind {
	case newline:
		got = "the end of the line"
	case indent:
		got = "an indented line"
	case dedent:
		got = "the end of the block"
	case endOfFile:
		got = "the end of the file"
	}
	if len(got) > 40 {
		got = got[:strings.LastIndexFunc(got[:40], func(rune) bool { return true })] + "..."
	}
	p.fail(t.pos, "syntax error: "+want+", not "+got)
}

// keywords cannot be names.
var keywords = map[string]bool{
	"False": true, "None": true, "True": true, "and": true, "as": true, "assert": true, "async": true, "await": true,
	"break": true, "class": true, "continue": true, "def": true, "del": true, "elif": true, "else": true,
	"except": true, "finally": true, "for": true, "from": true, "global": true, "if": true, "import": true,
	"in": true, "is": true, "lambda": true, "nonlocal": true, "not": true, "or": true, "pass": true, "raise": true,
	"return": true, "try": true, "while": true, "with": true, "yield": true,
}

func (p *parser) ident() token {
	t := p.tok()
	if t.kind != name || keywords[t.text] {
		p.unexpected("expected a name")
	}
	return p.next()
}

// endOfLine ends a simple statement.
func (p *parser) endOfLine() {
	if t := p.tok(); t.kind != newline {
		p.unexpected("expected the end of the line")
	}
	p.next()
}

// block reads the statements after a colon: indented, or on the same line.
func (p *parser) block() []Stmt {
	defer p.nest()()
	p.expect(":")
	if p.tok().kind != newline {
		return p.simpleStatements()
	}
	p.next()
	if p.tok().kind != indent {
		p.unexpected("expected an indented block")
	}
	p.next()
	var body []Stmt
	for p.tok().kind != dedent && p.tok().kind != endOfFile {
		body = append(body, p.statement()...)
	}
	p.next()
	return body
}

func (p *parser) statement() []Stmt {
	t := p.tok()
	switch t.kind {
	case indent:
		p.fail(t.pos, "syntax error: unexpected indentation")
	case name:
		if s := p.compound(t); s != nil {
			return []Stmt{s}
		}
	case op:
		if t.text == "@" {
			return []Stmt{p.decorated()}
		}
	}
	return p.simpleStatements()
}

func (p *parser) simpleStatements() []Stmt {
	var list []Stmt
	for {
		list = append(list, p.simple())
		if !p.accept(";") {
			break
		}
		if p.tok().kind == newline {
			break
		}
	}
	p.endOfLine()
	return list
}
