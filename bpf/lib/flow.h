/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* What a verdict depends on, taken out of the hook's context. For BPF (ctx.h fills it) and userspace. */
#ifndef SHUNT_FLOW_H
#define SHUNT_FLOW_H

#include "bytes.h"

#define SHUNT_AF_INET 2
#define SHUNT_AF_INET6 10
#define SHUNT_STREAM 1 /* SOCK_STREAM */
#define SHUNT_IPPROTO_TCP 6
#define SHUNT_LOOPBACK_IFINDEX 1

/*
 * Raw values rather than flags: the verifier follows every combination of known flags separately through the whole
 * program, but a value it does not know only once.
 */
struct shunt_flow {
	struct shunt_ip dst;
	struct shunt_ip src;    /* bound source address; zero or any: none */
	__u16 dst_port_be;
	__u16 src_port;         /* bound source port, host order; 0: none */
	__u32 is_v4;            /* the destination is IPv4, dialled as such or v4-mapped; a constant in each program */
	__u32 protocol;         /* IPPROTO_* */
	__u32 socket_family;    /* AF_INET, AF_INET6 */
	__u32 address_family;   /* of the address the application gave */
	__u32 device;           /* SO_BINDTODEVICE: interface index, 0: none */
	__u32 mark;             /* SO_MARK */
	__u32 uid;              /* effective (file system) ids at the moment the socket was made, as iptables' owner match */
	__u32 gid;
	__u32 src_ours;         /* the source was set by the address lane on an earlier connect() */
};

#endif
