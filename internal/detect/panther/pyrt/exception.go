package pyrt

import (
	"fmt"
	"hash/maphash"

	"go.starlark.net/starlark"
)

// A Class is a class of exceptions.
type Class struct {
	name string
	base *Class
}

// NewClass returns a class of exceptions that base catches as well.
func NewClass(name string, base *Class) *Class { return &Class{name, base} }

// The classes that Go code raises or that try statements name.
var (
	BaseException       = NewClass("BaseException", nil)
	ExceptionClass      = NewClass("Exception", BaseException)
	ArithmeticError     = NewClass("ArithmeticError", ExceptionClass)
	OverflowError       = NewClass("OverflowError", ArithmeticError)
	ZeroDivisionError   = NewClass("ZeroDivisionError", ArithmeticError)
	AssertionError      = NewClass("AssertionError", ExceptionClass)
	AttributeError      = NewClass("AttributeError", ExceptionClass)
	ImportError         = NewClass("ImportError", ExceptionClass)
	ModuleNotFoundError = NewClass("ModuleNotFoundError", ImportError)
	LookupError         = NewClass("LookupError", ExceptionClass)
	IndexError          = NewClass("IndexError", LookupError)
	KeyError            = NewClass("KeyError", LookupError)
	NameError           = NewClass("NameError", ExceptionClass)
	UnboundLocalError   = NewClass("UnboundLocalError", NameError)
	RuntimeError        = NewClass("RuntimeError", ExceptionClass)
	NotImplementedError = NewClass("NotImplementedError", RuntimeError)
	RecursionError      = NewClass("RecursionError", RuntimeError)
	StopIteration       = NewClass("StopIteration", ExceptionClass)
	TypeError           = NewClass("TypeError", ExceptionClass)
	ValueError          = NewClass("ValueError", ExceptionClass)
	UnicodeError        = NewClass("UnicodeError", ValueError)
	UnicodeDecodeError  = NewClass("UnicodeDecodeError", UnicodeError)
	UnicodeEncodeError  = NewClass("UnicodeEncodeError", UnicodeError)
	OSError             = NewClass("OSError", ExceptionClass)
	MemoryError         = NewClass("MemoryError", ExceptionClass)
	EOFError            = NewClass("EOFError", ExceptionClass)
)

var builtinClasses = []*Class{
	BaseException, ExceptionClass, ArithmeticError, OverflowError, ZeroDivisionError, AssertionError, AttributeError,
	ImportError, ModuleNotFoundError, LookupError, IndexError, KeyError, NameError, UnboundLocalError, RuntimeError,
	NotImplementedError, RecursionError, StopIteration, TypeError, ValueError, UnicodeError, UnicodeDecodeError,
	UnicodeEncodeError, OSError, MemoryError, EOFError,
	NewClass("FloatingPointError", ArithmeticError), NewClass("BufferError", ExceptionClass),
	NewClass("TimeoutError", OSError), NewClass("ConnectionError", OSError), NewClass("PermissionError", OSError),
	NewClass("FileNotFoundError", OSError), NewClass("Warning", ExceptionClass),
}

func (rt *Runtime) addExceptions() {
	for _, c := range builtinClasses {
		rt.names[c.name] = c
	}
	rt.names["IOError"] = OSError
	rt.names["EnvironmentError"] = OSError
}

func (c *Class) Name() string          { return c.name }
func (c *Class) String() string        { return "<class '" + c.name + "'>" }
func (c *Class) Type() string          { return "type" }
func (c *Class) Freeze()               {}
func (c *Class) Truth() starlark.Bool  { return true }
func (c *Class) Hash() (uint32, error) { return starlark.String(c.name).Hash() }

// CallInternal makes an exception.
func (c *Class) CallInternal(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(kwargs) > 0 {
		return nil, Raisef(TypeError, "%s() takes no keyword arguments", c.name)
	}
	return &Exception{class: c, args: args}, nil
}

// Attr implements starlark.HasAttrs.
func (c *Class) Attr(name string) (starlark.Value, error) {
	if name == "__name__" || name == "__qualname__" {
		return starlark.String(c.name), nil
	}
	return nil, nil
}

// AttrNames implements starlark.HasAttrs.
func (c *Class) AttrNames() []string { return []string{"__name__", "__qualname__"} }

// within reports whether c is d or derived from it.
func (c *Class) within(d *Class) bool {
	for ; c != nil; c = c.base {
		if c == d {
			return true
		}
	}
	return false
}

// An Exception is a value of a Class. As an error it is what was raised.
type Exception struct {
	class *Class
	args  starlark.Tuple
	cause starlark.Value
	err   error // as it was when it was first caught, with its place
}

// Raisef returns an exception with a message.
func Raisef(c *Class, format string, args ...any) *Exception {
	return &Exception{class: c, args: starlark.Tuple{starlark.String(fmt.Sprintf(format, args...))}}
}

// raise returns an exception with a value.
func raise(c *Class, v starlark.Value) *Exception {
	return &Exception{class: c, args: starlark.Tuple{v}}
}

// Class returns the class of the exception.
func (e *Exception) Class() *Class { return e.class }

// Error returns the exception as the last line of Python's traceback.
func (e *Exception) Error() string {
	if s := e.Str(); s != "" {
		return e.class.name + ": " + s
	}
	return e.class.name
}

// Str returns the message.
func (e *Exception) Str() string {
	switch {
	case len(e.args) == 0:
		return ""
	case len(e.args) == 1 && e.class.within(KeyError):
		return shortRepr(e.args[0])
	case len(e.args) == 1:
		return shortStr(e.args[0])
	}
	return shortRepr(e.args)
}

func (e *Exception) String() string {
	if len(e.args) == 1 {
		return e.class.name + "(" + shortRepr(e.args[0]) + ")"
	}
	if len(e.args) == 0 {
		return e.class.name + "()"
	}
	return e.class.name + shortRepr(e.args)
}
func (e *Exception) Type() string          { return e.class.name }
func (e *Exception) Freeze()               { e.args.Freeze() }
func (e *Exception) Truth() starlark.Bool  { return true }
func (e *Exception) Hash() (uint32, error) { return uint32(maphash.Comparable(seed, e)), nil }

var seed = maphash.MakeSeed()

// Attr implements starlark.HasAttrs.
func (e *Exception) Attr(name string) (starlark.Value, error) {
	switch name {
	case "args":
		return e.args, nil
	case "__cause__", "__context__":
		if e.cause != nil {
			return e.cause, nil
		}
		return starlark.None, nil
	case "__class__":
		return e.class, nil
	case "msg", "message", "reason":
		if len(e.args) > 0 {
			return e.args[0], nil
		}
	}
	return nil, nil
}

// AttrNames implements starlark.HasAttrs.
func (e *Exception) AttrNames() []string { return []string{"args", "__cause__", "__class__"} }
