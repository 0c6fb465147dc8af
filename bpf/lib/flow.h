/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* What a verdict depends on, taken out of the hook's context. For BPF (ctx.h fills it) and userspace. */
#ifndef SHUNT_FLOW_H
#define SHUNT_FLOW_H

#include "bytes.h"

enum shunt_flow_flag {
	SHUNT_FLOW_TCP = 1u << 0,
	SHUNT_FLOW_V4 = 1u << 1,              /* the destination is IPv4, dialled as such or v4-mapped */
	SHUNT_FLOW_FAMILY_MISMATCH = 1u << 2, /* an address of the other family than the socket's */
	SHUNT_FLOW_PROXY_CGROUP = 1u << 3,    /* the caller is in the proxy's cgroup or below it */
	SHUNT_FLOW_SRC_OURS = 1u << 4,        /* the source was set by the address lane on an earlier connect() */
	SHUNT_FLOW_BOUND_DEVICE = 1u << 5,    /* SO_BINDTODEVICE, other than lo */
};

struct shunt_flow {
	struct shunt_ip dst;
	struct shunt_ip src; /* bound source address; zero or any: none */
	__u16 dst_port_be;
	__u16 src_port; /* bound source port, host order; 0: none */
	__u32 flags;    /* enum shunt_flow_flag */
	__u32 mark;     /* SO_MARK */
	__u32 uid;      /* effective (file system) ids at the moment the socket was made, as iptables' owner match */
	__u32 gid;
};

#endif
