package starpy

import "portwatch/internal/detect/panther/pysyntax"

func (c *checker) exprs(list []pysyntax.Expr) {
	for _, x := range list {
		c.expr(x)
	}
}

func (c *checker) expr(x pysyntax.Expr) {
	pysyntax.Walk(x, func(n any) bool {
		switch n := n.(type) {
		case *pysyntax.RefusedExpr:
			c.problem(n.Pos, n.What)
		case *pysyntax.Name:
			c.name(n)
		case *pysyntax.Attribute:
			c.attribute(n)
		case *pysyntax.Call:
			if f, ok := n.Fn.(*pysyntax.Attribute); ok && mutators[f.Name] {
				c.changed(f.X)
			}
		case *pysyntax.Named:
			c.named(n)
			c.expr(n.Value)
			return false
		case *pysyntax.Lambda:
			c.params(n.Params)
			c.lambda(n)
			return false
		case *pysyntax.Comp:
			c.comp(n)
			return false
		}
		return true
	})
}

func (c *checker) name(n *pysyntax.Name) {
	v, owner := c.scope.find(n.ID)
	switch {
	case v == nil && c.t.Builtin(n.ID):
	case v == nil:
		if why := unavailable[n.ID]; why != "" {
			c.problem(n.Pos, n.ID+" is not available: "+why)
			return
		}
		c.problem(n.Pos, "name "+n.ID+" is not defined")
	case owner.parent == nil:
		c.t.refs[n.ID] = true
	}
}

// unavailable says why a built-in of Python is not there.
var unavailable = map[string]string{
	"open": "rules have no files", "input": "rules have no terminal", "eval": "rules run no text as code",
	"exec": "rules run no text as code", "compile": "rules run no text as code", "__import__": "use import",
	"globals": "rules cannot see their variables as a dict", "locals": "rules cannot see their variables as a dict",
	"vars": "rules cannot see their variables as a dict", "super": "classes are not supported",
	"property": "classes are not supported", "classmethod": "classes are not supported",
	"staticmethod": "classes are not supported", "breakpoint": "rules have no debugger",
	"complex": "complex numbers are not supported", "memoryview": "use bytes", "setattr": "objects cannot be changed",
	"delattr": "objects cannot be changed", "id": "objects have no address", "help": "rules have no terminal",
	"__file__": "rules have no files", "exit": "raise an exception", "quit": "raise an exception",
	"aiter": "async is not supported", "anext": "async is not supported",
}

// named notes the target of a walrus: an expression cannot assign, so it
// lives in a cell.
func (c *checker) named(n *pysyntax.Named) {
	f := c.scope.function()
	for s := c.scope; s != f; s = s.parent {
		if s.vars[n.Target.ID] != nil {
			c.problem(n.Pos, "syntax error: := cannot set "+n.Target.ID+", which the comprehension iterates with")
			return
		}
	}
	if f.lambda {
		c.problem(n.Pos, ":= in a lambda is not supported")
		return
	}
	if v, _ := f.find(n.Target.ID); v != nil {
		v.cell = true
	}
	c.name(n.Target)
}

func (c *checker) lambda(n *pysyntax.Lambda) {
	inner := newScope(c.scope)
	inner.lambda = true
	for _, p := range n.Params {
		if p.Name != "" {
			inner.bind(p.Name)
		}
	}
	c.t.scopes[n] = inner
	d := &checker{t: c.t, scope: inner, function: true}
	d.expr(n.Body)
}

func (c *checker) comp(n *pysyntax.Comp) {
	inner := newScope(c.scope)
	inner.comp = true
	c.t.scopes[n] = inner
	d := *c
	d.scope = inner
	for i, f := range n.Fors {
		if i == 0 {
			c.expr(f.Iter)
		} else {
			d.expr(f.Iter)
		}
		d.compTarget(f.Target)
		for _, name := range pysyntax.NamesOf(f.Target) {
			inner.bind(name)
		}
		d.exprs(f.Ifs)
	}
	d.expr(n.Elt)
	d.expr(n.Value)
}

// compTarget checks that a comprehension iterates with names only.
func (c *checker) compTarget(x pysyntax.Expr) {
	pysyntax.Walk(x, func(n any) bool {
		switch n := n.(type) {
		case *pysyntax.Subscript, *pysyntax.Attribute:
			c.problem(n.(pysyntax.Expr).At(), "a comprehension can iterate with names only")
			return false
		}
		return true
	})
}

// attribute checks an attribute of a module, which is known before any event.
func (c *checker) attribute(n *pysyntax.Attribute) {
	m := c.modulePath(n.X)
	if m == "" || c.optional > 0 || c.modulePath(n) != "" {
		return
	}
	exports, err := c.t.Modules.Module(m)
	if err != nil {
		return // the import says so
	}
	if err := exports.Export(n.Name); err != nil {
		c.problem(n.Pos, err.Error())
	}
}

// modulePath returns the module that an expression surely means, or "".
func (c *checker) modulePath(x pysyntax.Expr) string {
	switch x := x.(type) {
	case *pysyntax.Name:
		v, _ := c.scope.find(x.ID)
		if v != nil && v.bound == 1 {
			return v.importOf
		}
	case *pysyntax.Attribute:
		m := c.modulePath(x.X)
		if m == "" {
			return ""
		}
		if _, err := c.t.Modules.Module(m + "." + x.Name); err == nil {
			return m + "." + x.Name
		}
	}
	return ""
}

func (c *checker) importModule(pos pysyntax.Pos, name string) {
	if c.optional > 0 {
		return
	}
	if _, err := c.t.Modules.Module(name); err != nil {
		c.problem(pos, err.Error())
	}
}

func (c *checker) importFrom(s *pysyntax.ImportFrom) {
	for _, a := range s.Names {
		c.bound(fromAs(a))
	}
	if c.optional > 0 {
		return
	}
	exports, err := c.t.Modules.Module(s.Module)
	if err != nil {
		c.problem(s.Pos, err.Error())
		return
	}
	for _, a := range s.Names {
		if _, err := c.t.Modules.Module(s.Module + "." + a.Name); err == nil {
			continue
		}
		if err := exports.Export(a.Name); err != nil {
			c.problem(a.Pos, err.Error())
		}
	}
}
