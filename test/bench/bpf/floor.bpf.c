// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The least that can tell a reader of a port that opens: 40 bytes on a ring
 * buffer of 256 KiB. What portwatch costs is measured beside it.
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct record {
	__u64 time;
	__u64 cookie;
	__u64 pid_tgid;
	__u32 port;
	__u32 family;
	__u64 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 << 10);
} events SEC(".maps");

SEC("sockops")
int floor_listen(struct bpf_sock_ops *ctx)
{
	struct record *r;

	if (ctx->op != BPF_SOCK_OPS_TCP_LISTEN_CB)
		return 1;
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r)
		return 1;
	r->time = bpf_ktime_get_boot_ns();
	r->cookie = bpf_get_socket_cookie(ctx);
	r->pid_tgid = 0;
	r->port = ctx->local_port;
	r->family = ctx->family;
	r->pad = 0;
	bpf_ringbuf_submit(r, 0);
	return 1;
}
