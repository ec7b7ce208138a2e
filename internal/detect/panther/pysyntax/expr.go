package pysyntax

import "slices"

// starExprs reads expressions separated by commas, any of them starred: one,
// or a tuple.
func (p *parser) starExprs() Expr {
	pos := p.tok().pos
	x := p.starExpr()
	if !p.is(",") {
		return x
	}
	t := &Tuple{Pos: pos, Elts: []Expr{x}}
	for p.accept(",") {
		if !p.beginsExpr() {
			break
		}
		t.Elts = append(t.Elts, p.starExpr())
	}
	return t
}

// beginsExpr reports whether an expression may begin here; it tells a
// trailing comma from one before a further element.
func (p *parser) beginsExpr() bool {
	t := p.tok()
	switch t.kind {
	case name:
		switch t.text {
		case "in", "if", "else", "for", "is", "and", "or", "as", "from":
			return false
		}
		return true
	case number, str:
		return true
	case op:
		switch t.text {
		case "(", "[", "{", "-", "+", "~", "*", "...":
			return true
		}
	}
	return false
}

func (p *parser) starExpr() Expr {
	if t := p.tok(); p.accept("*") {
		return &Starred{t.pos, p.binary(0)}
	}
	return p.namedExpr()
}

// namedExpr reads an expression with or without a walrus.
func (p *parser) namedExpr() Expr {
	x := p.expr()
	if !p.is(":=") {
		return x
	}
	target, ok := x.(*Name)
	if !ok {
		p.unexpected("expected a name before :=")
	}
	p.next()
	return &Named{target.Pos, target, p.expr()}
}

func (p *parser) expr() Expr {
	defer p.nest()()
	if p.is("lambda") {
		return p.lambda()
	}
	if p.is("yield") {
		return p.yield()
	}
	x := p.or()
	if t := p.tok(); p.accept("if") {
		cond := p.or()
		p.expect("else")
		return &IfExp{t.pos, cond, x, p.expr()}
	}
	return x
}

func (p *parser) lambda() Expr {
	x := &Lambda{Pos: p.next().pos}
	x.Params = p.params(":", false)
	p.expect(":")
	x.Body = p.expr()
	return x
}

func (p *parser) yield() Expr {
	pos := p.next().pos
	if p.accept("from") {
		p.expr()
	} else if p.beginsExpr() {
		p.starExprs()
	}
	return &RefusedExpr{Refusal{pos, "yield is not supported; build a list"}}
}

func (p *parser) or() Expr  { return p.boolOp("or", p.and) }
func (p *parser) and() Expr { return p.boolOp("and", p.not) }

func (p *parser) boolOp(word string, operand func() Expr) Expr {
	x := operand()
	if !p.is(word) {
		return x
	}
	b := &BoolOp{Pos: x.At(), Op: word, Xs: []Expr{x}}
	for p.accept(word) {
		b.Xs = append(b.Xs, operand())
	}
	return b
}

func (p *parser) not() Expr {
	if t := p.tok(); p.is("not") {
		defer p.nest()()
		p.next()
		return &UnaryOp{t.pos, "not", p.not()}
	}
	return p.comparison()
}

func (p *parser) comparison() Expr {
	x := p.binary(0)
	pos := p.tok().pos
	var c *Compare
	for {
		o := p.compareOp()
		if o == "" {
			break
		}
		if c == nil {
			c = &Compare{Pos: pos, X: x}
		}
		c.Ops = append(c.Ops, o)
		c.Ys = append(c.Ys, p.binary(0))
	}
	if c == nil {
		return x
	}
	if len(c.Ops) > 20 {
		p.fail(pos, "the comparison has too many operators")
	}
	return c
}

func (p *parser) compareOp() string {
	t := p.tok()
	switch t.text {
	case "==", "!=", "<", "<=", ">", ">=", "in":
		p.next()
		return t.text
	case "is":
		p.next()
		if p.accept("not") {
			return "is not"
		}
		return "is"
	case "not":
		if p.peek().text == "in" {
			p.next()
			p.next()
			return "not in"
		}
	}
	return ""
}

// levels are the binary operators, loosest first.
var levels = [][]string{{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "//", "%", "@"}}

func (p *parser) binary(level int) Expr {
	if level == len(levels) {
		return p.unary()
	}
	x := p.binary(level + 1)
	for n := 0; ; n++ {
		t := p.tok()
		if t.kind != op || !slices.Contains(levels[level], t.text) {
			return x
		}
		// The tree grows to the left, so whoever walks it goes as deep.
		if n > maxNested*5 {
			p.fail(t.pos, "the expression has too many operators")
		}
		p.next()
		y := p.binary(level + 1)
		if t.text == "@" {
			x = &RefusedExpr{Refusal{t.pos, "matrix multiplication is not supported"}}
			continue
		}
		x = &BinOp{t.pos, t.text, x, y}
	}
}

func (p *parser) unary() Expr {
	t := p.tok()
	if t.kind == op && (t.text == "-" || t.text == "+" || t.text == "~") {
		defer p.nest()()
		p.next()
		return &UnaryOp{t.pos, t.text, p.unary()}
	}
	return p.power()
}

func (p *parser) power() Expr {
	t := p.tok()
	if p.is("await") {
		p.next()
		p.unary()
		return &RefusedExpr{Refusal{t.pos, "await is not supported"}}
	}
	x := p.primary()
	if o := p.tok(); p.accept("**") {
		defer p.nest()()
		return &BinOp{o.pos, "**", x, p.unary()}
	}
	return x
}

// primary reads an atom and what follows it: calls, indices, attributes.
func (p *parser) primary() Expr {
	x := p.atom()
	for n := 0; ; n++ {
		t := p.tok()
		if n > maxNested*2 {
			p.fail(t.pos, "the expression has too many calls in a row")
		}
		switch {
		case p.accept("."):
			x = &Attribute{t.pos, x, p.ident().text}
		case p.accept("("):
			x = &Call{t.pos, x, p.args()}
		case p.accept("["):
			x = &Subscript{t.pos, x, p.index()}
			p.expect("]")
		default:
			return x
		}
	}
}
