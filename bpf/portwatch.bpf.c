// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The kernel side of portwatch: hooks that see a port open or close, and
 * iterators that list what is open, all saying the same struct event.
 *
 * There are two sets of hooks for the same facts, because trampolines (fexit)
 * are not to be had everywhere. User space loads one set for each concern:
 *
 *   concern    fexit tier                       cgroup tier
 *   TCP open   fexit/inet_csk_listen_start      sock_ops LISTEN_CB
 *   TCP close  tp_btf/inet_sock_set_state       the same
 *   UDP open   fexit/inet_bind, inet6_bind      cgroup/bind*, post_bind*
 *   UDP close  fentry/udp_lib_unhash            cgroup/sock_release
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define RING_BYTES (1 << 20)
#define OVERFLOW_ENTRIES 16384
#define SCRATCH_SLOTS 4
#define NAME_BYTES 256	 /* NAME_MAX and its NUL */
#define TEXT_BYTES 1024	 /* a name may begin below this offset */
#define PATH_BYTES 704	 /* no further name of the path begins behind this offset */
#define CGROUP_BYTES 960 /* nor of the cgroup behind this one */
#define ARGS_BYTES 256

/* What cannot go on the ring is folded by what an operator would call a port. */
struct overflow_key {
	__u32 netns;
	__u16 family;
	__u16 port;
	__u8 addr[16];
	__u32 protocol;
};

struct overflow {
	struct event event; /* the first one; without text */
	__u64 count;
};

/*
 * A record under construction. It is too large for the stack, and reserving
 * the largest size on the ring for each would waste most of the ring.
 */
struct scratch {
	__u64 count; /* 1: with event it makes a struct overflow */
	struct event event;
	__u8 text[TEXT_BYTES + NAME_BYTES];
	__u32 busy;
	__u32 text_len;
};

/* What we know of a UDP socket: the socket's own storage dies with it. */
struct tag {
	__u16 requested_port;
	__u8 open; /* an open event was sent, or a row of it */
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} pw_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, OVERFLOW_ENTRIES);
	__type(key, struct overflow_key);
	__type(value, struct overflow);
} pw_overflow SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct scratch);
} pw_scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tag);
} pw_tag SEC(".maps");

/*
 * Counters, read by user space and never reset. An event that could not be
 * put on the ring is counted exactly once, in opens or in closes.
 */
struct losses {
	__u64 opens;	/* opens not sent; folded into pw_overflow but for the next two */
	__u64 unfolded; /* of these: pw_overflow was full as well */
	__u64 scratch;	/* of these: no scratch record was free */
	__u64 closes;	/* closes not sent */
	__u64 rows;	/* rows of an iterator left out: no scratch record was free */
	__u64 tags;	/* UDP sockets whose close will not be seen: no memory for a tag */
};

struct losses lost;

/* The process of the iterator's last row, to leave out its text in the next. */
struct {
	__u64 session;
	__u32 pid;
} last_row;

/* --- scratch records ---------------------------------------------------- */

/*
 * Cgroup and trampoline programs can be preempted by another task on the same
 * CPU that runs one of our programs: a slot is taken by an exchange, and the
 * next one is tried.
 */
static __always_inline struct scratch *scratch_get(void)
{
	struct scratch *s;
	__u32 i;

	for (i = 0; i < SCRATCH_SLOTS; i++) {
		__u32 slot = i;

		s = bpf_map_lookup_elem(&pw_scratch, &slot);
		if (!s)
			return NULL;
		if (!__sync_lock_test_and_set(&s->busy, 1)) {
			__builtin_memset(&s->event, 0, sizeof(s->event));
			s->count = 1;
			s->text_len = 0;
			return s;
		}
	}
	return NULL;
}

static __always_inline void scratch_put(struct scratch *s)
{
	__sync_lock_test_and_set(&s->busy, 0);
}

