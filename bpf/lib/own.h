/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The addresses of a socket's network namespace, read from its devices. For sockets that the cheap way (env.h: a trial
 * bind) cannot serve, because they have a source port already.
 */
#ifndef SHUNT_OWN_H
#define SHUNT_OWN_H

#include <bpf/bpf_core_read.h>

#include "bytes.h"
#include "core.h"
#include "maps.h"

/*
 * Steps over devices and addresses together. A namespace with more is searched as far as this; an address that is not
 * found counts as not own, so the connection is captured rather than let through.
 */
#define SHUNT_OWN_STEPS 128

#define SHUNT_READ(to, from) bpf_probe_read_kernel(&(to), sizeof(to), (const void *)(from))

/* Where a list's entry begins, given the address of its list_head member. */
#define SHUNT_ENTRY(type, member, head) ((head) - bpf_core_field_offset(type, member))

/* One device's first address, and the address after one; 0: none. Addresses of kernel memory as numbers. */
SHUNT_INLINE __u64 shunt_first_addr(__u64 dev, int is_v4, __u64 *end)
{
	__u64 per_family = 0, first = 0;

	*end = 0;
	if (is_v4) {
		SHUNT_READ(per_family, dev + bpf_core_field_offset(struct net_device, ip_ptr));
		if (per_family)
			SHUNT_READ(first, per_family + bpf_core_field_offset(struct in_device, ifa_list));
		return first;
	}
	SHUNT_READ(per_family, dev + bpf_core_field_offset(struct net_device, ip6_ptr));
	if (!per_family)
		return 0;
	*end = per_family + bpf_core_field_offset(struct inet6_dev, addr_list);
	SHUNT_READ(first, *end);
	return first == *end ? 0 : first;
}

SHUNT_INLINE __u64 shunt_next_addr(__u64 addr, int is_v4, __u64 end)
{
	__u64 next = 0;

	SHUNT_READ(next, is_v4 ? addr + bpf_core_field_offset(struct in_ifaddr, ifa_next) : addr);
	return next == end ? 0 : next;
}

SHUNT_INLINE int shunt_addr_is(__u64 addr, int is_v4, const struct shunt_ip *ip)
{
	struct shunt_ip found = {};

	if (is_v4) {
		SHUNT_READ(found.words_be[3], addr + bpf_core_field_offset(struct in_ifaddr, ifa_local));
		return found.words_be[3] == ip->words_be[3];
	}
	/* struct inet6_ifaddr begins with its struct in6_addr; its list_head is what the list links. */
	SHUNT_READ(found, SHUNT_ENTRY(struct inet6_ifaddr, if_list, addr));
	return shunt_ip_equal(&found, ip);
}

/*
 * A global function: the verifier looks at its loop once, not once for every path that leads here. Those may only take
 * the context and numbers on 5.10, so the address comes as its four words.
 */
__attribute__((noinline, weak)) int shunt_netns_has(struct bpf_sock_addr *ctx, __u32 word0, __u32 word1, __u32 word2,
					      __u32 word3)
{
	const struct shunt_ip ip = { { word0, word1, word2, word3 } };
	const int is_v4 = shunt_ip_is_v4(&ip);
	__u64 head, link = 0, addr = 0, end = 0;
	struct bpf_sock *sk = ctx->sk;
	struct tcp_sock *tcp;
	struct net *net;
	int i;

	if (!(shunt_features & SHUNT_FEATURE_PROBE_READ))
		return 0;
	if (!sk)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	net = tcp->inet_conn.icsk_inet.sk.__sk_common.skc_net.net;
	if (!net)
		return 0;
	head = (__u64)net + bpf_core_field_offset(struct net, dev_base_head);
	SHUNT_READ(link, head);
#pragma clang loop unroll(disable)
	for (i = 0; i < SHUNT_OWN_STEPS; i++) {
		if (addr) {
			if (shunt_addr_is(addr, is_v4, &ip))
				return 1;
			addr = shunt_next_addr(addr, is_v4, end);
			continue;
		}
		if (!link || link == head)
			return 0;
		addr = shunt_first_addr(SHUNT_ENTRY(struct net_device, dev_list, link), is_v4, &end);
		SHUNT_READ(link, link);
	}
	return 0;
}

#endif
