package pysyntax

// Walk calls visit for the node n (an Expr, a Stmt or a list of statements)
// and, where visit returns true, for the nodes within.
func Walk(n any, visit func(any) bool) {
	switch n := n.(type) {
	case nil:
		return
	case []Stmt:
		for _, s := range n {
			Walk(s, visit)
		}
		return
	case []Expr:
		for _, x := range n {
			Walk(x, visit)
		}
		return
	}
	if isNil(n) || !visit(n) {
		return
	}
	if s, ok := n.(Stmt); ok {
		walkStmt(s, visit)
		return
	}
	walkExpr(n.(Expr), visit)
}

// isNil reports whether n is an absent expression or f-string in an interface.
func isNil(n any) bool {
	j, ok := n.(*JoinedStr)
	return ok && j == nil
}

func walkExpr(n Expr, visit func(any) bool) {
	switch n := n.(type) {
	case *JoinedStr:
		Walk(n.Parts, visit)
	case *Formatted:
		Walk(n.X, visit)
		Walk(n.Spec, visit)
	case *Attribute:
		Walk(n.X, visit)
	case *Subscript:
		Walk(n.X, visit)
		Walk(n.Index, visit)
	case *Slice:
		Walk(n.Lo, visit)
		Walk(n.Hi, visit)
		Walk(n.Step, visit)
	case *Call:
		Walk(n.Fn, visit)
		for _, a := range n.Args {
			Walk(a.Value, visit)
		}
	case *BinOp:
		Walk(n.X, visit)
		Walk(n.Y, visit)
	case *UnaryOp:
		Walk(n.X, visit)
	case *BoolOp:
		Walk(n.Xs, visit)
	case *Compare:
		Walk(n.X, visit)
		Walk(n.Ys, visit)
	case *IfExp:
		Walk(n.Cond, visit)
		Walk(n.Then, visit)
		Walk(n.Else, visit)
	case *Lambda:
		walkParams(n.Params, visit)
		Walk(n.Body, visit)
	case *Named:
		Walk(n.Target, visit)
		Walk(n.Value, visit)
	case *Tuple:
		Walk(n.Elts, visit)
	case *List:
		Walk(n.Elts, visit)
	case *Set:
		Walk(n.Elts, visit)
	case *Dict:
		Walk(n.Keys, visit)
		Walk(n.Values, visit)
	case *Starred:
		Walk(n.X, visit)
	case *Comp:
		for _, f := range n.Fors {
			Walk(f.Target, visit)
			Walk(f.Iter, visit)
			Walk(f.Ifs, visit)
		}
		Walk(n.Elt, visit)
		Walk(n.Value, visit)
	}
}

func walkParams(list []Param, visit func(any) bool) {
	for _, p := range list {
		Walk(p.Default, visit)
	}
}

func walkStmt(n Stmt, visit func(any) bool) {
	switch n := n.(type) {
	case *ExprStmt:
		Walk(n.X, visit)
	case *Assign:
		Walk(n.Value, visit)
		Walk(n.Targets, visit)
	case *AugAssign:
		Walk(n.Target, visit)
		Walk(n.Value, visit)
	case *AnnAssign:
		Walk(n.Value, visit)
		Walk(n.Target, visit)
	case *Return:
		Walk(n.Value, visit)
	case *Raise:
		Walk(n.Exc, visit)
		Walk(n.Cause, visit)
	case *Assert:
		Walk(n.Cond, visit)
		Walk(n.Msg, visit)
	case *Delete:
		Walk(n.Targets, visit)
	case *If:
		Walk(n.Cond, visit)
		Walk(n.Then, visit)
		Walk(n.Else, visit)
	case *While:
		Walk(n.Cond, visit)
		Walk(n.Body, visit)
		Walk(n.Else, visit)
	case *For:
		Walk(n.Iter, visit)
		Walk(n.Target, visit)
		Walk(n.Body, visit)
		Walk(n.Else, visit)
	case *Try:
		Walk(n.Body, visit)
		for _, h := range n.Handlers {
			Walk(h.Type, visit)
			Walk(h.Body, visit)
		}
		Walk(n.Else, visit)
		Walk(n.Finally, visit)
	case *FunctionDef:
		walkParams(n.Params, visit)
		Walk(n.Body, visit)
	case *RefusedStmt:
		Walk(n.Body, visit)
	}
}
