package starpy

import (
	"math/big"

	"go.starlark.net/syntax"

	"portwatch/internal/detect/panther/pysyntax"
)

// at turns a place into Starlark's form.
func (e *emitter) at(p pysyntax.Pos) syntax.Position {
	return syntax.MakePosition(&e.t.file, p.Line, p.Col)
}

func (e *emitter) ident(p pysyntax.Pos, name string) *syntax.Ident {
	return &syntax.Ident{NamePos: e.at(p), Name: name}
}

// op returns a call of the built-in function $name.
func (e *emitter) op(p pysyntax.Pos, name string, args ...syntax.Expr) *syntax.CallExpr {
	return e.call(p, e.ident(p, "$"+name), args...)
}

func (e *emitter) call(p pysyntax.Pos, fn syntax.Expr, args ...syntax.Expr) *syntax.CallExpr {
	pos := e.at(p)
	return &syntax.CallExpr{Fn: fn, Lparen: pos, Args: args, Rparen: pos}
}

func (e *emitter) none(p pysyntax.Pos) syntax.Expr { return e.ident(p, "None") }

func (e *emitter) str(p pysyntax.Pos, s string) *syntax.Literal {
	return &syntax.Literal{Token: syntax.STRING, TokenPos: e.at(p), Value: s}
}

func (e *emitter) int(p pysyntax.Pos, n int64) *syntax.Literal {
	return &syntax.Literal{Token: syntax.INT, TokenPos: e.at(p), Value: n}
}

// constant returns a literal of Python as one of Starlark.
func (e *emitter) constant(c *pysyntax.Const) syntax.Expr {
	pos := e.at(c.Pos)
	switch v := c.Value.(type) {
	case nil:
		return e.none(c.Pos)
	case bool:
		if v {
			return e.ident(c.Pos, "True")
		}
		return e.ident(c.Pos, "False")
	case int64, *big.Int:
		return &syntax.Literal{Token: syntax.INT, TokenPos: pos, Value: v}
	case float64:
		return &syntax.Literal{Token: syntax.FLOAT, TokenPos: pos, Value: v}
	case pysyntax.Bytes:
		return &syntax.Literal{Token: syntax.BYTES, TokenPos: pos, Value: string(v)}
	case string:
		return e.str(c.Pos, v)
	}
	return e.ident(c.Pos, "Ellipsis")
}

func (e *emitter) list(p pysyntax.Pos, elts []syntax.Expr) syntax.Expr {
	return &syntax.ListExpr{Lbrack: e.at(p), List: elts, Rbrack: e.at(p)}
}

func (e *emitter) tuple(p pysyntax.Pos, elts ...syntax.Expr) syntax.Expr {
	return &syntax.TupleExpr{Lparen: e.at(p), List: elts, Rparen: e.at(p)}
}

func (e *emitter) binary(p pysyntax.Pos, op syntax.Token, x, y syntax.Expr) syntax.Expr {
	return &syntax.BinaryExpr{X: x, OpPos: e.at(p), Op: op, Y: y}
}

func (e *emitter) not(p pysyntax.Pos, x syntax.Expr) syntax.Expr {
	return &syntax.UnaryExpr{OpPos: e.at(p), Op: syntax.NOT, X: x}
}

func (e *emitter) set(p pysyntax.Pos, name string, v syntax.Expr) syntax.Stmt {
	return &syntax.AssignStmt{OpPos: e.at(p), Op: syntax.EQ, LHS: e.ident(p, name), RHS: v}
}

func (e *emitter) exprStmt(x syntax.Expr) syntax.Stmt { return &syntax.ExprStmt{X: x} }

func (e *emitter) ifStmt(p pysyntax.Pos, cond syntax.Expr, then, els []syntax.Stmt) syntax.Stmt {
	return &syntax.IfStmt{If: e.at(p), Cond: cond, True: e.filled(p, then), ElsePos: e.at(p), False: els}
}

func (e *emitter) branch(p pysyntax.Pos, token syntax.Token) syntax.Stmt {
	return &syntax.BranchStmt{Token: token, TokenPos: e.at(p)}
}

// filled returns a block that is not empty.
func (e *emitter) filled(p pysyntax.Pos, list []syntax.Stmt) []syntax.Stmt {
	if len(list) == 0 {
		return []syntax.Stmt{e.branch(p, syntax.PASS)}
	}
	return list
}

func (e *emitter) returnStmt(p pysyntax.Pos, v syntax.Expr) syntax.Stmt {
	return &syntax.ReturnStmt{Return: e.at(p), Result: v}
}
