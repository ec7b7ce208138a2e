package starpy

import (
	"slices"

	"portwatch/internal/detect/panther/pysyntax"
)

// A checker walks one statement of the module with all that is in it. It
// finds what is not supported, which names are used, and which variables must
// live in a cell.
type checker struct {
	t        *translator
	scope    *scope
	function bool // within a function
	inTry    int  // parts of try statements that this is within, up to the function
	optional int  // try statements that catch a failing import
	loops    int
}

func (c *checker) problem(pos pysyntax.Pos, msg string) {
	c.t.problems = append(c.t.problems, &Problem{c.t.file, pos, msg})
}

func (c *checker) stmts(list []pysyntax.Stmt) {
	for _, s := range list {
		c.stmt(s)
	}
}

func (c *checker) stmt(s pysyntax.Stmt) {
	switch s := s.(type) {
	case *pysyntax.RefusedStmt:
		c.problem(s.Pos, s.What)
	case *pysyntax.ExprStmt:
		c.expr(s.X)
	case *pysyntax.Assign:
		c.expr(s.Value)
		for _, x := range s.Targets {
			c.target(x)
		}
	case *pysyntax.AugAssign:
		c.expr(s.Value)
		c.expr(s.Target)
		c.target(s.Target)
	case *pysyntax.AnnAssign:
		c.expr(s.Value)
		if s.Value != nil {
			c.target(s.Target)
		}
	case *pysyntax.Return:
		if !c.function {
			c.problem(s.Pos, "syntax error: return outside a function")
		}
		c.expr(s.Value)
	case *pysyntax.Raise:
		c.expr(s.Exc)
		c.expr(s.Cause)
	case *pysyntax.Assert:
		c.expr(s.Cond)
		c.expr(s.Msg)
	case *pysyntax.Delete:
		for _, x := range s.Targets {
			c.delete(x)
		}
	case *pysyntax.Break:
		if c.loops == 0 {
			c.problem(s.Pos, "syntax error: break outside a loop")
		}
	case *pysyntax.Continue:
		if c.loops == 0 {
			c.problem(s.Pos, "syntax error: continue outside a loop")
		}
	case *pysyntax.Nonlocal:
		c.nonlocal(s)
	case *pysyntax.Import:
		for _, a := range s.Names {
			c.importModule(a.Pos, a.Name)
			c.bound(importedAs(a))
		}
	case *pysyntax.ImportFrom:
		c.importFrom(s)
	case *pysyntax.If:
		c.expr(s.Cond)
		c.stmts(s.Then)
		c.stmts(s.Else)
	case *pysyntax.While:
		c.loops++
		c.expr(s.Cond)
		c.stmts(s.Body)
		c.loops--
		c.stmts(s.Else)
	case *pysyntax.For:
		c.expr(s.Iter)
		c.target(s.Target)
		c.loops++
		c.stmts(s.Body)
		c.loops--
		c.stmts(s.Else)
	case *pysyntax.Try:
		c.try(s)
	case *pysyntax.FunctionDef:
		c.funcDef(s)
	}
}

func (c *checker) try(s *pysyntax.Try) {
	optional := slices.ContainsFunc(s.Handlers, catchesImport)
	c.inTry++
	if optional {
		c.optional++
	}
	c.stmts(s.Body)
	if optional {
		c.optional--
	}
	for _, h := range s.Handlers {
		c.expr(h.Type)
		if h.Name != "" {
			c.bound(h.Name)
		}
		c.stmts(h.Body)
	}
	c.stmts(s.Else)
	c.stmts(s.Finally)
	c.inTry--
}

// catchesImport reports whether a handler is there for a module that may be
// missing.
func catchesImport(h pysyntax.Handler) bool {
	if h.Type == nil {
		return true
	}
	found := false
	pysyntax.Walk(h.Type, func(n any) bool {
		if x, ok := n.(*pysyntax.Name); ok {
			switch x.ID {
			case "ImportError", "ModuleNotFoundError", "Exception", "BaseException":
				found = true
			}
		}
		return true
	})
	return found
}

