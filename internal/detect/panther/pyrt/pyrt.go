// Package pyrt holds Python's values and operations on top of Starlark's:
// the $functions that package starpy writes, the built-in functions and
// types, the methods of text, lists, dicts and sets, exceptions, formatting,
// and the events that rules see. It keeps a rule within its limits: steps,
// memory, depth and time.
package pyrt

import (
	"sync/atomic"
	"time"

	"go.starlark.net/starlark"
)

// A Func is a function of Python written in Go.
type Func func(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)

// A Runtime runs the rules of one set. One goroutine at a time may use it.
type Runtime struct {
	Limits Limits

	thread   *starlark.Thread
	guard    *guard
	cancel   func() // stops the thread from another goroutine
	timedOut atomic.Bool
	spent    int64 // bytes made since Begin
	stop     *LimitError
	handling []*Exception // that except clauses are handling now
	epoch    uint64       // counts events: state of an older one is stale
	now      time.Time
	patterns map[string]any // compiled by modules, by their source

	methods methods
	names   starlark.StringDict // what programs may refer to
	modules map[string]starlark.Value

	strType, bytesType, intType, floatType, boolType, listType, tupleType, dictType, setType, frozensetType *Type
	typeType, noneType, functionType, objectType, rangeType, exceptionType                                  *Type
}

// New returns a runtime with the built-in functions and no modules.
func New(limits Limits) *Runtime {
	rt := &Runtime{
		Limits:   limits.orDefault(),
		epoch:    1,
		patterns: map[string]any{},
		names:    starlark.StringDict{},
		modules:  map[string]starlark.Value{},
	}
	rt.guard = &guard{}
	rt.cancel = func() {
		rt.timedOut.Store(true)
		rt.thread.Cancel("time")
	}
	rt.methods = allMethods()
	rt.newThread()
	rt.addOperators()
	rt.addTypes()
	rt.addBuiltins()
	rt.addExceptions()
	return rt
}

func (rt *Runtime) newThread() {
	rt.thread = &starlark.Thread{Name: "rule", Print: func(*starlark.Thread, string) {}}
	rt.thread.SetMaxExecutionSteps(rt.Limits.Steps)
	rt.thread.OnMaxSteps = func(*starlark.Thread) { rt.exceeded("steps") }
}

// Names returns the values that a program may refer to.
func (rt *Runtime) Names() starlark.StringDict { return rt.names }

// Builtin reports whether Python has a built-in of the name.
func (rt *Runtime) Builtin(name string) bool {
	return name != "" && name[0] != '$' && rt.names.Has(name)
}

// SetModule makes a module known to import.
func (rt *Runtime) SetModule(name string, m starlark.Value) { rt.modules[name] = m }

// Now returns the time that a rule sees: that of the event.
func (rt *Runtime) Now() time.Time { return rt.now }

// NextEvent makes all state of modules begin anew; rules see now as the time.
func (rt *Runtime) NextEvent(now time.Time) {
	rt.epoch++
	rt.now = now
}

// Load executes a program and returns what it defines. The values are frozen.
func (rt *Runtime) Load(p *starlark.Program, now time.Time) (starlark.StringDict, error) {
	rt.now = now
	rt.begin()
	defer rt.end()
	globals, err := p.Init(rt.thread, rt.names)
	if err != nil {
		return nil, rt.failure(err)
	}
	for name, v := range globals {
		if s, ok := v.(*State); ok {
			s.settle()
		}
		if name[0] == '$' {
			delete(globals, name)
		}
	}
	globals.Freeze()
	return globals, nil
}

// Call calls a function of a rule with fresh limits.
func (rt *Runtime) Call(fn starlark.Value, args ...starlark.Value) (starlark.Value, error) {
	rt.begin()
	defer rt.end()
	v, err := starlark.Call(rt.thread, Current(fn), args, nil)
	if err != nil {
		return nil, rt.failure(err)
	}
	return v, nil
}

// Do runs f, which may use values of rules, with fresh limits.
func (rt *Runtime) Do(f func() error) error {
	rt.begin()
	defer rt.end()
	if err := f(); err != nil {
		return rt.failure(err)
	}
	return nil
}

// call calls a function within the limits of the call that runs.
func (rt *Runtime) call(fn starlark.Value, args ...starlark.Value) (starlark.Value, error) {
	if rt.thread.CallStackDepth() > rt.Limits.Depth {
		return nil, Raisef(RecursionError, "maximum recursion depth exceeded")
	}
	return starlark.Call(rt.thread, fn, args, nil)
}

// CallBack is for modules: it calls a function that a rule passed.
func (rt *Runtime) CallBack(fn starlark.Value, args ...starlark.Value) (starlark.Value, error) {
	return rt.call(fn, args...)
}

// A Builtin is a function written in Go, as a value.
type Builtin struct {
	name string
	rt   *Runtime
	fn   Func
}

// NewBuiltin returns fn as a value.
func (rt *Runtime) NewBuiltin(name string, fn Func) *Builtin { return &Builtin{name, rt, fn} }

func (b *Builtin) Name() string          { return b.name }
func (b *Builtin) String() string        { return "<built-in function " + b.name + ">" }
func (b *Builtin) Type() string          { return "builtin_function_or_method" }
func (b *Builtin) Freeze()               {}
func (b *Builtin) Truth() starlark.Bool  { return true }
func (b *Builtin) Hash() (uint32, error) { return starlark.String(b.name).Hash() }

// CallInternal implements starlark.Callable.
func (b *Builtin) CallInternal(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return b.fn(b.rt, args, kwargs)
}
