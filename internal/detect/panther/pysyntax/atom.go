package pysyntax

// atom reads a name, a literal or something in brackets.
func (p *parser) atom() Expr {
	t := p.tok()
	switch t.kind {
	case name:
		switch t.text {
		case "None":
			p.next()
			return &Const{t.pos, nil}
		case "True", "False":
			p.next()
			return &Const{t.pos, t.text == "True"}
		}
		if !keywords[t.text] {
			p.next()
			return &Name{t.pos, t.text}
		}
	case number:
		p.next()
		v, msg := numberValue(t.text)
		if msg == noComplex {
			return &RefusedExpr{Refusal{t.pos, msg}}
		}
		if msg != "" {
			p.fail(t.pos, msg)
		}
		return &Const{t.pos, v}
	case str:
		return p.strings()
	case op:
		defer p.nest()()
		switch t.text {
		case "(":
			return p.parens()
		case "[":
			return p.list()
		case "{":
			return p.braces()
		case "...":
			p.next()
			return &Const{t.pos, Ellipsis{}}
		}
	}
	p.unexpected("expected an expression")
	return nil
}

func (p *parser) parens() Expr {
	t := p.next()
	if p.accept(")") {
		return &Tuple{Pos: t.pos, Parens: true}
	}
	if p.is("yield") {
		x := p.yield()
		p.expect(")")
		return x
	}
	x := p.starExpr()
	if p.is("for") || p.is("async") {
		c := p.comp(t.pos, "generator", x, nil)
		p.expect(")")
		return c
	}
	if p.is(",") {
		x = p.tupleRest(t.pos, x, ")")
	} else {
		p.checkValue(x)
	}
	p.expect(")")
	return x
}

// tupleRest reads what follows the first element up to the bracket end.
func (p *parser) tupleRest(pos Pos, first Expr, end string) *Tuple {
	t := &Tuple{Pos: pos, Elts: []Expr{first}, Parens: true}
	for p.accept(",") && !p.is(end) {
		t.Elts = append(t.Elts, p.starExpr())
	}
	return t
}

func (p *parser) list() Expr {
	t := p.next()
	x := &List{Pos: t.pos}
	if p.accept("]") {
		return x
	}
	first := p.starExpr()
	if p.is("for") || p.is("async") {
		c := p.comp(t.pos, "list", first, nil)
		p.expect("]")
		return c
	}
	x.Elts = p.tupleRest(t.pos, first, "]").Elts
	p.expect("]")
	return x
}

// braces reads a dict or a set, or a comprehension of one.
func (p *parser) braces() Expr {
	t := p.next()
	if p.accept("}") {
		return &Dict{Pos: t.pos}
	}
	if p.is("**") {
		return p.dict(t.pos, nil, nil)
	}
	x := p.starExpr()
	if p.accept(":") {
		v := p.expr()
		if p.is("for") || p.is("async") {
			c := p.comp(t.pos, "dict", x, v)
			p.expect("}")
			return c
		}
		return p.dict(t.pos, x, v)
	}
	if p.is("for") || p.is("async") {
		c := p.comp(t.pos, "set", x, nil)
		p.expect("}")
		return c
	}
	s := &Set{t.pos, p.tupleRest(t.pos, x, "}").Elts}
	p.expect("}")
	return s
}

// dict reads the entries of a dict after the first, which is k: v unless v
// is nil.
func (p *parser) dict(pos Pos, k, v Expr) Expr {
	d := &Dict{Pos: pos}
	if v != nil {
		d.Keys, d.Values = []Expr{k}, []Expr{v}
		if !p.accept(",") {
			p.expect("}")
			return d
		}
	}
	for !p.is("}") {
		if p.accept("**") {
			d.Keys, d.Values = append(d.Keys, nil), append(d.Values, p.binary(0))
		} else {
			k := p.expr()
			p.expect(":")
			d.Keys, d.Values = append(d.Keys, k), append(d.Values, p.expr())
		}
		if !p.accept(",") {
			break
		}
	}
	p.expect("}")
	return d
}

