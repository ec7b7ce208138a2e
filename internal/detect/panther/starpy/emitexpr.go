package starpy

import (
	"go.starlark.net/syntax"

	"portwatch/internal/detect/panther/pysyntax"
)

// binaryOps names the function of an operator, inPlace that of x op= y.
var (
	binaryOps = map[string]string{
		"+": "add", "-": "sub", "*": "mul", "/": "div", "//": "floordiv", "%": "mod", "**": "pow",
		"<<": "lshift", ">>": "rshift", "&": "and", "|": "or", "^": "xor",
	}
	inPlace = map[string]string{
		"+": "iadd", "-": "isub", "*": "imul", "/": "div", "//": "floordiv", "%": "mod", "**": "pow",
		"<<": "lshift", ">>": "rshift", "&": "iand", "|": "ior", "^": "ixor",
	}
	unaryOps = map[string]string{"-": "neg", "+": "pos", "~": "invert"}
)

func (e *emitter) exprs(list []pysyntax.Expr) []syntax.Expr {
	var out []syntax.Expr
	for _, x := range list {
		out = append(out, e.expr(x))
	}
	return out
}

func (e *emitter) expr(x pysyntax.Expr) syntax.Expr {
	switch x := x.(type) {
	case *pysyntax.Name:
		return e.read(x.Pos, x.ID)
	case *pysyntax.Const:
		return e.constant(x)
	case *pysyntax.JoinedStr:
		return e.fstring(x)
	case *pysyntax.Attribute:
		return e.op(x.Pos, "attr", e.expr(x.X), e.str(x.Pos, x.Name))
	case *pysyntax.Subscript:
		if s, ok := x.Index.(*pysyntax.Slice); ok {
			return e.op(x.Pos, "slice", e.expr(x.X), e.optional(s.Pos, s.Lo), e.optional(s.Pos, s.Hi), e.optional(s.Pos, s.Step))
		}
		return e.op(x.Pos, "getitem", e.expr(x.X), e.expr(x.Index))
	case *pysyntax.Call:
		return e.callExpr(x)
	case *pysyntax.BinOp:
		return e.op(x.Pos, binaryOps[x.Op], e.expr(x.X), e.expr(x.Y))
	case *pysyntax.UnaryOp:
		if x.Op == "not" {
			return e.not(x.Pos, e.expr(x.X))
		}
		return e.op(x.Pos, unaryOps[x.Op], e.expr(x.X))
	case *pysyntax.BoolOp:
		return e.boolOp(x.Pos, map[string]syntax.Token{"and": syntax.AND, "or": syntax.OR}[x.Op], x.Xs)
	case *pysyntax.Compare:
		return e.compare(x)
	case *pysyntax.IfExp:
		pos := e.at(x.Pos)
		return &syntax.CondExpr{If: pos, Cond: e.expr(x.Cond), True: e.expr(x.Then), ElsePos: pos, False: e.expr(x.Else)}
	case *pysyntax.Lambda:
		return e.lambda(x)
	case *pysyntax.Named:
		return e.call(x.Pos, e.ident(x.Pos, x.Target.ID), e.expr(x.Value))
	case *pysyntax.Tuple:
		if hasStar(x.Elts) {
			return e.op(x.Pos, "tuple", e.splat(x.Pos, x.Elts))
		}
		return e.tuple(x.Pos, e.exprs(x.Elts)...)
	case *pysyntax.List:
		if hasStar(x.Elts) {
			return e.splat(x.Pos, x.Elts)
		}
		return e.list(x.Pos, e.exprs(x.Elts))
	case *pysyntax.Set:
		return e.op(x.Pos, "set", e.splat(x.Pos, x.Elts))
	case *pysyntax.Dict:
		return e.dict(x)
	case *pysyntax.Comp:
		return e.comp(x)
	}
	return e.none(x.At()) // refused before
}

func (e *emitter) optional(p pysyntax.Pos, x pysyntax.Expr) syntax.Expr {
	if x == nil {
		return e.none(p)
	}
	return e.expr(x)
}

