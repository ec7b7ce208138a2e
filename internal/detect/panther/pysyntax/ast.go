package pysyntax

// An Expr is an expression.
type Expr interface {
	At() Pos
	expr()
}

// A Stmt is a statement.
type Stmt interface {
	At() Pos
	stmt()
}

// At returns where a node begins.
func (p Pos) At() Pos { return p }

// Bytes is the value of a bytes literal.
type Bytes string

// Ellipsis is the value of "...".
type Ellipsis struct{}

// The expressions.
type (
	Name struct {
		Pos
		ID string
	}

	// A Const is a literal: nil, bool, int64, *big.Int, float64, string,
	// Bytes or Ellipsis.
	Const struct {
		Pos
		Value any
	}

	// A JoinedStr is an f-string: Const strings and Formatted fields.
	JoinedStr struct {
		Pos
		Parts []Expr
	}

	// A Formatted is one {field} of an f-string.
	Formatted struct {
		Pos
		X    Expr
		Conv byte       // 's', 'r', 'a' or 0
		Spec *JoinedStr // nil if there is none
	}

	Attribute struct {
		Pos
		X    Expr
		Name string
	}

	Subscript struct {
		Pos
		X, Index Expr
	}

	// A Slice stands in Subscript.Index only; any part may be nil.
	Slice struct {
		Pos
		Lo, Hi, Step Expr
	}

	Call struct {
		Pos
		Fn   Expr
		Args []Arg
	}

	BinOp struct {
		Pos
		Op   string
		X, Y Expr
	}

	UnaryOp struct {
		Pos
		Op string // - + ~ not
		X  Expr
	}

	BoolOp struct {
		Pos
		Op string // and, or
		Xs []Expr
	}

	// A Compare is X Ops[0] Ys[0] Ops[1] Ys[1] ...
	Compare struct {
		Pos
		X   Expr
		Ops []string
		Ys  []Expr
	}

	IfExp struct {
		Pos
		Cond, Then, Else Expr
	}

	Lambda struct {
		Pos
		Params []Param
		Body   Expr
	}

	// Named is the walrus: Target := Value.
	Named struct {
		Pos
		Target *Name
		Value  Expr
	}

	Tuple struct {
		Pos
		Elts   []Expr
		Parens bool
	}

	List struct {
		Pos
		Elts []Expr
	}

	Set struct {
		Pos
		Elts []Expr
	}

	// A Dict has a nil key where a **mapping is spread.
	Dict struct {
		Pos
		Keys, Values []Expr
	}

	Starred struct {
		Pos
		X Expr
	}

	// A Comp is a comprehension of Kind list, set, dict or generator.
	Comp struct {
		Pos
		Kind  string
		Elt   Expr
		Value Expr // of a dict
		Fors  []CompFor
	}

	// RefusedExpr stands for an expression that is not run.
	RefusedExpr struct {
		Refusal
	}
)

// At returns where the refused expression begins.
func (r *RefusedExpr) At() Pos { return r.Pos }

// An Arg is an argument of a call.
type Arg struct {
	Name  string // of a keyword argument
	Stars int    // 1: *args, 2: **kwargs
	Value Expr
}

// A Param is a parameter of a function. A lone * has Stars 1 and no name.
type Param struct {
	Pos
	Name    string
	Stars   int
	Default Expr
}

// A CompFor is one "for ... in ... if ..." of a comprehension.
type CompFor struct {
	Pos
	Target, Iter Expr
	Ifs          []Expr
}

// The statements.
type (
	ExprStmt struct {
		Pos
		X Expr
	}

	Assign struct {
		Pos
		Targets []Expr
		Value   Expr
	}

	AugAssign struct {
		Pos
		Op     string // without the =
		Target Expr
		Value  Expr
	}

	// AnnAssign is target: annotation = Value; the annotation is not kept.
	AnnAssign struct {
		Pos
		Target Expr
		Value  Expr // may be nil
	}

	Return struct {
		Pos
		Value Expr // may be nil
	}

	Raise struct {
		Pos
		Exc, Cause Expr // may be nil
	}

	Assert struct {
		Pos
		Cond, Msg Expr
	}

	Delete struct {
		Pos
		Targets []Expr
	}

	Pass     struct{ Pos }
	Break    struct{ Pos }
	Continue struct{ Pos }

	Global struct {
		Pos
		Names []string
	}

	Nonlocal struct {
		Pos
		Names []string
	}

	// An Import is "import Names[i].Name as Names[i].As".
	Import struct {
		Pos
		Names []Alias
	}

	ImportFrom struct {
		Pos
		Module string // with its leading dots
		Names  []Alias
	}

	If struct {
		Pos
		Cond       Expr
		Then, Else []Stmt
	}

	While struct {
		Pos
		Cond       Expr
		Body, Else []Stmt
	}

	For struct {
		Pos
		Target, Iter Expr
		Body, Else   []Stmt
	}

	Try struct {
		Pos
		Body, Else, Finally []Stmt
		Handlers            []Handler
	}

	FunctionDef struct {
		Pos
		Name    string
		Params  []Param
		Body    []Stmt
		Refused *Refusal // a decorator, async
	}

	// RefusedStmt stands for a statement that is not run. Body holds the
	// statements within, Binds the names that it would bind itself.
	RefusedStmt struct {
		Refusal
		Binds []string
		Body  []Stmt
	}
)

// At returns where the refused statement begins.
func (r *RefusedStmt) At() Pos { return r.Pos }

// An Alias is a name that is imported, and as what.
type Alias struct {
	Pos
	Name, As string
}

// A Handler is an except clause; Type is nil for a bare one.
type Handler struct {
	Pos
	Type Expr
	Name string
	Body []Stmt
}

func (*Name) expr()        {}
func (*Const) expr()       {}
func (*JoinedStr) expr()   {}
func (*Formatted) expr()   {}
func (*Attribute) expr()   {}
func (*Subscript) expr()   {}
func (*Slice) expr()       {}
func (*Call) expr()        {}
func (*BinOp) expr()       {}
func (*UnaryOp) expr()     {}
func (*BoolOp) expr()      {}
func (*Compare) expr()     {}
func (*IfExp) expr()       {}
func (*Lambda) expr()      {}
func (*Named) expr()       {}
func (*Tuple) expr()       {}
func (*List) expr()        {}
func (*Set) expr()         {}
func (*Dict) expr()        {}
func (*Starred) expr()     {}
func (*Comp) expr()        {}
func (*RefusedExpr) expr() {}

func (*ExprStmt) stmt()    {}
func (*Assign) stmt()      {}
func (*AugAssign) stmt()   {}
func (*AnnAssign) stmt()   {}
func (*Return) stmt()      {}
func (*Raise) stmt()       {}
func (*Assert) stmt()      {}
func (*Delete) stmt()      {}
func (*Pass) stmt()        {}
func (*Break) stmt()       {}
func (*Continue) stmt()    {}
func (*Global) stmt()      {}
func (*Nonlocal) stmt()    {}
func (*Import) stmt()      {}
func (*ImportFrom) stmt()  {}
func (*If) stmt()          {}
func (*While) stmt()       {}
func (*For) stmt()         {}
func (*Try) stmt()         {}
func (*FunctionDef) stmt() {}
func (*RefusedStmt) stmt() {}
