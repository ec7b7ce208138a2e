package starpy

import (
	"slices"

	"go.starlark.net/syntax"

	"portwatch/internal/detect/panther/pysyntax"
)

func (e *emitter) callExpr(x *pysyntax.Call) syntax.Expr {
	if y := e.shortcut(x); y != nil {
		return y
	}
	eager := e.consumes(x.Fn)
	args := e.args(x, eager)
	if f, ok := x.Fn.(*pysyntax.Attribute); ok {
		args = append([]syntax.Expr{e.expr(f.X), e.str(f.Pos, f.Name)}, args...)
		return e.op(f.Pos, "call", args...)
	}
	return e.call(x.Pos, e.expr(x.Fn), args...)
}

// consumes reports whether a function takes all of an iterable at once, so
// that a list serves as well as a generator.
func (e *emitter) consumes(fn pysyntax.Expr) bool {
	if f, ok := fn.(*pysyntax.Attribute); ok {
		return slices.Contains([]string{"join", "extend", "update", "union", "intersection", "difference"}, f.Name)
	}
	return e.builtin(fn, "sum", "min", "max", "sorted", "list", "set", "tuple", "frozenset", "dict")
}

// shortcut returns any, all or next over a generator that stops when the
// answer is known; nil if x is none of these.
func (e *emitter) shortcut(x *pysyntax.Call) syntax.Expr {
	if len(x.Args) == 0 || x.Args[0].Stars != 0 || x.Args[0].Name != "" {
		return nil
	}
	g, ok := x.Args[0].Value.(*pysyntax.Comp)
	if !ok || g.Kind != "generator" {
		return nil
	}
	flag := e.temp()
	switch {
	case len(x.Args) == 1 && e.builtin(x.Fn, "any"):
		return e.not(x.Pos, e.not(x.Pos, e.gated(g, flag, "any")))
	case len(x.Args) == 1 && e.builtin(x.Fn, "all"):
		return e.not(x.Pos, e.gated(g, flag, "all"))
	case len(x.Args) <= 2 && e.builtin(x.Fn, "next"):
		args := []syntax.Expr{e.gated(g, flag, "next")}
		if len(x.Args) == 2 {
			args = append(args, e.expr(x.Args[1].Value))
		}
		return e.op(x.Pos, "first", args...)
	}
	return nil
}

// args returns arguments in Starlark's order: positional, named, *args,
// **kwargs.
func (e *emitter) args(x *pysyntax.Call, eager bool) []syntax.Expr {
	var positional, named, rest []syntax.Expr
	var maps []syntax.Expr
	for _, a := range x.Args {
		v := e.arg(a.Value, eager)
		p := a.Value.At()
		switch {
		case a.Stars == 2:
			maps = append(maps, v)
		case a.Name != "":
			named = append(named, e.binary(p, syntax.EQ, e.ident(p, a.Name), v))
		case a.Stars == 1:
			rest = append(rest, e.ident(p, "$star"), v)
		case len(rest) > 0:
			rest = append(rest, v)
		default:
			positional = append(positional, v)
		}
	}
	out := append(positional, named...)
	if len(rest) > 0 {
		out = append(out, &syntax.UnaryExpr{OpPos: e.at(x.Pos), Op: syntax.STAR, X: e.op(x.Pos, "splat", e.list(x.Pos, rest))})
	}
	if len(maps) > 0 {
		out = append(out, &syntax.UnaryExpr{OpPos: e.at(x.Pos), Op: syntax.STARSTAR, X: e.op(x.Pos, "kwargs", maps...)})
	}
	return out
}

func (e *emitter) arg(x pysyntax.Expr, eager bool) syntax.Expr {
	if g, ok := x.(*pysyntax.Comp); ok && g.Kind == "generator" && eager {
		return e.listComp(g)
	}
	return e.expr(x)
}