/* Appends a name and its NUL; returns false if it did not fit or is empty. */
static __always_inline bool append(struct scratch *s, const void *name, __u32 limit)
{
	__u32 off = s->text_len;
	long n;

	if (off > limit)
		return false;
	/* 6.1's verifier does not take the comparison for a bound. */
	asm volatile("%0 &= 1023" : "+r"(off));
	n = bpf_probe_read_kernel_str(s->text + off, NAME_BYTES, name);
	if (n <= 1)
		return false;
	s->text_len = off + n;
	return true;
}

/* --- who ------------------------------------------------------------------ */

struct path_walk {
	struct scratch *s;
	struct dentry *dentry;
	struct mount *mnt;
};

/* BPF_CORE_READ() would take our own struct for one of the kernel's: hence the copies. */
static long path_step(__u32 i, void *ctx)
{
	struct path_walk *w = ctx;
	struct dentry *dentry = w->dentry, *parent;
	struct mount *mnt = w->mnt, *up;

	if (dentry == BPF_CORE_READ(mnt, mnt.mnt_root)) {
		up = BPF_CORE_READ(mnt, mnt_parent);
		if (up == mnt)
			return 1;
		w->dentry = BPF_CORE_READ(mnt, mnt_mountpoint);
		w->mnt = up;
		return 0;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	if (!append(w->s, BPF_CORE_READ(dentry, d_name.name), PATH_BYTES)) {
		w->s->event.flags |= FLAG_PATH_CUT;
		return 1;
	}
	if (parent == dentry) {
		w->s->event.flags |= FLAG_PATH_DETACHED;
		return 1;
	}
	w->dentry = parent;
	return 0;
}

#define PATH_STEPS 64

/*
 * The executable: its inode and its path from the root of its mount
 * namespace. /proc/PID/exe would be too late for a process that exits.
 */
static __always_inline void fill_exe(struct scratch *s, struct task_struct *t)
{
	struct event *e = &s->event;
	struct path_walk w = {.s = s};
	struct inode *inode;
	struct file *exe;
	long steps;

	exe = BPF_CORE_READ(t, mm, exe_file);
	if (!exe)
		return;
	e->flags |= FLAG_HAS_EXE;
	inode = BPF_CORE_READ(exe, f_inode);
	e->exe_ino = BPF_CORE_READ(inode, i_ino);
	e->exe_dev = BPF_CORE_READ(inode, i_sb, s_dev);
	e->exe_nlink = BPF_CORE_READ(inode, i_nlink);

	w.dentry = BPF_CORE_READ(exe, f_path.dentry);
	w.mnt = (void *)BPF_CORE_READ(exe, f_path.mnt) - bpf_core_field_offset(struct mount, mnt);
	steps = bpf_loop(PATH_STEPS, path_step, &w, 0);
	if (steps == PATH_STEPS)
		e->flags |= FLAG_PATH_CUT;
	e->path_len = s->text_len;
}

struct cgroup_walk {
	struct scratch *s;
	struct kernfs_node *kn;
};

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___parent *since_6_15 = (void *)kn;

	if (bpf_core_field_exists(since_6_15->__parent))
		return BPF_CORE_READ(since_6_15, __parent);
	return BPF_CORE_READ(kn, parent);
}

static long cgroup_step(__u32 i, void *ctx)
{
	struct cgroup_walk *w = ctx;
	struct kernfs_node *kn = w->kn, *parent = kernfs_parent(kn);

	if (!parent)
		return 1;
	if (!append(w->s, BPF_CORE_READ(kn, name), CGROUP_BYTES)) {
		w->s->event.flags |= FLAG_CGROUP_CUT;
		return 1;
	}
	w->kn = parent;
	return 0;
}

#define CGROUP_STEPS 32

static __always_inline void fill_cgroup(struct scratch *s, struct task_struct *t)
{
	struct kernfs_node *kn = BPF_CORE_READ(t, cgroups, dfl_cgrp, kn);
	struct cgroup_walk w = {.s = s, .kn = kn};

	s->event.cgroup = BPF_CORE_READ(kn, id);
	if (bpf_loop(CGROUP_STEPS, cgroup_step, &w, 0) == CGROUP_STEPS)
		s->event.flags |= FLAG_CGROUP_CUT;
	s->event.cgroup_len = s->text_len - s->event.path_len;
}

