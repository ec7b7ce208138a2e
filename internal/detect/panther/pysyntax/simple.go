package pysyntax

import "strings"

// simple reads a statement that fits on a line.
func (p *parser) simple() Stmt {
	t := p.tok()
	if t.kind == name {
		switch t.text {
		case "pass":
			p.next()
			return &Pass{t.pos}
		case "break":
			p.next()
			return &Break{t.pos}
		case "continue":
			p.next()
			return &Continue{t.pos}
		case "return":
			p.next()
			s := &Return{Pos: t.pos}
			if !p.lineEnds() {
				s.Value = p.starExprs()
			}
			return s
		case "raise":
			return p.raise()
		case "assert":
			p.next()
			s := &Assert{Pos: t.pos, Cond: p.expr()}
			if p.accept(",") {
				s.Msg = p.expr()
			}
			return s
		case "del":
			p.next()
			s := &Delete{Pos: t.pos}
			switch x := p.starExprs().(type) {
			case *Tuple:
				s.Targets = x.Elts
			default:
				s.Targets = []Expr{x}
			}
			for _, x := range s.Targets {
				p.checkTarget(x, false)
			}
			return s
		case "global":
			p.next()
			return &Global{t.pos, p.names()}
		case "nonlocal":
			p.next()
			return &Nonlocal{t.pos, p.names()}
		case "import":
			return p.importStmt()
		case "from":
			return p.importFrom()
		}
	}
	return p.exprStmt()
}

func (p *parser) lineEnds() bool {
	return p.tok().kind == newline || p.tok().kind == endOfFile || p.is(";")
}

func (p *parser) names() []string {
	list := []string{p.ident().text}
	for p.accept(",") {
		list = append(list, p.ident().text)
	}
	return list
}

func (p *parser) raise() Stmt {
	s := &Raise{Pos: p.next().pos}
	if p.lineEnds() {
		return s
	}
	s.Exc = p.expr()
	if p.accept("from") {
		s.Cause = p.expr()
	}
	return s
}

func (p *parser) importStmt() Stmt {
	s := &Import{Pos: p.next().pos}
	for {
		a := Alias{Pos: p.tok().pos, Name: p.dotted()}
		if p.accept("as") {
			a.As = p.ident().text
		}
		s.Names = append(s.Names, a)
		if !p.accept(",") {
			return s
		}
	}
}

func (p *parser) dotted() string {
	var b strings.Builder
	b.WriteString(p.ident().text)
	for p.accept(".") {
		b.WriteString("." + p.ident().text)
	}
	return b.String()
}

func (p *parser) importFrom() Stmt {
	s := &ImportFrom{Pos: p.next().pos}
	for p.is(".") || p.is("...") {
		s.Module += p.next().text
	}
	if !p.is("import") {
		s.Module += p.dotted()
	}
	p.expect("import")
	if p.is("*") {
		p.next()
		return &RefusedStmt{Refusal: Refusal{s.Pos, "import * is not supported; name what is needed"}}
	}
	parens := p.accept("(")
	for {
		t := p.ident()
		a := Alias{Pos: t.pos, Name: t.text}
		if p.accept("as") {
			a.As = p.ident().text
		}
		s.Names = append(s.Names, a)
		if !p.accept(",") || parens && p.is(")") {
			break
		}
	}
	if parens {
		p.expect(")")
	}
	return s
}

var augmented = map[string]string{
	"+=": "+", "-=": "-", "*=": "*", "/=": "/", "//=": "//", "%=": "%", "**=": "**",
	"&=": "&", "|=": "|", "^=": "^", "<<=": "<<", ">>=": ">>", "@=": "@",
}

// exprStmt reads an expression, an assignment or an annotated name.
func (p *parser) exprStmt() Stmt {
	pos := p.tok().pos
	x := p.starExprs()
	t := p.tok()
	if t.kind == op {
		if o, ok := augmented[t.text]; ok {
			p.next()
			p.checkTarget(x, false)
			if _, ok := x.(*Tuple); ok {
				p.fail(t.pos, "syntax error: "+t.text+" takes one target")
			}
			if o == "@" {
				p.starExprs()
				return &RefusedStmt{Refusal: Refusal{t.pos, "matrix multiplication is not supported"}}
			}
			return &AugAssign{pos, o, x, p.starExprs()}
		}
		switch t.text {
		case ":":
			p.next()
			p.checkTarget(x, false)
			p.expr()
			s := &AnnAssign{Pos: pos, Target: x}
			if p.accept("=") {
				s.Value = p.starExprs()
			}
			return s
		case "=":
			s := &Assign{Pos: pos}
			for p.accept("=") {
				p.checkTarget(x, true)
				s.Targets = append(s.Targets, x)
				x = p.starExprs()
			}
			s.Value = x
			p.checkValue(x)
			return s
		}
	}
	p.checkValue(x)
	return &ExprStmt{pos, x}
}

// checkTarget fails unless x can be assigned to.
func (p *parser) checkTarget(x Expr, star bool) {
	switch x := x.(type) {
	case *Name, *Attribute:
		return
	case *Subscript:
		return
	case *Starred:
		if star {
			p.checkTarget(x.X, false)
			return
		}
	case *Tuple:
		p.checkTargets(x.Elts)
		return
	case *List:
		p.checkTargets(x.Elts)
		return
	case *RefusedExpr:
		return
	}
	p.fail(x.At(), "syntax error: cannot assign to this expression")
}

func (p *parser) checkTargets(list []Expr) {
	stars := 0
	for _, x := range list {
		p.checkTarget(x, true)
		if _, ok := x.(*Starred); ok {
			stars++
		}
	}
	if stars > 1 {
		p.fail(list[0].At(), "syntax error: two starred targets")
	}
}

// checkValue fails for a lone *x, which is no value.
func (p *parser) checkValue(x Expr) {
	if s, ok := x.(*Starred); ok {
		p.fail(s.Pos, "syntax error: * is not possible here")
	}
}
