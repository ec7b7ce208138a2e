package starpy

import (
	"slices"
	"strings"

	"portwatch/internal/detect/panther/pysyntax"
)

// A translator holds what is known of a file before anything is emitted.
type translator struct {
	Options
	file   string
	module *scope
	scopes map[any]*scope // of functions, lambdas and comprehensions

	// While a statement of the module is checked:
	problems []*Problem
	refs     map[string]bool // the module's names that it refers to
	changes  map[string]bool // and of these what its own lines change

	refused map[string]*Problem
}

// A unit is one statement of the module and what it has to do with others.
type unit struct {
	stmt     pysyntax.Stmt
	binds    map[string]bool
	refs     map[string]bool
	changes  map[string]bool
	problems []*Problem
}

// check finds scopes and problems and returns the statements to emit.
func (t *translator) check(body []pysyntax.Stmt) []pysyntax.Stmt {
	t.module = newScope(nil)
	t.module.bindAll(body)
	t.bindGlobals(body)
	for _, name := range t.Replaceable {
		if v := t.module.vars[name]; v != nil {
			v.cell = true
		}
	}
	var units []unit
	for _, s := range body {
		t.refs, t.changes, t.problems = map[string]bool{}, map[string]bool{}, nil
		own := newScope(nil)
		own.bindAll([]pysyntax.Stmt{s})
		c := &checker{t: t, scope: t.module}
		c.stmt(s)
		units = append(units, unit{s, keys(own.vars), t.refs, t.changes, t.problems})
	}
	t.problems = nil
	for _, u := range units {
		t.problems = append(t.problems, u.problems...)
	}
	if !t.Helper {
		return body
	}
	return t.taint(units)
}

// bindGlobals binds in the module what functions declare global and assign:
// the module need not bind it itself.
func (t *translator) bindGlobals(body []pysyntax.Stmt) {
	pysyntax.Walk(body, func(n any) bool {
		f, ok := n.(*pysyntax.FunctionDef)
		if !ok {
			return true
		}
		declared := map[string]bool{}
		pysyntax.Walk(f.Body, func(n any) bool {
			switch n := n.(type) {
			case *pysyntax.Global:
				for _, name := range n.Names {
					declared[name] = true
				}
			case *pysyntax.FunctionDef, *pysyntax.Lambda:
				return false
			}
			return true
		})
		pysyntax.Walk(f.Body, func(n any) bool {
			for _, name := range bindsOf(n) {
				if declared[name] {
					t.module.bind(name).cell = true
				}
			}
			_, inner := n.(*pysyntax.FunctionDef)
			return !inner
		})
		return true
	})
}

// taint drops the statements of a helper that have a problem, and those that
// depend on a name that is thereby gone.
func (t *translator) taint(units []unit) []pysyntax.Stmt {
	t.refused = map[string]*Problem{}
	dropped := make([]bool, len(units))
	drop := func(i int, why *Problem) {
		dropped[i] = true
		for name := range units[i].binds {
			t.refused[name] = why
		}
		for name := range units[i].changes {
			t.refused[name] = why
		}
	}
	for i, u := range units {
		if len(u.problems) > 0 {
			drop(i, u.problems[0])
		}
	}
	for again := true; again; {
		again = false
		for i, u := range units {
			if dropped[i] {
				continue
			}
			for _, name := range sorted(u.refs) {
				if why := t.refused[name]; why != nil {
					drop(i, why)
					again = true
					break
				}
			}
		}
	}
	var body []pysyntax.Stmt
	for i, u := range units {
		if !dropped[i] {
			body = append(body, u.stmt)
		}
	}
	return body
}

func keys(vars map[string]*variable) map[string]bool {
	m := map[string]bool{}
	for name := range vars {
		m[name] = true
	}
	return m
}

func sorted(m map[string]bool) []string {
	var list []string
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// importedAs returns the name that "import a.b as c" binds.
func importedAs(a pysyntax.Alias) string {
	if a.As != "" {
		return a.As
	}
	name, _, _ := strings.Cut(a.Name, ".")
	return name
}

// moduleOf returns the module that this name then means.
func moduleOf(a pysyntax.Alias) string {
	if a.As != "" {
		return a.Name
	}
	return importedAs(a)
}

func fromAs(a pysyntax.Alias) string {
	if a.As != "" {
		return a.As
	}
	return a.Name
}
