package starpy

import (
	"go.starlark.net/syntax"

	"portwatch/internal/detect/panther/pysyntax"
)

func (e *emitter) comp(x *pysyntax.Comp) syntax.Expr {
	switch x.Kind {
	case "set":
		return e.op(x.Pos, "set", e.listComp(x))
	case "generator":
		return e.op(x.Pos, "generator", e.listComp(x))
	case "dict":
		inner := e.within(e.t.scopes[x])
		clauses := e.clauses(x, "")
		entry := &syntax.DictEntry{Key: inner.expr(x.Elt), Colon: e.at(x.Pos), Value: inner.expr(x.Value)}
		return &syntax.Comprehension{Curly: true, Lbrack: e.at(x.Pos), Body: entry, Clauses: clauses, Rbrack: e.at(x.Pos)}
	}
	return e.listComp(x)
}

func (e *emitter) listComp(x *pysyntax.Comp) syntax.Expr {
	clauses := e.clauses(x, "")
	body := e.within(e.t.scopes[x]).expr(x.Elt)
	return &syntax.Comprehension{Lbrack: e.at(x.Pos), Body: body, Clauses: clauses, Rbrack: e.at(x.Pos)}
}

// gated returns a list that is empty or holds the element that decided. All
// iterations end when the flag is set:
//
//	any(f(x) for x in xs)   [True for $1 in $flag(True, xs) for x in $gate($1) if $1(f(x))]
//	all(f(x) for x in xs)   [True for $1 in $flag(False, xs) for x in $gate($1) if $1(f(x))]
//	next(f(x) for x in xs)  [f(x) for $1 in $flag(True, xs) for x in $gate($1) if $1(True)]
func (e *emitter) gated(x *pysyntax.Comp, flag, how string) syntax.Expr {
	p := x.Pos
	inner := e.within(e.t.scopes[x])
	stopsOn := "True"
	if how == "all" {
		stopsOn = "False"
	}
	clauses := e.clauses(x, flag)
	// The first iterable is computed outside, where it cannot see the names
	// that the comprehension binds.
	outermost := clauses[0].(*syntax.ForClause)
	first := &syntax.ForClause{
		For: e.at(p), Vars: e.ident(p, flag), In: e.at(p), X: e.op(p, "flag", e.ident(p, stopsOn), outermost.X),
	}
	outermost.X = e.op(p, "gate", e.ident(p, flag))
	clauses = append([]syntax.Node{first}, clauses...)
	elt := inner.expr(x.Elt)
	body, decides := syntax.Expr(e.ident(p, "True")), elt
	if how == "next" {
		body, decides = elt, e.ident(p, "True")
	}
	clauses = append(clauses, &syntax.IfClause{If: e.at(p), Cond: e.call(p, e.ident(p, flag), decides)})
	return &syntax.Comprehension{Lbrack: e.at(p), Body: body, Clauses: clauses, Rbrack: e.at(p)}
}

// clauses returns the clauses of a comprehension; those after the first are
// gated by a flag if it is not "".
func (e *emitter) clauses(x *pysyntax.Comp, flag string) []syntax.Node {
	inner := e.within(e.t.scopes[x])
	var out []syntax.Node
	for i, f := range x.Fors {
		at := inner
		if i == 0 {
			at = e
		}
		clause := &syntax.ForClause{For: e.at(f.Pos), In: e.at(f.Pos)}
		clause.Vars, clause.X = e.iteration(f, at.expr(f.Iter))
		if flag != "" && i > 0 {
			clause.X = e.op(f.Pos, "gate", e.ident(f.Pos, flag), clause.X)
		}
		out = append(out, clause)
		for _, cond := range f.Ifs {
			out = append(out, &syntax.IfClause{If: e.at(cond.At()), Cond: inner.expr(cond)})
		}
	}
	return out
}

// iteration returns the variables of a clause and what they run through.
func (e *emitter) iteration(f pysyntax.CompFor, in syntax.Expr) (vars, x syntax.Expr) {
	leaves := leavesOf(f.Target)
	if _, several := elements(f.Target); !several {
		n := leaves[0].(*pysyntax.Name)
		return e.ident(n.Pos, n.ID), e.op(f.Iter.At(), "iter", in)
	}
	var idents []syntax.Expr
	for _, y := range leaves {
		n := y.(*pysyntax.Name)
		idents = append(idents, e.ident(n.Pos, n.ID))
	}
	return e.tuple(f.Pos, idents...), e.op(f.Pos, "rows", in, e.pattern(f.Pos, f.Target))
}
