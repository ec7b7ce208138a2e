package starpy

import "portwatch/internal/detect/panther/pysyntax"

// A scope is a region in which names are bound: the module, a function, a
// lambda or a comprehension.
type scope struct {
	parent *scope
	vars   map[string]*variable
	comp   bool // bound names are gone after the comprehension
	lambda bool

	global   map[string]bool // names that the function declared global
	nonlocal map[string]bool
}

// A variable is a name bound in a scope.
type variable struct {
	cell     bool   // lives in a cell
	bound    int    // how many statements bind it
	importOf string // the module it stands for, if an import alone binds it
}

func newScope(parent *scope) *scope {
	return &scope{parent: parent, vars: map[string]*variable{}, global: map[string]bool{}, nonlocal: map[string]bool{}}
}

func (s *scope) bind(name string) *variable {
	v := s.vars[name]
	if v == nil {
		v = &variable{}
		s.vars[name] = v
	}
	v.bound++
	return v
}

// module returns the outermost scope.
func (s *scope) module() *scope {
	for s.parent != nil {
		s = s.parent
	}
	return s
}

// function returns the innermost scope that is not a comprehension.
func (s *scope) function() *scope {
	for s.comp {
		s = s.parent
	}
	return s
}

// find returns the variable that a name means in a scope and the scope that
// binds it; nil for a built-in or nothing.
func (s *scope) find(name string) (*variable, *scope) {
	for ; s != nil; s = s.parent {
		if s.global[name] {
			m := s.module()
			return m.vars[name], m
		}
		if v := s.vars[name]; v != nil {
			return v, s
		}
	}
	return nil, nil
}

// bindAll binds the names that statements bind in their own scope. Functions
// within bind their name only.
func (s *scope) bindAll(list []pysyntax.Stmt) {
	declared := map[string]bool{}
	pysyntax.Walk(list, func(n any) bool {
		switch n := n.(type) {
		case *pysyntax.Global:
			for _, name := range n.Names {
				s.global[name] = true
				declared[name] = true
			}
		case *pysyntax.Nonlocal:
			for _, name := range n.Names {
				s.nonlocal[name] = true
				declared[name] = true
			}
		case *pysyntax.FunctionDef, *pysyntax.Lambda:
			return false
		}
		return true
	})
	if s.parent == nil {
		clear(s.global)
		clear(declared)
	}
	bind := func(name string) *variable {
		if declared[name] {
			return &variable{}
		}
		return s.bind(name)
	}
	pysyntax.Walk(list, func(n any) bool {
		for _, name := range bindsOf(n) {
			bind(name)
		}
		switch n := n.(type) {
		case *pysyntax.Import:
			for _, a := range n.Names {
				bind(importedAs(a)).importOf = moduleOf(a)
			}
		case *pysyntax.ImportFrom:
			for _, a := range n.Names {
				bind(fromAs(a))
			}
		case *pysyntax.FunctionDef:
			for _, p := range n.Params {
				pysyntax.Walk(p.Default, s.walrusOnly(bind))
			}
			return false
		case *pysyntax.Lambda:
			return false
		}
		return true
	})
}

// walrusOnly returns a visitor that binds the targets of walruses.
func (s *scope) walrusOnly(bind func(string) *variable) func(any) bool {
	return func(n any) bool {
		if w, ok := n.(*pysyntax.Named); ok {
			bind(w.Target.ID)
		}
		_, lambda := n.(*pysyntax.Lambda)
		return !lambda
	}
}

// bindsOf returns the names that a node itself binds, other than imports.
func bindsOf(n any) []string {
	switch n := n.(type) {
	case *pysyntax.Assign:
		var names []string
		for _, x := range n.Targets {
			names = append(names, pysyntax.NamesOf(x)...)
		}
		return names
	case *pysyntax.AugAssign:
		return pysyntax.NamesOf(n.Target)
	case *pysyntax.AnnAssign:
		return pysyntax.NamesOf(n.Target)
	case *pysyntax.For:
		return pysyntax.NamesOf(n.Target)
	case *pysyntax.Delete:
		var names []string
		for _, x := range n.Targets {
			names = append(names, pysyntax.NamesOf(x)...)
		}
		return names
	case *pysyntax.Named:
		return []string{n.Target.ID}
	case *pysyntax.FunctionDef:
		return []string{n.Name}
	case *pysyntax.RefusedStmt:
		return n.Binds
	case *pysyntax.Try:
		var names []string
		for _, h := range n.Handlers {
			if h.Name != "" {
				names = append(names, h.Name)
			}
		}
		return names
	}
	return nil
}
