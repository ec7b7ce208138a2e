package starpy

import (
	"go.starlark.net/syntax"

	"portwatch/internal/detect/panther/pysyntax"
)

func (e *emitter) assignStmt(s *pysyntax.Assign) []syntax.Stmt {
	v := e.expr(s.Value)
	if len(s.Targets) == 1 {
		return e.store(s.Pos, s.Targets[0], v)
	}
	value := e.temp()
	out := []syntax.Stmt{e.set(s.Pos, value, v)}
	for _, x := range s.Targets {
		out = append(out, e.store(s.Pos, x, e.ident(s.Pos, value))...)
	}
	return out
}

// store assigns a value, computed once, to a target.
func (e *emitter) store(p pysyntax.Pos, target pysyntax.Expr, v syntax.Expr) []syntax.Stmt {
	switch x := target.(type) {
	case *pysyntax.Name:
		return []syntax.Stmt{e.assign(p, x.ID, v)}
	case *pysyntax.Subscript:
		return []syntax.Stmt{e.exprStmt(e.op(x.Pos, "setitem", v, e.expr(x.X), e.index(x.Index)))}
	}
	leaves := leavesOf(target)
	values := e.op(p, "unpack", v, e.pattern(p, target))
	vars := make([]syntax.Expr, len(leaves))
	var later []syntax.Stmt
	for i, x := range leaves {
		n, ok := x.(*pysyntax.Name)
		if bound, _ := e.scope.find(nameOf(n)); ok && (bound == nil || !bound.cell) {
			vars[i] = e.ident(n.Pos, n.ID)
			continue
		}
		name := e.temp()
		vars[i] = e.ident(p, name)
		later = append(later, e.store(p, x, e.ident(p, name))...)
	}
	if len(vars) == 0 {
		return []syntax.Stmt{e.exprStmt(values)}
	}
	lhs := e.tuple(p, vars...)
	return append([]syntax.Stmt{&syntax.AssignStmt{OpPos: e.at(p), Op: syntax.EQ, LHS: lhs, RHS: values}}, later...)
}

// leavesOf returns the names and subscripts of a target, left to right.
func leavesOf(target pysyntax.Expr) []pysyntax.Expr {
	switch x := target.(type) {
	case *pysyntax.Starred:
		return leavesOf(x.X)
	case *pysyntax.Tuple:
		return leavesOfAll(x.Elts)
	case *pysyntax.List:
		return leavesOfAll(x.Elts)
	}
	return []pysyntax.Expr{target}
}

func leavesOfAll(list []pysyntax.Expr) []pysyntax.Expr {
	var leaves []pysyntax.Expr
	for _, x := range list {
		leaves = append(leaves, leavesOf(x)...)
	}
	return leaves
}

// pattern describes a target to $unpack: how many elements, or a tuple with a
// description of each: None for one value, True for the starred one.
func (e *emitter) pattern(p pysyntax.Pos, target pysyntax.Expr) syntax.Expr {
	elts, _ := elements(target)
	plain := true
	for _, x := range elts {
		_, nested := elements(x)
		_, starred := x.(*pysyntax.Starred)
		plain = plain && !nested && !starred
	}
	if plain {
		return e.int(p, int64(len(elts)))
	}
	var list []syntax.Expr
	for _, x := range elts {
		if _, nested := elements(x); nested {
			list = append(list, e.pattern(p, x))
		} else if _, starred := x.(*pysyntax.Starred); starred {
			list = append(list, e.ident(p, "True"))
		} else {
			list = append(list, e.none(p))
		}
	}
	return e.tuple(p, list...)
}

// elements returns the targets within a tuple or list.
func elements(x pysyntax.Expr) ([]pysyntax.Expr, bool) {
	switch x := x.(type) {
	case *pysyntax.Tuple:
		return x.Elts, true
	case *pysyntax.List:
		return x.Elts, true
	}
	return nil, false
}

func (e *emitter) augAssign(s *pysyntax.AugAssign) []syntax.Stmt {
	name := inPlace[s.Op]
	switch x := s.Target.(type) {
	case *pysyntax.Name:
		return []syntax.Stmt{e.assign(s.Pos, x.ID, e.op(s.Pos, name, e.read(x.Pos, x.ID), e.expr(s.Value)))}
	case *pysyntax.Subscript:
		obj, index := e.temp(), e.temp()
		old := e.op(x.Pos, "getitem", e.ident(s.Pos, obj), e.ident(s.Pos, index))
		return []syntax.Stmt{
			e.set(s.Pos, obj, e.expr(x.X)),
			e.set(s.Pos, index, e.index(x.Index)),
			e.exprStmt(e.op(s.Pos, "setitem", e.op(s.Pos, name, old, e.expr(s.Value)), e.ident(s.Pos, obj), e.ident(s.Pos, index))),
		}
	}
	return nil // refused before
}

func (e *emitter) delete(x pysyntax.Expr) []syntax.Stmt {
	switch x := x.(type) {
	case *pysyntax.Name:
		return []syntax.Stmt{e.exprStmt(e.op(x.Pos, "unset", e.ident(x.Pos, x.ID)))}
	case *pysyntax.Subscript:
		return []syntax.Stmt{e.exprStmt(e.op(x.Pos, "delitem", e.expr(x.X), e.index(x.Index)))}
	}
	var out []syntax.Stmt
	elts, _ := elements(x)
	for _, y := range elts {
		out = append(out, e.delete(y)...)
	}
	return out
}