/* Only of the current task: it reads the task's own memory. May fault: then there is none. */
static __always_inline void fill_args(struct scratch *s, struct task_struct *t)
{
	unsigned long start = BPF_CORE_READ(t, mm, arg_start);
	unsigned long n = BPF_CORE_READ(t, mm, arg_end) - start;
	__u32 off = s->text_len;

	if (!start)
		return;
	if (n > ARGS_BYTES)
		n = ARGS_BYTES;
	asm volatile("%0 &= 1023" : "+r"(off));
	if (bpf_probe_read_user(s->text + off, n, (void *)start))
		return;
	s->event.args_len = n;
	s->text_len = off + n;
}

static __always_inline void fill_numbers(struct event *e, struct task_struct *t)
{
	struct task_struct *leader = t->group_leader;

	e->pid = t->tgid;
	e->tid = t->pid;
	e->ppid = t->real_parent->tgid;
	e->start = leader->start_boottime;
	e->uid = t->cred->uid.val;
	e->gid = t->cred->gid.val;
	e->mntns = BPF_CORE_READ(t, nsproxy, mnt_ns, ns.inum);
	e->pidns = BPF_CORE_READ(t, nsproxy, pid_ns_for_children, ns.inum);
	BPF_CORE_READ_INTO(&e->comm, t, group_leader, comm);
}

/* --- which socket --------------------------------------------------------- */

static __always_inline void fill_sock(struct event *e, struct sock *sk)
{
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);

	e->sk = (__u64)sk;
	e->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	e->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	e->protocol = BPF_CORE_READ(sk, sk_protocol);
	e->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	e->peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	e->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	e->ifindex = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	e->backlog = BPF_CORE_READ(sk, sk_max_ack_backlog);
	if (BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK)
		e->requested_port = e->port;
	if (e->family == AF_INET6)
		BPF_CORE_READ_INTO(&e->addr, sk, __sk_common.skc_v6_rcv_saddr);
	else
		BPF_CORE_READ_INTO((__be32 *)e->addr, sk, __sk_common.skc_rcv_saddr);
	if (BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only))
		e->flags |= FLAG_V6ONLY;
	if (BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_reuseport))
		e->flags |= FLAG_REUSEPORT;
	if (BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock))
		e->flags |= FLAG_KERN_SOCK;
	if (e->protocol == IPPROTO_TCP && bpf_core_field_exists(((struct tcp_sock *)0)->is_mptcp) &&
	    BPF_CORE_READ_BITFIELD_PROBED((struct tcp_sock *)sk, is_mptcp))
		e->flags |= FLAG_MPTCP;
	if (!socket || !BPF_CORE_READ(socket, file))
		e->flags |= FLAG_NO_FILE;
}

/* --- sending -------------------------------------------------------------- */

/*
 * Wakes the reader after a loss was written down. The order matters: if the
 * record is refused too, the ring was full after the loss was counted, so the
 * reader still has records to take and will see the count when it is done.
 */
static __always_inline void wake(void)
{
	__u64 nothing = 0;

	bpf_ringbuf_output(&pw_events, &nothing, sizeof(nothing), BPF_RB_FORCE_WAKEUP);
}

static __always_inline void fold(struct event *e)
{
	struct overflow_key key = {
		.netns = e->netns, .family = e->family, .port = e->port, .protocol = e->protocol};
	struct scratch *s = (void *)e - __builtin_offsetof(struct scratch, event);
	struct overflow *o, first;

	__builtin_memcpy(key.addr, e->addr, sizeof(key.addr));
	o = bpf_map_lookup_elem(&pw_overflow, &key);
	if (!o) {
		__builtin_memcpy(&first.event, e, sizeof(first.event));
		first.count = s->count;
		if (!bpf_map_update_elem(&pw_overflow, &key, &first, BPF_NOEXIST))
			return;
		o = bpf_map_lookup_elem(&pw_overflow, &key);
	}
	if (o)
		__sync_fetch_and_add(&o->count, 1);
	else
		__sync_fetch_and_add(&lost.unfolded, 1);
}

