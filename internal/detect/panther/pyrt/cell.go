package pyrt

import "go.starlark.net/starlark"

// A Cell holds a variable of a function that is assigned where Starlark
// cannot. Called without an argument it is read, with one it is set.
type Cell struct {
	name  string
	value starlark.Value // nil while unbound
}

func newCell(_ *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	c := &Cell{name: string(args[0].(starlark.String))}
	if len(args) > 1 {
		c.value = args[1]
	}
	return c, nil
}

func (c *Cell) Name() string          { return c.name }
func (c *Cell) String() string        { return "cell" }
func (c *Cell) Type() string          { return "cell" }
func (c *Cell) Freeze()               {}
func (c *Cell) Truth() starlark.Bool  { return true }
func (c *Cell) Hash() (uint32, error) { return 0, nil }

// CallInternal reads or sets the variable.
func (c *Cell) CallInternal(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) > 0 {
		c.value = args[0]
	}
	if c.value == nil {
		return nil, unbound(c.name)
	}
	return c.value, nil
}

// A State holds a variable of a module that functions change. What they
// change is gone with the next event.
type State struct {
	rt       *Runtime
	name     string
	initial  starlark.Value // after the module was loaded; nil if unbound
	current  starlark.Value
	epoch    uint64
	settled  bool           // the module is loaded
	replaced starlark.Value // by a test
}

func newState(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return &State{rt: rt, name: string(args[0].(starlark.String))}, nil
}

func (s *State) Name() string          { return s.name }
func (s *State) String() string        { return "state" }
func (s *State) Type() string          { return "state" }
func (s *State) Freeze()               {}
func (s *State) Truth() starlark.Bool  { return true }
func (s *State) Hash() (uint32, error) { return 0, nil }

// settle ends the loading of the module.
func (s *State) settle() {
	s.initial, s.current, s.settled = s.current, nil, true
	if s.initial != nil {
		s.initial.Freeze()
	}
}

// Replace puts a value in the place of the variable, for a test.
func (s *State) Replace(v starlark.Value) { s.replaced = v }

// CallInternal reads or sets the variable.
func (s *State) CallInternal(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) > 0 {
		s.current, s.epoch = args[0], s.rt.epoch
		return args[0], nil
	}
	v, err := s.get()
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, Raisef(NameError, "name '%s' is not defined", s.name)
	}
	return v, nil
}

func (s *State) get() (starlark.Value, error) {
	switch {
	case s.replaced != nil:
		return s.replaced, nil
	case !s.settled || s.epoch == s.rt.epoch:
		return s.current, nil
	case s.initial == nil:
		return nil, nil
	}
	v, err := s.rt.DeepCopy(s.initial)
	if err != nil {
		return nil, err
	}
	s.current, s.epoch = v, s.rt.epoch
	return v, nil
}

// Current returns the value of a variable of a module, which may be a State.
func Current(v starlark.Value) starlark.Value {
	if s, ok := v.(*State); ok {
		if w, err := s.get(); err == nil && w != nil {
			return w
		}
		return starlark.None
	}
	return v
}

func unset(_ *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	switch c := args[0].(type) {
	case *Cell:
		if c.value == nil {
			return nil, unbound(c.name)
		}
		c.value = nil
	case *State:
		c.current, c.epoch = nil, c.rt.epoch
	}
	return starlark.None, nil
}

// enter guards a function that may call itself.
func enter(rt *Runtime, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if rt.thread.CallStackDepth() > rt.Limits.Depth {
		return nil, Raisef(RecursionError, "maximum recursion depth exceeded")
	}
	return starlark.None, nil
}
