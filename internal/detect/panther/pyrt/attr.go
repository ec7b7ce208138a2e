package pyrt

import "go.starlark.net/starlark"

// A boundMethod is a method with its object: x.upper without the call.
type boundMethod struct {
	rt   *Runtime
	self starlark.Value
	name string
	m    method
}

func (b *boundMethod) Name() string { return b.name }
func (b *boundMethod) String() string {
	return "<built-in method " + b.name + " of " + TypeName(b.self) + " object>"
}
func (b *boundMethod) Type() string          { return "builtin_function_or_method" }
func (b *boundMethod) Freeze()               { b.self.Freeze() }
func (b *boundMethod) Truth() starlark.Bool  { return true }
func (b *boundMethod) Hash() (uint32, error) { return starlark.String(b.name).Hash() }

// CallInternal calls the method.
func (b *boundMethod) CallInternal(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return b.m(b.rt, b.self, args, kwargs)
}

// methods are the methods of the built-in types.
type methods struct {
	str, bytes, int, float, list, frozenList, tuple, dict, mapping, set, view map[string]method
}

func allMethods() methods {
	return methods{
		str: strMethods(), bytes: bytesMethods(), int: intMethods(), float: floatMethods(), list: listMethods(),
		frozenList: frozenListMethods(), tuple: tupleMethods(), dict: dictMethods(), mapping: mappingMethods(),
		set: setMethods(), view: viewMethods(),
	}
}

// methodOf returns a method of a built-in type, nil if there is none.
func (rt *Runtime) methodOf(v starlark.Value, name string) method {
	switch v := v.(type) {
	case starlark.String:
		return rt.methods.str[name]
	case *Mapping:
		return rt.methods.mapping[name]
	case *starlark.Dict:
		return rt.methods.dict[name]
	case *starlark.List:
		return rt.methods.list[name]
	case *FrozenList:
		return rt.methods.frozenList[name]
	case *SpecialDict:
		if m := v.methods[name]; m != nil {
			return m
		}
		return rt.methods.dict[name]
	case *starlark.Set:
		return rt.methods.set[name]
	case starlark.Tuple:
		return rt.methods.tuple[name]
	case starlark.Int, starlark.Bool:
		return rt.methods.int[name]
	case starlark.Float:
		return rt.methods.float[name]
	case starlark.Bytes:
		return rt.methods.bytes[name]
	case *dictView:
		return rt.methods.view[name]
	}
	return nil
}

// callMethod is x.name(args...).
func callMethod(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	self, name := args[0], string(args[1].(starlark.String))
	if m := rt.methodOf(self, name); m != nil {
		return m(rt, self, args[2:], kwargs)
	}
	fn, err := rt.attr(self, name)
	if err != nil {
		return nil, err
	}
	return starlark.Call(rt.thread, fn, args[2:], kwargs)
}

func getAttr(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return rt.attr(args[0], string(args[1].(starlark.String)))
}

// attr returns an attribute of a value.
func (rt *Runtime) attr(v starlark.Value, name string) (starlark.Value, error) {
	if m := rt.methodOf(v, name); m != nil {
		return &boundMethod{rt, v, name, m}, nil
	}
	if h, ok := v.(starlark.HasAttrs); ok && !hasStarlarkMethods(v) {
		if w, err := h.Attr(name); w != nil || err != nil {
			return w, err
		}
	}
	switch name {
	case "__class__":
		return rt.typeOf(v), nil
	case "__name__", "__qualname__":
		if f, ok := v.(starlark.Callable); ok {
			return starlark.String(f.Name()), nil
		}
	case "__doc__":
		return starlark.None, nil
	case "real", "numerator":
		if n, ok := integer(v); ok {
			return n, nil
		}
	}
	what := "'" + TypeName(v) + "' object"
	switch v := v.(type) {
	case *Type:
		what = "type object '" + v.name + "'"
	case *Module:
		what = "module '" + v.name + "'"
	}
	return nil, Raisef(AttributeError, "%s has no attribute '%s'", what, name)
}

// hasStarlarkMethods reports whether v's own attributes are Starlark's, which
// are not Python's.
func hasStarlarkMethods(v starlark.Value) bool {
	return isA[starlark.String](v) || isA[starlark.Bytes](v) || isBuiltinValue(v)
}

// A Module is a module as a value.
type Module struct {
	name    string
	members starlark.StringDict
}

// NewModule returns a module with its members.
func NewModule(name string, members starlark.StringDict) *Module { return &Module{name, members} }

func (m *Module) String() string        { return "<module '" + m.name + "'>" }
func (m *Module) Type() string          { return "module" }
func (m *Module) Freeze()               {}
func (m *Module) Truth() starlark.Bool  { return true }
func (m *Module) Hash() (uint32, error) { return starlark.String(m.name).Hash() }

// Name returns the module's name.
func (m *Module) Name() string { return m.name }

// Member returns what the module defines, nil if it does not.
func (m *Module) Member(name string) starlark.Value { return m.members[name] }

// SetMember defines a name in the module.
func (m *Module) SetMember(name string, v starlark.Value) { m.members[name] = v }

// Attr implements starlark.HasAttrs.
func (m *Module) Attr(name string) (starlark.Value, error) {
	if v := m.members[name]; v != nil {
		return Current(v), nil
	}
	if name == "__name__" {
		return starlark.String(m.name), nil
	}
	return nil, nil
}

// AttrNames implements starlark.HasAttrs.
func (m *Module) AttrNames() []string { return m.members.Keys() }

// importModule is "import name".
func importModule(rt *Runtime, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	name := string(args[0].(starlark.String))
	if m := rt.modules[name]; m != nil {
		return m, nil
	}
	return nil, Raisef(ModuleNotFoundError, "No module named '%s'", name)
}

// importFrom is "from module import name".
func importFrom(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	m, err := importModule(rt, args[:1], nil)
	if err != nil {
		return nil, err
	}
	name := string(args[1].(starlark.String))
	v, err := m.(starlark.HasAttrs).Attr(name)
	if err != nil {
		return nil, err
	}
	if v == nil {
		v = rt.modules[string(args[0].(starlark.String))+"."+name]
	}
	if v == nil {
		return nil, Raisef(ImportError, "cannot import name '%s' from %s", name, args[0])
	}
	return v, nil
}
