package probe

// The object is committed, so that building portwatch needs no clang; "make
// bpf" makes it anew.

//go:generate sh -c "clang-19 --version | head -n 1 >bpf_bpfel.clang"
//go:generate go tool bpf2go -cc clang-19 -target bpfel -cflags "-O2 -g -Wall -Werror -mcpu=v3" -type event bpf ../../bpf/portwatch.bpf.c -- -I../../bpf
