package starpy

import (
	"go.starlark.net/syntax"

	"portwatch/internal/detect/panther/pysyntax"
)

func (e *emitter) stmts(list []pysyntax.Stmt) []syntax.Stmt {
	var out []syntax.Stmt
	for _, s := range list {
		out = append(out, e.stmt(s)...)
	}
	return out
}

func (e *emitter) stmt(s pysyntax.Stmt) []syntax.Stmt {
	one := func(s syntax.Stmt) []syntax.Stmt { return []syntax.Stmt{s} }
	switch s := s.(type) {
	case *pysyntax.ExprStmt:
		if _, ok := s.X.(*pysyntax.Const); ok {
			return nil // a docstring, or ...
		}
		return one(e.exprStmt(e.expr(s.X)))
	case *pysyntax.Assign:
		return e.assignStmt(s)
	case *pysyntax.AugAssign:
		return e.augAssign(s)
	case *pysyntax.AnnAssign:
		if s.Value == nil {
			return nil
		}
		return e.store(s.Pos, s.Target, e.expr(s.Value))
	case *pysyntax.Return:
		return one(e.leave(s))
	case *pysyntax.Raise:
		if s.Exc == nil {
			return one(e.exprStmt(e.op(s.Pos, "reraise")))
		}
		args := []syntax.Expr{e.expr(s.Exc)}
		if s.Cause != nil {
			args = append(args, e.expr(s.Cause))
		}
		return one(e.exprStmt(e.op(s.Pos, "raise", args...)))
	case *pysyntax.Assert:
		var args []syntax.Expr
		if s.Msg != nil {
			args = append(args, e.expr(s.Msg))
		}
		fail := e.exprStmt(e.op(s.Pos, "assertfail", args...))
		return one(e.ifStmt(s.Pos, e.not(s.Pos, e.expr(s.Cond)), one(fail), nil))
	case *pysyntax.Delete:
		var out []syntax.Stmt
		for _, x := range s.Targets {
			out = append(out, e.delete(x)...)
		}
		return out
	case *pysyntax.Break:
		return e.breakStmt(s.Pos)
	case *pysyntax.Continue:
		return one(e.continueStmt(s.Pos))
	case *pysyntax.Import:
		var out []syntax.Stmt
		for _, a := range s.Names {
			if a.As == "" && importedAs(a) != a.Name {
				out = append(out, e.exprStmt(e.op(a.Pos, "import", e.str(a.Pos, a.Name))))
			}
			out = append(out, e.assign(a.Pos, importedAs(a), e.op(a.Pos, "import", e.str(a.Pos, moduleOf(a)))))
		}
		return out
	case *pysyntax.ImportFrom:
		var out []syntax.Stmt
		for _, a := range s.Names {
			v := e.op(a.Pos, "from", e.str(a.Pos, s.Module), e.str(a.Pos, a.Name))
			out = append(out, e.assign(a.Pos, fromAs(a), v))
		}
		return out
	case *pysyntax.If:
		return one(e.ifStmt(s.Pos, e.expr(s.Cond), e.stmts(s.Then), e.stmts(s.Else)))
	case *pysyntax.While:
		return e.whileStmt(s)
	case *pysyntax.For:
		return e.forStmt(s)
	case *pysyntax.Try:
		return e.tryStmt(s)
	case *pysyntax.FunctionDef:
		return e.funcDef(s)
	}
	return nil // pass, global, nonlocal
}

func (e *emitter) funcDef(s *pysyntax.FunctionDef) []syntax.Stmt {
	def := &syntax.DefStmt{
		Def: e.at(s.Pos), Name: e.ident(s.Pos, s.Name), Lparen: e.at(s.Pos), Rparen: e.at(s.Pos),
		Params: e.params(s.Params),
		Body:   e.function(e.t.scopes[s], s.Pos, s.Body, s.Params),
	}
	v, _ := e.scope.find(s.Name)
	if v == nil || !v.cell {
		return []syntax.Stmt{def}
	}
	def.Name.Name = "$" + s.Name
	return []syntax.Stmt{def, e.assign(s.Pos, s.Name, e.ident(s.Pos, "$"+s.Name))}
}

// whileStmt and forStmt: a loop's else runs unless the loop was left by break.
func (e *emitter) whileStmt(s *pysyntax.While) []syntax.Stmt {
	inner, l := e.loop(s.Else)
	w := &syntax.WhileStmt{While: e.at(s.Pos), Cond: e.expr(s.Cond)}
	w.Body = e.filled(s.Pos, inner.stmts(s.Body))
	return e.withElse(s.Pos, l, w, s.Else)
}

func (e *emitter) forStmt(s *pysyntax.For) []syntax.Stmt {
	inner, l := e.loop(s.Else)
	f := &syntax.ForStmt{For: e.at(s.Pos), X: e.op(s.Iter.At(), "iter", e.expr(s.Iter))}
	n, ok := s.Target.(*pysyntax.Name)
	if v, _ := e.scope.find(nameOf(n)); ok && (v == nil || !v.cell) {
		f.Vars = e.ident(n.Pos, n.ID)
		f.Body = inner.stmts(s.Body)
	} else {
		item := e.temp()
		f.Vars = e.ident(s.Pos, item)
		f.Body = append(inner.store(s.Pos, s.Target, e.ident(s.Pos, item)), inner.stmts(s.Body)...)
	}
	f.Body = e.filled(s.Pos, f.Body)
	return e.withElse(s.Pos, l, f, s.Else)
}

func nameOf(n *pysyntax.Name) string {
	if n == nil {
		return ""
	}
	return n.ID
}

// loop returns the emitter of a loop's body.
func (e *emitter) loop(els []pysyntax.Stmt) (*emitter, *loop) {
	l := &loop{}
	if len(els) > 0 {
		l.broken = e.temp()
	}
	inner := *e
	inner.loops = append(inner.loops[:len(inner.loops):len(inner.loops)], l)
	return &inner, l
}

func (e *emitter) withElse(p pysyntax.Pos, l *loop, s syntax.Stmt, els []pysyntax.Stmt) []syntax.Stmt {
	if l.broken == "" {
		return []syntax.Stmt{s}
	}
	return []syntax.Stmt{
		e.set(p, l.broken, e.ident(p, "False")),
		s,
		e.ifStmt(p, e.not(p, e.ident(p, l.broken)), e.stmts(els), nil),
	}
}

// leave returns from the function, also out of a part of a try statement.
func (e *emitter) leave(s *pysyntax.Return) syntax.Stmt {
	v := e.none(s.Pos)
	if s.Value != nil {
		v = e.expr(s.Value)
	}
	if e.part != nil {
		e.part.returns = true
		v = e.tuple(s.Pos, v)
	}
	return e.returnStmt(s.Pos, v)
}

func (e *emitter) breakStmt(p pysyntax.Pos) []syntax.Stmt {
	if len(e.loops) == 0 {
		e.part.breaks = true
		return []syntax.Stmt{e.returnStmt(p, e.int(p, leftByBreak))}
	}
	out := []syntax.Stmt{e.branch(p, syntax.BREAK)}
	if l := e.loops[len(e.loops)-1]; l.broken != "" {
		out = append([]syntax.Stmt{e.set(p, l.broken, e.ident(p, "True"))}, out...)
	}
	return out
}

func (e *emitter) continueStmt(p pysyntax.Pos) syntax.Stmt {
	if len(e.loops) == 0 {
		e.part.continues = true
		return e.returnStmt(p, e.int(p, leftByContinue))
	}
	return e.branch(p, syntax.CONTINUE)
}
