package pysyntax

// decorated reads a function or class with decorators. None are run.
func (p *parser) decorated() Stmt {
	pos := p.tok().pos
	for p.accept("@") {
		p.namedExpr()
		if p.tok().kind != newline {
			p.unexpected("expected the end of the line")
		}
		p.next()
	}
	t := p.tok()
	s := p.compound(t)
	switch s := s.(type) {
	case *FunctionDef:
		if s.Refused == nil {
			s.Refused = &Refusal{pos, "decorators are not supported"}
		}
		return s
	case *RefusedStmt:
		return s
	}
	p.fail(t.pos, "syntax error: expected a function after the decorator")
	return nil
}

func (p *parser) class() Stmt {
	s := &RefusedStmt{Refusal: Refusal{p.next().pos, "classes are not supported"}}
	id := p.ident()
	s.Binds = []string{id.text}
	s.What = "class " + id.text + ": classes are not supported; use functions and dicts"
	if p.accept("(") {
		p.args()
	}
	p.block()
	return s
}

func (p *parser) with(what string) Stmt {
	s := &RefusedStmt{Refusal: Refusal{p.next().pos, what}}
	parens := p.is("(") && p.parenthesized()
	if parens {
		p.next()
	}
	for {
		p.expr()
		if p.accept("as") {
			s.Binds = append(s.Binds, NamesOf(p.target())...)
		}
		if !p.accept(",") || parens && p.is(")") {
			break
		}
	}
	if parens {
		p.expect(")")
	}
	s.Body = p.block()
	return s
}

// parenthesized reports whether the bracket at the next token is closed right
// before a colon: with (a as b, c as d):
func (p *parser) parenthesized() bool {
	depth := 0
	for i := p.i; i < len(p.tokens); i++ {
		switch t := p.tokens[i]; {
		case t.kind == newline || t.kind == endOfFile:
			return false
		case t.kind != op:
		case t.text == "(" || t.text == "[" || t.text == "{":
			depth++
		case t.text == ")" || t.text == "]" || t.text == "}":
			depth--
			if depth == 0 {
				return i+1 < len(p.tokens) && p.tokens[i+1].text == ":"
			}
		}
	}
	return false
}

func (p *parser) async() Stmt {
	pos := p.next().pos
	refusal := Refusal{pos, "async is not supported"}
	switch t := p.tok(); t.text {
	case "def":
		s := p.funcDef().(*FunctionDef)
		s.Refused = &refusal
		return s
	case "with":
		s := p.with("async is not supported").(*RefusedStmt)
		s.Pos = pos
		return s
	case "for":
		return &RefusedStmt{Refusal: refusal, Body: []Stmt{p.forStmt()}}
	}
	p.unexpected("expected def, with or for after async")
	return nil
}

// match reads a match statement, nil if the word is an ordinary name here.
func (p *parser) match() Stmt {
	begin := p.i
	pos := p.next().pos
	err := p.try(func() {
		p.starExprs()
		p.expect(":")
	})
	if err != nil || p.tok().kind != newline || p.tokens[p.i+1].kind != indent || p.tokens[p.i+2].text != "case" {
		p.i = begin
		return nil
	}
	p.i += 2
	for open := 1; open > 0 && p.tok().kind != endOfFile; {
		switch p.next().kind {
		case indent:
			open++
		case dedent:
			open--
		}
	}
	return &RefusedStmt{Refusal: Refusal{pos, "match is not supported; use if and elif"}}
}

// NamesOf returns the names that a target of an assignment binds.
func NamesOf(target Expr) []string {
	switch x := target.(type) {
	case *Name:
		return []string{x.ID}
	case *Starred:
		return NamesOf(x.X)
	case *Tuple:
		return namesOfAll(x.Elts)
	case *List:
		return namesOfAll(x.Elts)
	}
	return nil
}

func namesOfAll(list []Expr) []string {
	var names []string
	for _, x := range list {
		names = append(names, NamesOf(x)...)
	}
	return names
}
