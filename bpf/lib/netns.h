/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The network namespace of a socket as a number, the same in every hook: its cookie where sockops has the helper,
 * otherwise its inode number. 0: cannot be told.
 */
#ifndef SHUNT_NETNS_H
#define SHUNT_NETNS_H

#include <bpf/bpf_core_read.h>

#include "core.h"

/* Where the hook has bpf_skc_to_tcp_sock(): sockops and the hooks of addresses. */
SHUNT_INLINE __u64 shunt_netns_inode(struct bpf_sock *sk)
{
	struct tcp_sock *tcp;
	struct net *net;

	if (!(shunt_features & SHUNT_FEATURE_BTF))
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	net = tcp->inet_conn.icsk_inet.sk.__sk_common.skc_net.net;
	return net ? net->ns.inum : 0;
}

/*
 * Where it does not: in getsockopt. The context's socket is the kernel's own, of which only the first bytes can be read,
 * because no verifier takes an offset from it.
 */
SHUNT_INLINE __u64 shunt_netns_inode_read(struct bpf_sock *sk)
{
	__u64 head[16] = {};
	__u32 inode = 0, at;

	if (!(shunt_features & SHUNT_FEATURE_SOCKOPT_READ))
		return 0;
	at = bpf_core_field_offset(struct sock_common, skc_net) / sizeof(__u64);
	if (at >= 16)
		return 0;
	if (bpf_probe_read_kernel(head, sizeof(head), sk) || !head[at])
		return 0;
	bpf_probe_read_kernel(&inode, sizeof(inode),
			      (const void *)(head[at] + bpf_core_field_offset(struct net, ns.inum)));
	return inode;
}

#endif