// index returns what a subscript is assigned or deleted by: a slice becomes
// a value of its own.
func (e *emitter) index(x pysyntax.Expr) syntax.Expr {
	if s, ok := x.(*pysyntax.Slice); ok {
		return e.op(s.Pos, "sliceof", e.optional(s.Pos, s.Lo), e.optional(s.Pos, s.Hi), e.optional(s.Pos, s.Step))
	}
	return e.expr(x)
}

// boolOp joins operands in a tree that is no deeper than it must be.
func (e *emitter) boolOp(p pysyntax.Pos, op syntax.Token, xs []pysyntax.Expr) syntax.Expr {
	if len(xs) == 1 {
		return e.expr(xs[0])
	}
	mid := (len(xs) + 1) / 2
	return e.binary(p, op, e.boolOp(p, op, xs[:mid]), e.boolOp(p, op, xs[mid:]))
}

func (e *emitter) lambda(x *pysyntax.Lambda) syntax.Expr {
	inner := &emitter{t: e.t, scope: e.t.scopes[x], fn: &frame{}}
	body := inner.expr(x.Body)
	if inner.mayRecurse(x.Body) {
		body = e.binary(x.Pos, syntax.OR, e.op(x.Pos, "enter"), body)
	}
	return &syntax.LambdaExpr{Lambda: e.at(x.Pos), Params: e.params(x.Params), Body: body}
}

// fstring joins the parts of an f-string; $fstr makes text of each.
func (e *emitter) fstring(x *pysyntax.JoinedStr) syntax.Expr {
	var parts []syntax.Expr
	for _, y := range x.Parts {
		f, ok := y.(*pysyntax.Formatted)
		if !ok {
			parts = append(parts, e.expr(y))
			continue
		}
		v := e.expr(f.X)
		switch f.Conv {
		case 'r':
			v = e.op(f.Pos, "repr", v)
		case 'a':
			v = e.op(f.Pos, "ascii", v)
		case 's':
			v = e.op(f.Pos, "str", v)
		}
		if f.Spec != nil {
			v = e.op(f.Pos, "format", v, e.fstring(f.Spec))
		}
		parts = append(parts, v)
	}
	const most = 200 // arguments of a call
	for len(parts) > most {
		parts = append([]syntax.Expr{e.op(x.Pos, "fstr", parts[:most]...)}, parts[most:]...)
	}
	if len(parts) == 0 {
		return e.str(x.Pos, "")
	}
	return e.op(x.Pos, "fstr", parts...)
}

func hasStar(elts []pysyntax.Expr) bool {
	for _, x := range elts {
		if _, ok := x.(*pysyntax.Starred); ok {
			return true
		}
	}
	return false
}

// splat returns a list of elements some of which may be starred.
func (e *emitter) splat(p pysyntax.Pos, elts []pysyntax.Expr) syntax.Expr {
	if !hasStar(elts) {
		return e.list(p, e.exprs(elts))
	}
	var list []syntax.Expr
	for _, x := range elts {
		if s, ok := x.(*pysyntax.Starred); ok {
			list = append(list, e.ident(p, "$star"), e.expr(s.X))
		} else {
			list = append(list, e.expr(x))
		}
	}
	return e.op(p, "splat", e.list(p, list))
}

// dict returns a dict. Starlark's own display takes distinct keys only.
func (e *emitter) dict(x *pysyntax.Dict) syntax.Expr {
	seen := map[string]bool{}
	distinct := true
	for _, k := range x.Keys {
		c, ok := k.(*pysyntax.Const)
		if !ok {
			distinct = false
			break
		}
		s, ok := c.Value.(string)
		distinct = distinct && ok && !seen[s]
		seen[s] = true
	}
	if distinct {
		d := &syntax.DictExpr{Lbrace: e.at(x.Pos), Rbrace: e.at(x.Pos)}
		for i, k := range x.Keys {
			d.List = append(d.List, &syntax.DictEntry{Key: e.expr(k), Colon: e.at(k.At()), Value: e.expr(x.Values[i])})
		}
		return d
	}
	var list []syntax.Expr
	for i, k := range x.Keys {
		if k == nil {
			list = append(list, e.ident(x.Pos, "$star"), e.expr(x.Values[i]))
		} else {
			list = append(list, e.expr(k), e.expr(x.Values[i]))
		}
	}
	return e.op(x.Pos, "dict", e.list(x.Pos, list))
}
