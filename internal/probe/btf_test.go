package probe

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf/btf"
)

// The signatures that the programs rely on, as this kernel has them, and what
// is said of others.
func TestSignaturesAreChecked(t *testing.T) {
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		t.Fatalf("this kernel has no BTF: %v", err)
	}
	for _, h := range hooks() {
		if h.check == nil {
			continue
		}
		if err := h.check(kernel); err != nil {
			t.Errorf("%s: %v", h.name, err)
		}
	}
	if err := checkFunc(kernel, "inet_csk_listen_start", "socket"); err == nil {
		t.Error("a first parameter of struct sock * was taken for a struct socket *")
	}
	if err := checkFunc(kernel, "no_such_function", "sock"); !errors.Is(err, btf.ErrNotFound) {
		t.Errorf("a function that is missing: %v", err)
	}
	if err := checkTracepoint(kernel, "inet_sock_set_state", "sock", ""); err == nil {
		t.Error("a tracepoint with another number of parameters was accepted")
	}
	if err := checkTracepoint(kernel, "inet_sock_set_state", "sock", "sock", ""); err == nil {
		t.Error("a tracepoint with an int was taken for one with a struct sock *")
	}
}
