package pyrt

import (
	"errors"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
)

// A Failure is what a rule did not catch: an exception or a limit, and the
// line of the author's file that it came from.
type Failure struct {
	File string // "" if it is not known
	Line int
	Err  error // an *Exception or a *LimitError
}

func (f *Failure) Error() string {
	if f.Line == 0 {
		return f.Err.Error()
	}
	return f.File + ":" + strconv.Itoa(f.Line) + ": " + f.Err.Error()
}

func (f *Failure) Unwrap() error { return f.Err }

// failure describes an error that reached the outermost call.
func (rt *Runtime) failure(err error) error {
	f := &Failure{Err: err}
	if exc := rt.exceptionOf(err); exc != nil {
		f.Err = exc
		if exc.err != nil {
			err = exc.err
		}
	} else if rt.stop != nil {
		f.Err = rt.stop
	}
	var eval *starlark.EvalError
	if !errors.As(err, &eval) {
		return f
	}
	for i := range eval.CallStack {
		frame := eval.CallStack.At(i)
		if frame.Pos.Line > 0 && frame.Pos.Filename() != "<builtin>" {
			f.File, f.Line = frame.Pos.Filename(), int(frame.Pos.Line)
			break
		}
	}
	return f
}

// exceptionOf returns the exception that an error is, nil if nothing may
// catch it.
func (rt *Runtime) exceptionOf(err error) *Exception {
	if rt.timedOut.Load() {
		rt.exceeded("time")
	}
	if rt.stop != nil {
		return nil
	}
	var exc *Exception
	if errors.As(err, &exc) {
		if exc.err == nil {
			exc.err = err
		}
		return exc
	}
	exc = classify(err.Error())
	exc.err = err
	return exc
}

// Starlark's own errors, by how they begin or what they hold, and what Python
// raises there.
var ownErrors = []struct {
	text  string
	class *Class
}{
	{"referenced before assignment", UnboundLocalError},
	{"invalid call of non-function", TypeError},
	{"unhashable", TypeError},
	{"missing argument", TypeError},
	{"missing 1 argument", TypeError},
	{"accepts", TypeError},
	{"argument", TypeError},
	{"keyword", TypeError},
	{"cannot insert", TypeError},
	{"cannot delete", TypeError},
	{"cannot clear", TypeError},
	{"frozen", TypeError},
	{"values to unpack", ValueError},
	{"in sequence assignment", TypeError},
	{"not iterable", TypeError},
}

func classify(msg string) *Exception {
	if kind, ok := strings.CutPrefix(msg, "invalid call of non-function ("); ok {
		return Raisef(TypeError, "'%s' object is not callable", pythonName(strings.TrimSuffix(kind, ")")))
	}
	if name, ok := strings.CutPrefix(msg, "local variable "); ok {
		name, _, _ = strings.Cut(name, " ")
		return unbound(name)
	}
	if name, ok := strings.CutPrefix(msg, "global variable "); ok {
		name, _, _ = strings.Cut(name, " ")
		return Raisef(NameError, "name '%s' is not defined", name)
	}
	if strings.Contains(msg, "frozen") {
		return Raisef(TypeError, "%s: what a module defines cannot be changed through another name", msg)
	}
	for _, o := range ownErrors {
		if strings.Contains(msg, o.text) {
			return Raisef(o.class, "%s", msg)
		}
	}
	return Raisef(RuntimeError, "%s", msg)
}

func unbound(name string) *Exception {
	return Raisef(UnboundLocalError, "cannot access local variable '%s' where it is not associated with a value", name)
}
