// Package starpy turns the syntax tree of a Python file into one of Starlark
// that computes the same. Where the two languages agree (names, functions,
// if, for, and, or) the tree is Starlark's own; where they differ an operator
// becomes a call of a built-in function of package pyrt, whose name begins
// with $ so that no Python name can be confused with it. Every node keeps the
// line and the column of the author's file.
//
// Three things of Python have no counterpart and are built from others:
//
//   - A variable that is assigned where Starlark could not (by a walrus, in a
//     nested function, in a part of a try statement) lives in a cell: x() reads
//     it and x(v) sets it. A module's variable that functions change is a cell
//     as well, one that begins anew with each event.
//   - The parts of a try statement become functions that $try calls; what
//     they return says whether to return, break or continue.
//   - any, all and next over a generator become a comprehension that stops as
//     soon as the answer is known.
package starpy

import (
	"fmt"
	"slices"

	"go.starlark.net/syntax"

	"portwatch/internal/detect/panther/pysyntax"
)

// Options say in which surroundings a file is translated.
type Options struct {
	// Builtin reports whether Python has a built-in of the name that pyrt
	// offers.
	Builtin func(name string) bool

	// Modules finds what the file imports.
	Modules Modules

	// Helper says that other files import this one. What it refuses makes
	// only those names unusable that depend on it.
	Helper bool

	// Replaceable names variables of the module that tests replace.
	Replaceable []string
}

// Modules are the modules that a file may import.
type Modules interface {
	// Module returns a module by its dotted name, or an error that says why
	// it can't be imported.
	Module(name string) (Exports, error)
}

// Exports are the names of one module.
type Exports interface {
	// Export returns nil if the name can be imported, else why not.
	Export(name string) error
}

// A Problem is a reason why a file or a part of it can't be used.
type Problem struct {
	File string
	Pos  pysyntax.Pos
	Msg  string
}

func (p *Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Pos.Line, p.Msg) }

// A Program is a file made ready for Starlark.
type Program struct {
	File    *syntax.File
	Names   []string            // what the module defines, sorted
	Refused map[string]*Problem // names that a helper would define but can't
}

// Translate returns the program of a file, or everything that speaks against
// it. A helper always has a program.
func Translate(f *pysyntax.File, o Options) (*Program, []*Problem) {
	t := &translator{Options: o, file: f.Name, scopes: map[any]*scope{}}
	body := t.check(f.Body)
	if len(t.problems) > 0 && !o.Helper {
		return nil, t.problems
	}
	e := &emitter{t: t, scope: t.module, fn: &frame{}}
	out := e.preamble()
	out = append(out, e.stmts(body)...)
	p := &Program{
		File:    &syntax.File{Path: f.Name, Stmts: out, Options: options},
		Refused: t.refused,
	}
	for name := range t.module.vars {
		if t.refused[name] == nil {
			p.Names = append(p.Names, name)
		}
	}
	slices.Sort(p.Names)
	return p, nil
}

var options = &syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true}
