package starpy

import (
	"go.starlark.net/syntax"

	"portwatch/internal/detect/panther/pysyntax"
)

// compareOps names the function of a comparison.
var compareOps = map[string]string{
	"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge",
	"in": "in", "not in": "notin", "is": "is", "is not": "isnot",
}

func (e *emitter) compare(x *pysyntax.Compare) syntax.Expr {
	if len(x.Ops) == 1 {
		return e.compareOne(x.Pos, x.Ops[0], x.X, x.Ys[0])
	}
	// In a < b < c each operand is computed once: (lambda $0, $1, $2: $0 <
	// $1 and $1 < $2)(a, b, c). Python computes c only if a < b; that shows
	// only if c raises, so operands that may raise are put into the tree.
	operands := append([]pysyntax.Expr{x.X}, x.Ys...)
	simple := true
	for _, y := range operands[1 : len(operands)-1] {
		simple = simple && isSimple(y)
	}
	if simple {
		out := e.compareOne(x.Pos, x.Ops[0], operands[0], operands[1])
		for i := 1; i < len(x.Ops); i++ {
			out = e.binary(x.Pos, syntax.AND, out, e.compareOne(x.Pos, x.Ops[i], operands[i], operands[i+1]))
		}
		return out
	}
	args := e.exprs(operands)
	names := make([]string, len(args))
	var params []syntax.Expr
	for i := range args {
		names[i] = e.temp()
		params = append(params, e.ident(x.Pos, names[i]))
	}
	var body syntax.Expr
	for i, op := range x.Ops {
		c := e.compareValues(x.Pos, op, e.ident(x.Pos, names[i]), e.ident(x.Pos, names[i+1]))
		if body == nil {
			body = c
		} else {
			body = e.binary(x.Pos, syntax.AND, body, c)
		}
	}
	fn := &syntax.LambdaExpr{Lambda: e.at(x.Pos), Params: params, Body: body}
	return e.call(x.Pos, &syntax.ParenExpr{Lparen: e.at(x.Pos), X: fn, Rparen: e.at(x.Pos)}, args...)
}

// isSimple reports whether computing x twice is the same as once.
func isSimple(x pysyntax.Expr) bool {
	switch x.(type) {
	case *pysyntax.Name, *pysyntax.Const:
		return true
	}
	return false
}

// compareOne compares two operands, with Starlark's own operator where that
// is the same and faster.
func (e *emitter) compareOne(p pysyntax.Pos, op string, x, y pysyntax.Expr) syntax.Expr {
	ex := e.expr(x)
	switch op {
	case "==", "!=":
		if isText(x) || isText(y) || isNone(y) {
			return e.binary(p, map[string]syntax.Token{"==": syntax.EQL, "!=": syntax.NEQ}[op], ex, e.expr(y))
		}
	case "is", "is not":
		if isSingleton(y) {
			return e.binary(p, map[string]syntax.Token{"is": syntax.EQL, "is not": syntax.NEQ}[op], ex, e.expr(y))
		}
	case "in", "not in":
		if texts := allTexts(y); texts != nil {
			in := e.binary(p, syntax.IN, ex, e.tuple(p, e.exprs(texts)...))
			if op == "not in" {
				return e.not(p, in)
			}
			return in
		}
	}
	return e.compareValues(p, op, ex, e.expr(y))
}

func (e *emitter) compareValues(p pysyntax.Pos, op string, x, y syntax.Expr) syntax.Expr {
	return e.op(p, compareOps[op], x, y)
}

func isText(x pysyntax.Expr) bool {
	if c, ok := x.(*pysyntax.Const); ok {
		_, ok = c.Value.(string)
		return ok
	}
	return false
}

func isNone(x pysyntax.Expr) bool {
	c, ok := x.(*pysyntax.Const)
	return ok && c.Value == nil
}

func isSingleton(x pysyntax.Expr) bool {
	if c, ok := x.(*pysyntax.Const); ok {
		_, isBool := c.Value.(bool)
		return isBool || c.Value == nil
	}
	return false
}

// allTexts returns the elements of a display that holds only texts, nil if x
// is something else.
func allTexts(x pysyntax.Expr) []pysyntax.Expr {
	var elts []pysyntax.Expr
	switch x := x.(type) {
	case *pysyntax.Tuple:
		elts = x.Elts
	case *pysyntax.List:
		elts = x.Elts
	case *pysyntax.Set:
		elts = x.Elts
	}
	for _, y := range elts {
		if !isText(y) {
			return nil
		}
	}
	return elts
}
