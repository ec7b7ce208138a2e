package pyrt

import (
	"go.starlark.net/starlark"
)

// A method is a method of a built-in type; self is of that type.
type method func(rt *Runtime, self starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)

// A Type is a class that is no exception: str, dict, datetime.
type Type struct {
	name    string
	rt      *Runtime
	make    Func
	is      func(starlark.Value) bool
	methods map[string]method
	attrs   starlark.StringDict
}

// NewType returns a type. What make is nil for cannot be called.
func (rt *Runtime) NewType(name string, make Func, is func(starlark.Value) bool) *Type {
	return &Type{name: name, rt: rt, make: make, is: is, attrs: starlark.StringDict{}}
}

// Set gives the type an attribute and returns the type.
func (t *Type) Set(name string, v starlark.Value) *Type {
	t.attrs[name] = v
	return t
}

// SetFunc gives the type a function, such as datetime.now.
func (t *Type) SetFunc(name string, fn Func) *Type {
	return t.Set(name, t.rt.NewBuiltin(name, fn))
}

func (t *Type) Name() string          { return t.name }
func (t *Type) String() string        { return "<class '" + t.name + "'>" }
func (t *Type) Type() string          { return "type" }
func (t *Type) Freeze()               {}
func (t *Type) Truth() starlark.Bool  { return true }
func (t *Type) Hash() (uint32, error) { return starlark.String(t.name).Hash() }

// CallInternal makes a value of the type.
func (t *Type) CallInternal(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if t.make == nil {
		return nil, Raisef(TypeError, "cannot create '%s' instances", t.name)
	}
	return t.make(t.rt, args, kwargs)
}

// Attr implements starlark.HasAttrs.
func (t *Type) Attr(name string) (starlark.Value, error) {
	if v := t.attrs[name]; v != nil {
		return v, nil
	}
	if name == "__name__" || name == "__qualname__" {
		return starlark.String(t.name), nil
	}
	if m := t.methods[name]; m != nil {
		return t.rt.NewBuiltin(name, func(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			if len(args) == 0 || !t.is(args[0]) {
				return nil, Raisef(TypeError, "unbound method %s.%s() needs an argument", t.name, name)
			}
			return m(rt, args[0], args[1:], kwargs)
		}), nil
	}
	return nil, nil
}

// AttrNames implements starlark.HasAttrs.
func (t *Type) AttrNames() []string { return t.attrs.Keys() }

func (rt *Runtime) addTypes() {
	add := func(name string, make Func, is func(starlark.Value) bool, methods map[string]method) *Type {
		t := rt.NewType(name, make, is)
		t.methods = methods
		rt.names[name] = t
		return t
	}
	rt.strType = add("str", makeStr, isA[starlark.String], rt.methods.str).SetFunc("maketrans", strMakeTrans)
	rt.bytesType = add("bytes", makeBytes, isA[starlark.Bytes], rt.methods.bytes)
	rt.intType = add("int", makeInt, func(v starlark.Value) bool {
		_, ok := integer(v)
		return ok
	}, rt.methods.int).SetFunc("from_bytes", intFromBytes)
	rt.floatType = add("float", makeFloat, isA[starlark.Float], rt.methods.float).SetFunc("fromhex", floatFromHex)
	rt.boolType = add("bool", makeBool, isA[starlark.Bool], rt.methods.int)
	rt.listType = add("list", makeList, isA[*starlark.List], rt.methods.list)
	rt.tupleType = add("tuple", makeTuple, isA[starlark.Tuple], rt.methods.tuple)
	rt.dictType = add("dict", makeDict, isDict, rt.methods.dict).SetFunc("fromkeys", dictFromKeys)
	rt.setType = add("set", makeSet, isA[*starlark.Set], rt.methods.set)
	rt.frozensetType = add("frozenset", makeSet, isA[*starlark.Set], rt.methods.set)
	rt.rangeType = add("range", makeRange, isA[*Range], nil)
	rt.typeType = add("type", typeOfValue, isClass, nil)
	rt.objectType = add("object", makeObject, func(starlark.Value) bool { return true }, nil)
	rt.noneType = rt.NewType("NoneType", nil, isA[starlark.NoneType])
	rt.functionType = rt.NewType("function", nil, isFunction)
}

func isA[T starlark.Value](v starlark.Value) bool {
	_, ok := v.(T)
	return ok
}

func isDict(v starlark.Value) bool {
	_, ok := asDict(v)
	return ok
}

func isClass(v starlark.Value) bool {
	switch v.(type) {
	case *Type, *Class:
		return true
	}
	return false
}

func isFunction(v starlark.Value) bool {
	switch v.(type) {
	case *starlark.Function, *Builtin, *boundMethod:
		return true
	}
	return false
}

// TypeName returns the name of v's type as Python says it.
func TypeName(v starlark.Value) string {
	if v == nil {
		return "NoneType"
	}
	return pythonName(v.Type())
}

func pythonName(name string) string {
	switch name {
	case "string":
		return "str"
	case "NoneType", "int", "float", "bool", "list", "tuple", "dict", "set", "bytes", "function":
		return name
	}
	return name
}

// typeOf returns the class of a value.
func (rt *Runtime) typeOf(v starlark.Value) starlark.Value {
	switch v := v.(type) {
	case starlark.String:
		return rt.strType
	case starlark.Bytes:
		return rt.bytesType
	case starlark.Int:
		return rt.intType
	case starlark.Float:
		return rt.floatType
	case starlark.Bool:
		return rt.boolType
	case *starlark.List:
		return rt.listType
	case starlark.Tuple:
		return rt.tupleType
	case *starlark.Dict:
		return rt.dictType
	case *starlark.Set:
		return rt.setType
	case starlark.NoneType:
		return rt.noneType
	case *Range:
		return rt.rangeType
	case *Type, *Class:
		return rt.typeType
	case *Exception:
		return v.class
	case typed:
		return v.PythonType()
	}
	if isFunction(v) {
		return rt.functionType
	}
	return rt.NewType(TypeName(v), nil, func(w starlark.Value) bool { return w.Type() == v.Type() })
}

// typed is a value that knows its type.
type typed interface{ PythonType() *Type }

func typeOfValue(rt *Runtime, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) != 1 || len(kwargs) > 0 {
		return nil, Raisef(TypeError, "type() takes 1 argument: classes cannot be made in rules")
	}
	return rt.typeOf(args[0]), nil
}

// instanceOf reports whether v is an instance of a class or of one of a
// tuple of classes.
func instanceOf(v, class starlark.Value) (bool, error) {
	switch c := class.(type) {
	case *Type:
		return c.is(v), nil
	case *Class:
		e, ok := v.(*Exception)
		return ok && e.class.within(c), nil
	case starlark.Tuple:
		for _, d := range c {
			if ok, err := instanceOf(v, d); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}
	return false, Raisef(TypeError, "isinstance() arg 2 must be a type, a tuple of types, or a union")
}

// An object is what object() returns: equal to itself only.
type object struct{ _ byte }

func makeObject(*Runtime, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return &object{}, nil
}

func (o *object) String() string        { return "<object object>" }
func (o *object) Type() string          { return "object" }
func (o *object) Freeze()               {}
func (o *object) Truth() starlark.Bool  { return true }
func (o *object) Hash() (uint32, error) { return 1, nil }