static __always_inline void send_open(struct scratch *s)
{
	__u32 n = s->text_len;

	asm volatile("%0 &= 2047" : "+r"(n));
	if (n > sizeof(s->text))
		n = sizeof(s->text);
	if (!bpf_ringbuf_output(&pw_events, &s->event, sizeof(s->event) + n, 0))
		return;
	fold(&s->event);
	__sync_fetch_and_add(&lost.opens, 1);
	wake();
}

/* The open of a socket by the current task. requested < 0: what the socket says. */
static __always_inline void open(struct sock *sk, __u64 cookie, int requested)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct scratch *s = scratch_get();

	if (!s) {
		__sync_fetch_and_add(&lost.scratch, 1);
		__sync_fetch_and_add(&lost.opens, 1);
		wake();
		return;
	}
	s->event.kind = KIND_OPEN;
	s->event.time = bpf_ktime_get_boot_ns();
	s->event.cookie = cookie;
	fill_sock(&s->event, sk);
	if (requested >= 0)
		s->event.requested_port = requested;
	fill_numbers(&s->event, t);
	fill_exe(s, t);
	fill_cgroup(s, t);
	fill_args(s, t);
	send_open(s);
	scratch_put(s);
}

/* The close of a socket; the current task is the last holder, not the opener. */
static __always_inline void close(struct sock *sk, __u64 cookie)
{
	struct event *e = bpf_ringbuf_reserve(&pw_events, sizeof(*e), 0);
	struct task_struct *t = bpf_get_current_task_btf();

	if (!e) {
		__sync_fetch_and_add(&lost.closes, 1);
		wake();
		return;
	}
	/* Ring memory holds old bytes. */
	__builtin_memset(e, 0, sizeof(*e));
	e->kind = KIND_CLOSE;
	e->time = bpf_ktime_get_boot_ns();
	e->cookie = cookie;
	e->sk = (__u64)sk;
	e->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	e->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	e->protocol = BPF_CORE_READ(sk, sk_protocol);
	e->pid = t->tgid;
	e->tid = t->pid;
	bpf_ringbuf_submit(e, 0);
}

/* --- TCP ------------------------------------------------------------------ */

/*
 * inet_csk_listen_start() is where every listen(2) on TCP ends, MPTCP's on
 * its subflow too; at its exit the port is final and the result is known.
 * Its second parameter (backlog) went away in 5.19, hence no typed prototype.
 */
SEC("fexit/inet_csk_listen_start")
int pw_tcp_listen(__u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];
	__u64 ret = 0;

	if (bpf_get_func_ret(ctx, &ret) || (int)ret)
		return 0;
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	open(sk, bpf_get_socket_cookie(sk), -1);
	return 0;
}

/* Called after inet_csk_listen_start() succeeded, for sockets of every cgroup below the link's. */
SEC("sockops")
int pw_tcp_sockops(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *bsk;
	struct sock *sk;

	if (ctx->op != BPF_SOCK_OPS_TCP_LISTEN_CB)
		return 1;
	bsk = ctx->sk;
	if (!bsk)
		return 1;
	sk = (void *)bpf_skc_to_tcp_sock(bsk);
	if (!sk)
		return 1;
	open(sk, bpf_get_socket_cookie(ctx), -1);
	return 1;
}

/*
 * Exactly LISTEN -> CLOSE: an accepted connection's socket goes from LISTEN
 * to SYN_RECV and is none of ours. Ports that were not asked for are already
 * 0 here, so user space knows the socket by its cookie.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(pw_tcp_close, struct sock *sk, int oldstate, int newstate)
{
	if (oldstate != TCP_LISTEN || newstate != TCP_CLOSE)
		return 0;
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	close(sk, bpf_get_socket_cookie(sk));
	return 0;
}

/* --- UDP ------------------------------------------------------------------ */