// comp reads the clauses of a comprehension.
func (p *parser) comp(pos Pos, kind string, elt, value Expr) Expr {
	c := &Comp{Pos: pos, Kind: kind, Elt: elt, Value: value}
	p.checkValue(elt)
	async := false
	for p.is("for") || p.is("async") {
		if p.accept("async") {
			async = true
		}
		f := CompFor{Pos: p.expect("for").pos}
		f.Target = p.targets()
		p.expect("in")
		f.Iter = p.or()
		for p.accept("if") {
			f.Ifs = append(f.Ifs, p.noCond())
		}
		c.Fors = append(c.Fors, f)
		if len(c.Fors) > maxNested/4 {
			p.fail(f.Pos, "the comprehension has too many for")
		}
	}
	if async {
		return &RefusedExpr{Refusal{pos, "async is not supported"}}
	}
	return c
}

// noCond reads a condition of a comprehension: no x if y else z.
func (p *parser) noCond() Expr {
	if p.is("lambda") {
		return p.lambda()
	}
	x := p.or()
	if n, ok := x.(*Name); ok && p.accept(":=") {
		return &Named{n.Pos, n, p.expr()}
	}
	return x
}

// targets reads what stands between for and in.
func (p *parser) targets() Expr {
	pos := p.tok().pos
	x := p.target()
	if !p.is(",") {
		p.checkTarget(x, false)
		return x
	}
	t := &Tuple{Pos: pos, Elts: []Expr{x}}
	for p.accept(",") && !p.is("in") {
		t.Elts = append(t.Elts, p.target())
	}
	p.checkTarget(t, false)
	return t
}

func (p *parser) target() Expr {
	if t := p.tok(); p.accept("*") {
		return &Starred{t.pos, p.target()}
	}
	x := p.primary()
	p.checkTarget(x, true)
	return x
}

// args reads the arguments of a call and its closing bracket.
func (p *parser) args() []Arg {
	defer p.nest()()
	var list []Arg
	named := false
	for !p.is(")") {
		var a Arg
		switch t := p.tok(); {
		case p.accept("**"):
			a.Stars, a.Value = 2, p.expr()
			named = true
		case p.accept("*"):
			a.Stars, a.Value = 1, p.expr()
		case t.kind == name && !keywords[t.text] && p.peek().kind == op && p.peek().text == "=":
			p.next()
			p.next()
			a.Name, a.Value = t.text, p.expr()
			for _, b := range list {
				if b.Name == a.Name {
					p.fail(t.pos, "syntax error: argument "+a.Name+" is there twice")
				}
			}
			named = true
		default:
			a.Value = p.namedExpr()
			if p.is("for") || p.is("async") {
				a.Value = p.comp(t.pos, "generator", a.Value, nil)
			}
			if named {
				p.fail(t.pos, "syntax error: an argument without a name after one with a name")
			}
		}
		list = append(list, a)
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	if len(list) > 200 {
		p.fail(p.tok().pos, "the call has more than 200 arguments")
	}
	return list
}

// index reads what stands between the brackets of a subscript.
func (p *parser) index() Expr {
	pos := p.tok().pos
	x := p.slice()
	if !p.is(",") {
		return x
	}
	t := &Tuple{Pos: pos, Elts: []Expr{x}}
	for p.accept(",") && !p.is("]") {
		t.Elts = append(t.Elts, p.slice())
	}
	for _, x := range t.Elts {
		if s, ok := x.(*Slice); ok {
			return &RefusedExpr{Refusal{s.Pos, "a slice among other indices is not supported"}}
		}
	}
	return t
}

func (p *parser) slice() Expr {
	pos := p.tok().pos
	var lo Expr
	if !p.is(":") {
		lo = p.namedExpr()
		if !p.is(":") {
			return lo
		}
	}
	s := &Slice{Pos: pos, Lo: lo}
	p.expect(":")
	if !p.is(":") && !p.is("]") && !p.is(",") {
		s.Hi = p.expr()
	}
	if p.accept(":") && !p.is("]") && !p.is(",") {
		s.Step = p.expr()
	}
	return s
}
