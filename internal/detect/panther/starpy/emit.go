package starpy

import (
	"strconv"

	"go.starlark.net/syntax"

	"portwatch/internal/detect/panther/pysyntax"
)

// An emitter writes Starlark within one scope of the file.
type emitter struct {
	t     *translator
	scope *scope
	fn    *frame
	part  *part // of a try statement, nil outside
	loops []*loop
}

// A frame is what the scopes of one Python function share.
type frame struct {
	temps int
}

// A part is a piece of a try statement that became a function of its own.
// The flags say in which ways it may leave.
type part struct {
	returns, breaks, continues bool
}

// A loop is a loop that break and continue may mean.
type loop struct {
	broken string // variable to set before a break, for the loop's else
}

// temp returns a new name that no name of the file can be.
func (e *emitter) temp() string {
	e.fn.temps++
	return "$" + strconv.Itoa(e.fn.temps)
}

// What a part of a try statement returns to say how it left. A return is a
// tuple of the value.
const (
	leftByBreak    = 1
	leftByContinue = 2
)

// preamble makes the cells of the module.
func (e *emitter) preamble() []syntax.Stmt {
	var list []syntax.Stmt
	at := pysyntax.Pos{Line: 1, Col: 1}
	for _, name := range sorted(keys(e.t.module.vars)) {
		if e.t.module.vars[name].cell {
			list = append(list, e.set(at, name, e.op(at, "state", e.str(at, name))))
		}
	}
	return list
}

// read returns the value of a name.
func (e *emitter) read(p pysyntax.Pos, name string) syntax.Expr {
	v, _ := e.scope.find(name)
	if v != nil && v.cell {
		return e.call(p, e.ident(p, name))
	}
	return e.ident(p, name)
}

// assign sets a name.
func (e *emitter) assign(p pysyntax.Pos, name string, value syntax.Expr) syntax.Stmt {
	v, _ := e.scope.find(name)
	if v != nil && v.cell {
		return e.exprStmt(e.call(p, e.ident(p, name), value))
	}
	return e.set(p, name, value)
}

// builtin reports whether a name means Python's own function.
func (e *emitter) builtin(x pysyntax.Expr, names ...string) bool {
	n, ok := x.(*pysyntax.Name)
	if !ok {
		return false
	}
	if v, _ := e.scope.find(n.ID); v != nil {
		return false
	}
	for _, name := range names {
		if n.ID == name {
			return true
		}
	}
	return len(names) == 0 && e.t.Builtin(n.ID)
}

// within returns an emitter for a scope inside this one and the same frame.
func (e *emitter) within(s *scope) *emitter {
	inner := *e
	inner.scope = s
	return &inner
}

// funcDef returns a function: its parameters and its body.
func (e *emitter) function(s *scope, at pysyntax.Pos, body []pysyntax.Stmt, params []pysyntax.Param) []syntax.Stmt {
	inner := &emitter{t: e.t, scope: s, fn: &frame{}}
	var out []syntax.Stmt
	if inner.mayRecurse(body) {
		out = append(out, e.exprStmt(e.op(at, "enter")))
	}
	isParam := map[string]bool{}
	for _, p := range params {
		isParam[p.Name] = true
	}
	for _, name := range sorted(keys(s.vars)) {
		if !s.vars[name].cell || s.nonlocal[name] {
			continue
		}
		args := []syntax.Expr{e.str(at, name)}
		if isParam[name] {
			args = append(args, e.ident(at, name))
		}
		out = append(out, e.set(at, name, e.op(at, "cell", args...)))
	}
	return e.filled(at, append(out, inner.stmts(body)...))
}

// mayRecurse reports whether code calls what might call it again: anything
// but built-in functions and methods.
func (e *emitter) mayRecurse(n any) bool {
	found := false
	pysyntax.Walk(n, func(n any) bool {
		switch n := n.(type) {
		case *pysyntax.FunctionDef, *pysyntax.Lambda:
			return false // has its own guard
		case *pysyntax.Call:
			if _, method := n.Fn.(*pysyntax.Attribute); !method && !e.builtin(n.Fn) {
				found = true
			}
		}
		return !found
	})
	return found
}

// params returns parameters with their defaults, which are computed here.
func (e *emitter) params(list []pysyntax.Param) []syntax.Expr {
	var out []syntax.Expr
	for _, p := range list {
		id := e.ident(p.Pos, p.Name)
		switch {
		case p.Stars == 1 && p.Name == "":
			out = append(out, &syntax.UnaryExpr{OpPos: e.at(p.Pos), Op: syntax.STAR})
		case p.Stars == 1:
			out = append(out, &syntax.UnaryExpr{OpPos: e.at(p.Pos), Op: syntax.STAR, X: id})
		case p.Stars == 2:
			out = append(out, &syntax.UnaryExpr{OpPos: e.at(p.Pos), Op: syntax.STARSTAR, X: id})
		case p.Default != nil:
			out = append(out, e.binary(p.Pos, syntax.EQ, id, e.expr(p.Default)))
		default:
			out = append(out, id)
		}
	}
	return out
}