/* At the exit of bind(2) the socket says itself whether the port was asked for. */
static __always_inline int udp_bind(__u64 *ctx)
{
	struct socket *socket = (void *)ctx[0];
	struct sock *sk = socket->sk;
	struct tag *tag;
	__u64 ret = 0;

	if (bpf_get_func_ret(ctx, &ret) || (int)ret)
		return 0;
	/* A raw socket of this protocol is bound here as well. */
	if (!sk || sk->sk_protocol != IPPROTO_UDP || sk->sk_type != SOCK_DGRAM)
		return 0;
	/* IP_BIND_ADDRESS_NO_PORT: bound to an address alone. */
	if (!sk->__sk_common.skc_num)
		return 0;
	tag = bpf_sk_storage_get(&pw_tag, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (tag)
		tag->open = 1;
	else
		__sync_fetch_and_add(&lost.tags, 1);
	open(sk, bpf_get_socket_cookie(sk), -1);
	return 0;
}

SEC("fexit/inet_bind")
int pw_udp_bind4(__u64 *ctx)
{
	return udp_bind(ctx);
}

SEC("fexit/inet6_bind")
int pw_udp_bind6(__u64 *ctx)
{
	return udp_bind(ctx);
}

/*
 * Where a UDP socket gives up its port: at close and at a disconnect. Only at
 * entry is the port still set. Every DNS client passes here; without a tag
 * that costs one look-up.
 */
SEC("fentry/udp_lib_unhash")
int BPF_PROG(pw_udp_unhash, struct sock *sk)
{
	struct tag *tag = bpf_sk_storage_get(&pw_tag, sk, NULL, 0);

	if (!tag || !tag->open)
		return 0;
	tag->open = 0;
	close(sk, bpf_get_socket_cookie(sk));
	return 0;
}

/*
 * Before bind(2): notes which port was asked for. The socket itself knows it
 * only after post_bind.
 */
static __always_inline int note_request(struct bpf_sock_addr *ctx)
{
	struct tag *tag;

	if (ctx->protocol != IPPROTO_UDP || !ctx->sk)
		return 1;
	tag = bpf_sk_storage_get(&pw_tag, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (tag)
		tag->requested_port = bpf_ntohs(ctx->user_port);
	return 1;
}

SEC("cgroup/bind4")
int pw_udp_ask4(struct bpf_sock_addr *ctx)
{
	return note_request(ctx);
}

SEC("cgroup/bind6")
int pw_udp_ask6(struct bpf_sock_addr *ctx)
{
	return note_request(ctx);
}

/*
 * The socket has its port. A program of a cgroup further down that ran before
 * us and denied the bind shows in bpf_get_retval().
 */
static __always_inline int udp_bound(struct bpf_sock *ctx)
{
	struct sock *sk = (void *)ctx;
	struct tag *tag;
	int requested = 0;

	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_UDP || !BPF_CORE_READ(sk, __sk_common.skc_num))
		return 1;
	if (bpf_get_retval() < 0)
		return 1;
	tag = bpf_sk_storage_get(&pw_tag, ctx, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (tag) {
		requested = tag->requested_port;
		tag->open = 1;
	} else {
		__sync_fetch_and_add(&lost.tags, 1);
	}
	open(sk, bpf_get_socket_cookie(ctx), requested);
	return 1;
}

SEC("cgroup/post_bind4")
int pw_udp_bound4(struct bpf_sock *ctx)
{
	return udp_bound(ctx);
}

SEC("cgroup/post_bind6")
int pw_udp_bound6(struct bpf_sock *ctx)
{
	return udp_bound(ctx);
}

/* The end of every socket that user space made. */
SEC("cgroup/sock_release")
int pw_udp_release(struct bpf_sock *ctx)
{
	struct tag *tag = bpf_sk_storage_get(&pw_tag, ctx, NULL, 0);

	if (!tag || !tag->open)
		return 1;
	tag->open = 0;
	close((void *)ctx, bpf_get_socket_cookie(ctx));
	return 1;
}

/* --- what is open already ------------------------------------------------- */

static __always_inline long write_row(struct bpf_iter_meta *meta, struct scratch *s)
{
	__u32 n = s->text_len;

	asm volatile("%0 &= 2047" : "+r"(n));
	if (n > sizeof(s->text))
		n = sizeof(s->text);
	return bpf_seq_write(meta->seq, &s->event, sizeof(s->event) + n);
}

static __always_inline int row(struct bpf_iter_meta *meta, struct sock *sk, __u64 cookie)
{
	struct scratch *s = scratch_get();

	if (!s) {
		__sync_fetch_and_add(&lost.rows, 1);
		return 0;
	}
	s->event.kind = KIND_SOCKET;
	s->event.cookie = cookie;
	fill_sock(&s->event, sk);
	s->event.uid = BPF_CORE_READ(sk, sk_uid.val);
	write_row(meta, s);
	scratch_put(s);
	return 0;
}

/* All TCP sockets of the network namespace in which the iterator was opened. */
SEC("iter/tcp")
int pw_iter_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;

	if (!skc || skc->skc_state != TCP_LISTEN)
		return 0;
	return row(ctx->meta, (void *)skc, bpf_get_socket_cookie(skc));
}

/* All UDP sockets of that namespace. The tag makes their close visible. */
SEC("iter/udp")
int pw_iter_udp(struct bpf_iter__udp *ctx)
{
	struct sock *sk = (void *)ctx->udp_sk;
	struct tag *tag;

	if (!sk || !sk->__sk_common.skc_num)
		return 0;
	tag = bpf_sk_storage_get(&pw_tag, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (tag)
		tag->open = 1;
	else
		__sync_fetch_and_add(&lost.tags, 1);
	return row(ctx->meta, sk, bpf_get_socket_cookie(sk));
}

/* All files of all processes of our pid namespace: who holds which socket, in whatever network namespace. */
SEC("iter/task_file")
int pw_iter_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *t = ctx->task;
	struct file *file = ctx->file;
	struct sock *sk, *wire;
	struct socket *socket;
	struct scratch *s;
	struct tag *tag;
	__u64 cookie;

	if (!t || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	wire = sk;
	switch (sk->sk_protocol) {
	case IPPROTO_TCP:
		if (sk->__sk_common.skc_state != TCP_LISTEN)
			return 0;
		cookie = bpf_get_socket_cookie(sk);
		break;
	case IPPROTO_MPTCP:
		/* The program's socket is a shell around the subflow that listens. */
		if (sk->__sk_common.skc_state != TCP_LISTEN)
			return 0;
		wire = BPF_CORE_READ((struct mptcp_sock *)sk, first);
		if (!wire)
			return 0;
		cookie = BPF_CORE_READ(wire, __sk_common.skc_cookie.counter);
		break;
	case IPPROTO_UDP:
		/* A raw socket of this protocol has the protocol's number for a port. */
		if (sk->sk_type != SOCK_DGRAM || !sk->__sk_common.skc_num)
			return 0;
		tag = bpf_sk_storage_get(&pw_tag, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
		if (tag)
			tag->open = 1;
		else
			__sync_fetch_and_add(&lost.tags, 1);
		cookie = bpf_get_socket_cookie(sk);
		break;
	default:
		return 0;
	}
	if (sk->__sk_common.skc_family != AF_INET && sk->__sk_common.skc_family != AF_INET6)
		return 0;

	s = scratch_get();
	if (!s) {
		__sync_fetch_and_add(&lost.rows, 1);
		return 0;
	}
	s->event.kind = KIND_HOLDER;
	s->event.cookie = cookie;
	fill_sock(&s->event, wire);
	fill_numbers(&s->event, t);
	if (last_row.session == ctx->meta->session_id && last_row.pid == s->event.pid) {
		s->event.flags |= FLAG_SAME_PROCESS;
	} else {
		fill_exe(s, t);
		fill_cgroup(s, t);
	}
	/* A row that does not fit in the reader's buffer is asked for again. */
	if (!write_row(ctx->meta, s)) {
		last_row.session = ctx->meta->session_id;
		last_row.pid = s->event.pid;
	}
	scratch_put(s);
	return 0;
}
