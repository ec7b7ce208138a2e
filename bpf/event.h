/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the kernel side tells user space. A record on the ring buffer, and a
 * row of an iterator, is one struct event followed by path_len + cgroup_len +
 * args_len bytes of text. Numbers are in host byte order.
 */
#ifndef PORTWATCH_EVENT_H
#define PORTWATCH_EVENT_H

enum kind {
	KIND_OPEN = 1,	 /* a hook: the socket is open now */
	KIND_CLOSE = 2,	 /* a hook: it is about to be closed */
	KIND_SOCKET = 3, /* a row: it is open; pid 0, uid is that of the socket */
	KIND_HOLDER = 4, /* a row: it is open and this process has it as a file */
};

enum flag {
	FLAG_V6ONLY = 1 << 0,
	FLAG_REUSEPORT = 1 << 1,
	FLAG_KERN_SOCK = 1 << 2,    /* sk_kern_sock; also set on every MPTCP subflow */
	FLAG_MPTCP = 1 << 3,
	FLAG_NO_FILE = 1 << 4,	    /* no file refers to it: nothing in user space holds it */
	FLAG_PATH_CUT = 1 << 5,	    /* the path's leading folders are missing */
	FLAG_PATH_DETACHED = 1 << 6, /* the path ends at no mount: memfd, unmounted */
	FLAG_CGROUP_CUT = 1 << 7,
	FLAG_SAME_PROCESS = 1 << 8, /* a row of the process of the row before it: text left out */
	FLAG_HAS_EXE = 1 << 9,
};

struct event {
	__u64 time;	    /* ns, CLOCK_BOOTTIME */
	__u64 cookie;	    /* socket cookie; 0 only in KIND_HOLDER, if none was given yet */
	__u64 sk;	    /* address of the struct sock, stands in for a missing cookie */
	__u64 cgroup;	    /* id of the process's cgroup in the default hierarchy */
	__u64 start;	    /* of the process, ns, CLOCK_BOOTTIME */
	__u64 exe_ino;	    /* inode number of the executable */
	__u32 exe_dev;	    /* kernel's dev_t of its file system */
	__u32 exe_nlink;    /* its link count: 0 if deleted */
	__u32 netns;	    /* inode numbers of namespaces */
	__u32 pidns;
	__u32 mntns;
	__u32 pid;	    /* thread group id in the first pid namespace */
	__u32 tid;
	__u32 ppid;
	__u32 uid;
	__u32 gid;
	__u32 backlog;
	__u32 ifindex;	    /* SO_BINDTODEVICE */
	__u32 flags;	    /* enum flag */
	__u16 family;
	__u16 protocol;	    /* IPPROTO_MPTCP (262) needs 16 bits */
	__u16 port;
	__u16 requested_port; /* 0 if the kernel chose */
	__u16 peer_port;    /* of a connected UDP socket */
	__u16 path_len;	    /* executable: names, leaf first, each with its NUL */
	__u16 cgroup_len;   /* the same for the cgroup */
	__u16 args_len;	    /* command line: arguments, each with its NUL */
	__u8 kind;
	__u8 state;	    /* skc_state */
	__u16 pad;
	__u8 addr[16];	    /* local address, network byte order; IPv4 in the first 4 */
	char comm[16];	    /* of the thread group leader, NUL-padded */
};

_Static_assert(sizeof(struct event) == 152, "struct event has a hole or grew");

#endif