func (c *checker) funcDef(s *pysyntax.FunctionDef) {
	if s.Refused != nil {
		c.problem(s.Refused.Pos, s.Refused.What)
	}
	c.bound(s.Name)
	c.params(s.Params)
	inner := newScope(c.scope)
	for _, p := range s.Params {
		if p.Name != "" {
			inner.bind(p.Name)
		}
	}
	inner.bindAll(s.Body)
	for name := range inner.global {
		if inner.vars[name] != nil {
			c.problem(s.Pos, "syntax error: "+name+" is both a parameter and global")
		}
	}
	c.t.scopes[s] = inner
	d := &checker{t: c.t, scope: inner, function: true}
	d.stmts(s.Body)
}

func (c *checker) params(list []pysyntax.Param) {
	for _, p := range list {
		c.expr(p.Default)
	}
}

func (c *checker) nonlocal(s *pysyntax.Nonlocal) {
	for _, name := range s.Names {
		v, owner := c.scope.parent.find(name)
		if !c.function || v == nil || owner.parent == nil {
			c.problem(s.Pos, "syntax error: no function around this one has a variable "+name)
			continue
		}
		v.cell = true
	}
}

// bound notes that a name is assigned here.
func (c *checker) bound(name string) {
	v, owner := c.scope.find(name)
	if v == nil {
		return
	}
	if c.inTry > 0 {
		v.cell = true
	}
	if owner.parent == nil && c.function {
		v.cell = true
	}
}

// target checks what is assigned to.
func (c *checker) target(x pysyntax.Expr) {
	switch x := x.(type) {
	case *pysyntax.Name:
		c.bound(x.ID)
	case *pysyntax.Starred:
		c.target(x.X)
	case *pysyntax.Tuple:
		for _, e := range x.Elts {
			c.target(e)
		}
	case *pysyntax.List:
		for _, e := range x.Elts {
			c.target(e)
		}
	case *pysyntax.Subscript:
		c.changed(x.X)
		c.expr(x)
	case *pysyntax.Attribute:
		c.problem(x.Pos, "assigning to the attribute "+x.Name+" is not supported")
	default:
		c.expr(x)
	}
}

func (c *checker) delete(x pysyntax.Expr) {
	switch x := x.(type) {
	case *pysyntax.Name:
		if v, _ := c.scope.find(x.ID); v != nil {
			v.cell = true
		}
	case *pysyntax.Subscript:
		c.changed(x.X)
		c.expr(x)
	case *pysyntax.Attribute:
		c.problem(x.Pos, "deleting the attribute "+x.Name+" is not supported")
	case *pysyntax.Tuple:
		for _, e := range x.Elts {
			c.delete(e)
		}
	case *pysyntax.List:
		for _, e := range x.Elts {
			c.delete(e)
		}
	}
}

// mutators are the methods that change a list, a dict or a set.
var mutators = map[string]bool{
	"append": true, "extend": true, "insert": true, "remove": true, "pop": true, "clear": true, "sort": true,
	"reverse": true, "update": true, "setdefault": true, "add": true, "discard": true, "popitem": true,
	"difference_update": true, "intersection_update": true, "symmetric_difference_update": true,
	"appendleft": true, "popleft": true, "extendleft": true, "subtract": true,
}

// changed notes that the value of x is changed in place. If that is a
// variable of the module and this a function, it begins anew with each event.
func (c *checker) changed(x pysyntax.Expr) {
	for {
		switch y := x.(type) {
		case *pysyntax.Subscript:
			x = y.X
			continue
		case *pysyntax.Attribute:
			x = y.X
			continue
		case *pysyntax.Name:
			v, owner := c.scope.find(y.ID)
			if v == nil || owner.parent != nil || v.importOf != "" {
				return
			}
			if c.function {
				v.cell = true
			} else {
				c.t.changes[y.ID] = true
			}
		}
		return
	}
}
