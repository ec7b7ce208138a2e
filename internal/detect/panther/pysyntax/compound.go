package pysyntax

// compound reads a statement that has a block, nil if t begins none.
func (p *parser) compound(t token) Stmt {
	switch t.text {
	case "if":
		p.next()
		return p.ifStmt(t.pos)
	case "while":
		p.next()
		s := &While{Pos: t.pos, Cond: p.namedExpr(), Body: p.block()}
		if p.accept("else") {
			s.Else = p.block()
		}
		return s
	case "for":
		return p.forStmt()
	case "try":
		return p.tryStmt()
	case "def":
		return p.funcDef()
	case "class":
		return p.class()
	case "with":
		return p.with("with is not supported: rules have no files to close")
	case "async":
		return p.async()
	case "match":
		return p.match()
	}
	return nil
}

func (p *parser) ifStmt(pos Pos) Stmt {
	defer p.nest()()
	s := &If{Pos: pos, Cond: p.namedExpr(), Then: p.block()}
	switch t := p.tok(); {
	case p.accept("elif"):
		s.Else = []Stmt{p.ifStmt(t.pos)}
	case p.accept("else"):
		s.Else = p.block()
	}
	return s
}

func (p *parser) forStmt() Stmt {
	s := &For{Pos: p.next().pos}
	s.Target = p.targets()
	p.expect("in")
	s.Iter = p.starExprs()
	s.Body = p.block()
	if p.accept("else") {
		s.Else = p.block()
	}
	return s
}

func (p *parser) tryStmt() Stmt {
	s := &Try{Pos: p.next().pos, Body: p.block()}
	groups := false
	for p.is("except") {
		h := Handler{Pos: p.next().pos}
		if p.accept("*") {
			groups = true
		}
		if !p.is(":") {
			h.Type = p.expr()
			if p.is(",") {
				p.fail(p.tok().pos, "syntax error: several exceptions need parentheses")
			}
			if p.accept("as") {
				h.Name = p.ident().text
			}
		} else if n := len(s.Handlers); n > 0 && s.Handlers[n-1].Type == nil {
			p.fail(h.Pos, "syntax error: a bare except comes last, and once")
		}
		h.Body = p.block()
		s.Handlers = append(s.Handlers, h)
	}
	if len(s.Handlers) > 0 && p.accept("else") {
		s.Else = p.block()
	}
	if p.accept("finally") {
		s.Finally = p.block()
	}
	if len(s.Handlers) == 0 && s.Finally == nil {
		p.unexpected("expected except or finally")
	}
	if groups {
		return &RefusedStmt{Refusal: Refusal{s.Pos, "except* is not supported"}, Body: []Stmt{s}}
	}
	return s
}

func (p *parser) funcDef() Stmt {
	s := &FunctionDef{Pos: p.next().pos}
	s.Name = p.ident().text
	p.expect("(")
	s.Params = p.params(")", true)
	p.expect(")")
	if p.accept("->") {
		p.starExprs()
	}
	s.Body = p.block()
	return s
}

// params reads parameters up to the operator end. Annotations are read and
// not kept, and so is the / after which parameters may be named.
func (p *parser) params(end string, annotated bool) []Param {
	var list []Param
	seen := map[string]bool{}
	defaults, starred, slash := false, false, false
	for !p.is(end) {
		q := Param{Pos: p.tok().pos}
		if n := len(list); n > 0 && list[n-1].Stars == 2 {
			p.fail(q.Pos, "syntax error: a parameter after **"+list[n-1].Name)
		}
		switch {
		case p.accept("/"):
			if slash || starred || len(list) == 0 {
				p.fail(q.Pos, "syntax error: misplaced /")
			}
			slash = true
			if !p.accept(",") && !p.is(end) {
				p.unexpected("expected a comma")
			}
			continue
		case p.accept("**"):
			q.Stars = 2
		case p.accept("*"):
			if starred {
				p.fail(q.Pos, "syntax error: a second *")
			}
			q.Stars = 1
			starred = true
		}
		if q.Stars != 1 || !p.is(",") {
			q.Name = p.ident().text
			if seen[q.Name] {
				p.fail(q.Pos, "syntax error: parameter "+q.Name+" is there twice")
			}
			seen[q.Name] = true
			if annotated && p.accept(":") {
				if q.Stars == 1 && p.accept("*") {
				}
				p.expr()
			}
		}
		if p.is("=") && q.Stars == 0 {
			p.next()
			q.Default = p.expr()
			defaults = true
		} else if q.Stars == 0 && defaults && !starred {
			p.fail(q.Pos, "syntax error: parameter "+q.Name+" needs a default, as the one before it has")
		}
		list = append(list, q)
		if !p.accept(",") {
			break
		}
	}
	if n := len(list); n > 0 && list[n-1].Stars == 1 && list[n-1].Name == "" {
		p.fail(list[n-1].Pos, "syntax error: a name is expected after *")
	}
	for i, q := range list {
		if q.Stars == 1 && q.Name == "" && list[i+1].Stars == 2 {
			p.fail(q.Pos, "syntax error: a name is expected after *")
		}
	}
	return list
}
