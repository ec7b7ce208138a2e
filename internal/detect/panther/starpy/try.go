package starpy

import (
	"go.starlark.net/syntax"

	"portwatch/internal/detect/panther/pysyntax"
)

// tryStmt makes functions of the parts of a try statement:
//
//	$1 = $try(body, [type, handler, ...], else, finally)
//	if $1 == 1: break
//	if $1 == 2: continue
//	if $1: return $1[0]
func (e *emitter) tryStmt(s *pysyntax.Try) []syntax.Stmt {
	var out []syntax.Stmt
	left := &part{}
	define := func(at pysyntax.Pos, body []pysyntax.Stmt, h *pysyntax.Handler) syntax.Expr {
		if h == nil && body == nil {
			return e.none(at)
		}
		def := e.partDef(at, body, h, left)
		out = append(out, def)
		return e.ident(at, def.Name.Name)
	}
	body := define(s.Pos, s.Body, nil)
	var handlers []syntax.Expr
	for i := range s.Handlers {
		h := &s.Handlers[i]
		handlers = append(handlers, e.excType(h), define(h.Pos, h.Body, h))
	}
	els := define(s.Pos, s.Else, nil)
	finally := define(s.Pos, s.Finally, nil)
	call := e.op(s.Pos, "try", body, e.list(s.Pos, handlers), els, finally)
	if *left == (part{}) {
		return append(out, e.exprStmt(call))
	}
	result := e.temp()
	out = append(out, e.set(s.Pos, result, call))
	is := func(n int64) syntax.Expr {
		return e.binary(s.Pos, syntax.EQL, e.ident(s.Pos, result), e.int(s.Pos, n))
	}
	if left.breaks {
		out = append(out, e.ifStmt(s.Pos, is(leftByBreak), e.breakStmt(s.Pos), nil))
	}
	if left.continues {
		out = append(out, e.ifStmt(s.Pos, is(leftByContinue), []syntax.Stmt{e.continueStmt(s.Pos)}, nil))
	}
	if left.returns {
		v := syntax.Expr(e.ident(s.Pos, result))
		if e.part != nil {
			e.part.returns = true // and is a tuple already
		} else {
			v = &syntax.IndexExpr{X: v, Lbrack: e.at(s.Pos), Y: e.int(s.Pos, 0), Rbrack: e.at(s.Pos)}
		}
		ret := e.returnStmt(s.Pos, v)
		out = append(out, e.ifStmt(s.Pos, e.ident(s.Pos, result), []syntax.Stmt{ret}, nil))
	}
	return out
}

// partDef returns the function of one part. A handler takes the exception.
func (e *emitter) partDef(at pysyntax.Pos, body []pysyntax.Stmt, h *pysyntax.Handler, left *part) *syntax.DefStmt {
	inner := *e
	inner.part, inner.loops, inner.fn = left, nil, &frame{}
	def := &syntax.DefStmt{
		Def: e.at(at), Name: e.ident(at, e.temp()), Lparen: e.at(at), Rparen: e.at(at),
	}
	if h != nil {
		def.Params = []syntax.Expr{e.ident(at, "$exc")}
		if h.Name != "" {
			def.Body = append(def.Body, inner.assign(at, h.Name, e.ident(at, "$exc")))
		}
	}
	def.Body = e.filled(at, append(def.Body, inner.stmts(body)...))
	return def
}

// excType returns what a handler catches: None for everything, an exception,
// a tuple of such, or a function that returns one, for it is computed only
// when something was raised.
func (e *emitter) excType(h *pysyntax.Handler) syntax.Expr {
	switch x := h.Type.(type) {
	case nil:
		return e.none(h.Pos)
	case *pysyntax.Name:
		if e.builtin(x) {
			return e.expr(x)
		}
	case *pysyntax.Tuple:
		plain := true
		for _, y := range x.Elts {
			plain = plain && e.builtin(y)
		}
		if plain {
			return e.expr(x)
		}
	}
	pos := e.at(h.Pos)
	return &syntax.LambdaExpr{Lambda: pos, Body: e.expr(h.Type)}
}
