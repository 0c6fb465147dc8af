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
 * Devices, and addresses of each, that are looked at. A namespace with more is searched as far as this; an address that
 * is not found counts as not own, so the connection is captured rather than let through.
 */
#define SHUNT_OWN_DEVICES 128
#define SHUNT_OWN_ADDRESSES 64

#define SHUNT_READ(to, from) bpf_probe_read_kernel(&(to), sizeof(to), (const void *)(from))

/* Where a list's entry begins, given the address of its list_head member. */
#define SHUNT_ENTRY(type, member, head) ((head) - bpf_core_field_offset(type, member))

/*
 * Global functions: the verifier looks at each loop once, not once for every step of the loop around it or for every
 * path that leads there. They may only take the context and numbers on 5.10, so kernel memory comes as a number and an
 * address as its words. Each asks for the feature itself: it is verified also where nobody can call it.
 */
__attribute__((noinline, weak)) int shunt_device_has4(__u64 device, __u32 addr_be)
{
	__u64 addr = 0, next;
	__u32 found = 0;
	int i;

	if (!(shunt_features & SHUNT_FEATURE_PROBE_READ))
		return 0;
	SHUNT_READ(addr, device + bpf_core_field_offset(struct net_device, ip_ptr));
	if (!addr)
		return 0;
	SHUNT_READ(addr, addr + bpf_core_field_offset(struct in_device, ifa_list));
#pragma clang loop unroll(disable)
	for (i = 0; i < SHUNT_OWN_ADDRESSES && addr; i++) {
		SHUNT_READ(found, addr + bpf_core_field_offset(struct in_ifaddr, ifa_local));
		if (found == addr_be)
			return 1;
		next = 0;
		SHUNT_READ(next, addr + bpf_core_field_offset(struct in_ifaddr, ifa_next));
		addr = next;
	}
	return 0;
}

__attribute__((noinline, weak)) int shunt_device_has6(__u64 device, __u32 word0, __u32 word1, __u32 word2, __u32 word3)
{
	const struct shunt_ip ip = { { word0, word1, word2, word3 } };
	struct shunt_ip found = {};
	__u64 end = 0, link = 0;
	int i;

	if (!(shunt_features & SHUNT_FEATURE_PROBE_READ))
		return 0;
	SHUNT_READ(end, device + bpf_core_field_offset(struct net_device, ip6_ptr));
	if (!end)
		return 0;
	end += bpf_core_field_offset(struct inet6_dev, addr_list);
	SHUNT_READ(link, end);
#pragma clang loop unroll(disable)
	for (i = 0; i < SHUNT_OWN_ADDRESSES && link && link != end; i++) {
		/* struct inet6_ifaddr begins with its struct in6_addr; its list_head is what the list links. */
		SHUNT_READ(found, SHUNT_ENTRY(struct inet6_ifaddr, if_list, link));
		if (shunt_ip_equal(&found, &ip))
			return 1;
		SHUNT_READ(link, link);
	}
	return 0;
}

__attribute__((noinline, weak)) int shunt_netns_has(struct bpf_sock_addr *ctx, __u32 word0, __u32 word1, __u32 word2,
						    __u32 word3)
{
	const struct shunt_ip ip = { { word0, word1, word2, word3 } };
	struct bpf_sock *sk = ctx->sk;
	__u64 head, link = 0;
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
	for (i = 0; i < SHUNT_OWN_DEVICES && link && link != head; i++) {
		__u64 device = SHUNT_ENTRY(struct net_device, dev_list, link);

		if (shunt_ip_is_v4(&ip) ? shunt_device_has4(device, word3)
					: shunt_device_has6(device, word0, word1, word2, word3))
			return 1;
		SHUNT_READ(link, link);
	}
	return 0;
}

#endif
