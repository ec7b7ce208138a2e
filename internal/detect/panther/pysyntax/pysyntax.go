// Package pysyntax reads Python source: a tokenizer, a parser and the syntax
// tree, each node with its line and column. It covers what rules are written
// in; what rules cannot use (classes, yield, async, with) is read as well and
// kept as a Refusal, so that whoever loads the file can name it.
package pysyntax

import "fmt"

// A Pos is a place in a file; lines and columns count from 1, columns in
// code points.
type Pos struct{ Line, Col int32 }

// An Error says what is wrong with a file, and where.
type Error struct {
	File string
	Pos  Pos
	Msg  string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Pos.Line, e.Msg) }

// A Refusal is a construct of Python that is understood but not run.
type Refusal struct {
	Pos  Pos
	What string // one sentence: "classes are not supported"
}

// The limits of a file. They keep a hostile file from exhausting the stack or
// the memory; no rule comes near.
const (
	maxBytes  = 1 << 20
	maxNested = 100 // expressions within expressions, blocks within blocks
)
