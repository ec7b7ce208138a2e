package probe

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf/btf"
)

// A hook on a function whose parameters differ from those its program reads
// loads, attaches and reports nonsense or nothing, so the signature is looked
// up first.

// checkFunc returns an error unless the kernel has the function and its first
// parameter is a pointer to the struct.
func checkFunc(kernel *btf.Spec, function, structure string) error {
	var fn *btf.Func
	if err := kernel.TypeByName(function, &fn); err != nil {
		return fmt.Errorf("look up %s in BTF: %w", function, err)
	}
	proto, ok := fn.Type.(*btf.FuncProto)
	if !ok || len(proto.Params) == 0 || !pointsTo(proto.Params[0].Type, structure) {
		return fmt.Errorf("%s has an unknown signature: its first parameter is not a struct %s *", function, structure)
	}
	return nil
}

// checkTracepoint does the same for a tracepoint with these parameters behind
// the one that every tracepoint's callback begins with; "" is an int.
func checkTracepoint(kernel *btf.Spec, name string, structures ...string) error {
	var def *btf.Typedef
	if err := kernel.TypeByName("btf_trace_"+name, &def); err != nil {
		return fmt.Errorf("look up tracepoint %s in BTF: %w", name, err)
	}
	ptr, ok := def.Type.(*btf.Pointer)
	if !ok {
		return fmt.Errorf("tracepoint %s has an unknown signature", name)
	}
	proto, ok := ptr.Target.(*btf.FuncProto)
	if !ok || len(proto.Params) != len(structures)+1 {
		return fmt.Errorf("tracepoint %s has an unknown signature: not %d parameters", name, len(structures))
	}
	for i, s := range structures {
		t := proto.Params[i+1].Type
		if s == "" {
			if n, ok := btf.UnderlyingType(t).(*btf.Int); ok && n.Size == 4 {
				continue
			}
		} else if pointsTo(t, s) {
			continue
		}
		return fmt.Errorf("tracepoint %s has an unknown signature: parameter %d", name, i+1)
	}
	return nil
}

func pointsTo(t btf.Type, structure string) bool {
	ptr, ok := btf.UnderlyingType(t).(*btf.Pointer)
	if !ok {
		return false
	}
	s, ok := btf.UnderlyingType(ptr.Target).(*btf.Struct)
	return ok && s.Name == structure
}

// ErrNoBTF is returned by Open on a kernel that does not describe its types.
var ErrNoBTF = errors.New("the kernel has no BTF")
