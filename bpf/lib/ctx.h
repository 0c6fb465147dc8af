/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The connect hook's context: the only reader, and the only writer. Fields are accessed through volatile lvalues,
 * because clang otherwise merges neighbouring accesses or computes a pointer into the context, and every kernel's
 * verifier rejects both.
 */
#ifndef SHUNT_CTX_H
#define SHUNT_CTX_H

#include "core.h"
#include "flow.h"
#include "lane.h"
#include "maps.h"

#define SHUNT_CTX(ctx, field) (*(volatile typeof((ctx)->field) *)&(ctx)->field)

/*
 * iptables' owner match takes the effective ids the socket was created with, from its file. A socket without a file
 * (an MPTCP subflow) or a kernel without BTF leaves the caller's ids, which are the real ones.
 */
SHUNT_INLINE void shunt_read_owner(struct bpf_sock *sk, struct shunt_flow *flow)
{
	__u64 ids = bpf_get_current_uid_gid();

	flow->uid = (__u32)ids;
	flow->gid = ids >> 32;
	if (shunt_features & SHUNT_FEATURE_BTF) {
		struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
		struct socket *socket;
		struct file *file;

		if (!tcp)
			return;
		socket = tcp->inet_conn.icsk_inet.sk.sk_socket;
		if (!socket)
			return;
		file = socket->file;
		if (!file)
			return;
		flow->uid = file->f_cred->fsuid.val;
		flow->gid = file->f_cred->fsgid.val;
	}
}

/* What both families share: all but the addresses. */
SHUNT_INLINE void shunt_read_common(struct bpf_sock_addr *ctx, struct bpf_sock *sk, const struct shunt_scope *scope,
				    struct shunt_flow *flow)
{
	flow->dst_port_be = (__u16)SHUNT_CTX(ctx, user_port);
	flow->protocol = SHUNT_CTX(ctx, protocol);
	flow->address_family = SHUNT_CTX(ctx, user_family);
	flow->src_port = (__u16)sk->src_port;
	flow->mark = sk->mark;
	flow->device = sk->bound_dev_if;
	if (scope->flags & (SHUNT_SCOPE_UIDS | SHUNT_SCOPE_GIDS))
		shunt_read_owner(sk, flow);
}

SHUNT_INLINE void shunt_read_flow4(struct bpf_sock_addr *ctx, struct bpf_sock *sk, const struct shunt_scope *scope,
				   struct shunt_flow *flow)
{
	flow->is_v4 = 1;
	flow->socket_family = SHUNT_AF_INET;
	shunt_ip_from_v4(&flow->dst, SHUNT_CTX(ctx, user_ip4));
	shunt_ip_from_v4(&flow->src, sk->src_ip4);
	shunt_read_common(ctx, sk, scope, flow);
}

/* Is the address the application gave v4-mapped? */
SHUNT_INLINE int shunt_names_mapped(struct bpf_sock_addr *ctx)
{
	return !SHUNT_CTX(ctx, user_ip6[0]) && !SHUNT_CTX(ctx, user_ip6[1]) &&
	       SHUNT_CTX(ctx, user_ip6[2]) == shunt_swap32(0xffffu);
}

/* is_mapped: of the destination, a constant; the two kinds are two copies of the program. */
SHUNT_INLINE void shunt_read_flow6(struct bpf_sock_addr *ctx, struct bpf_sock *sk, const struct shunt_scope *scope,
				   struct shunt_flow *flow, int is_mapped)
{
	flow->is_v4 = is_mapped;
	flow->socket_family = SHUNT_AF_INET6;
	if (is_mapped) {
		shunt_ip_from_v4(&flow->dst, SHUNT_CTX(ctx, user_ip6[3]));
	} else {
		flow->dst.words_be[0] = SHUNT_CTX(ctx, user_ip6[0]);
		flow->dst.words_be[1] = SHUNT_CTX(ctx, user_ip6[1]);
		flow->dst.words_be[2] = SHUNT_CTX(ctx, user_ip6[2]);
		flow->dst.words_be[3] = SHUNT_CTX(ctx, user_ip6[3]);
	}
	flow->src.words_be[0] = sk->src_ip6[0];
	flow->src.words_be[1] = sk->src_ip6[1];
	flow->src.words_be[2] = sk->src_ip6[2];
	flow->src.words_be[3] = sk->src_ip6[3];
	shunt_read_common(ctx, sk, scope, flow);
}

/* Rewrites the destination. family: of the hook, a constant in each program. */
SHUNT_INLINE void shunt_write_dst(struct bpf_sock_addr *ctx, int family, const struct shunt_ip *dst, __u16 port_be)
{
	if (family == SHUNT_AF_INET) {
		SHUNT_CTX(ctx, user_ip4) = dst->words_be[3];
	} else {
		SHUNT_CTX(ctx, user_ip6[0]) = dst->words_be[0];
		SHUNT_CTX(ctx, user_ip6[1]) = dst->words_be[1];
		SHUNT_CTX(ctx, user_ip6[2]) = dst->words_be[2];
		SHUNT_CTX(ctx, user_ip6[3]) = dst->words_be[3];
	}
	SHUNT_CTX(ctx, user_port) = port_be;
}

struct shunt_sockaddr4 {
	__u16 family;
	__u16 port_be;
	__u32 addr_be;
	__u8 zero[8];
};

struct shunt_sockaddr6 {
	__u16 family;
	__u16 port_be;
	__u32 flowinfo;
	struct shunt_ip addr;
	__u32 scope_id;
};
SHUNT_SIZE(shunt_sockaddr4, 16);
SHUNT_SIZE(shunt_sockaddr6, 28);

/* bind(address, port 0) without allocating a port. 0: done. Fails where the socket has a port already. */
SHUNT_INLINE int shunt_bind(struct bpf_sock_addr *ctx, int family, const struct shunt_ip *addr)
{
	if (family == SHUNT_AF_INET) {
		struct shunt_sockaddr4 sa = { .family = SHUNT_AF_INET, .addr_be = addr->words_be[3] };

		return bpf_bind(ctx, (struct sockaddr *)&sa, sizeof(sa));
	} else {
		struct shunt_sockaddr6 sa = { .family = SHUNT_AF_INET6, .addr = *addr };

		return bpf_bind(ctx, (struct sockaddr *)&sa, sizeof(sa));
	}
}

/* bind(0.0.0.0 or ::): takes a source address back. */
SHUNT_INLINE int shunt_unbind(struct bpf_sock_addr *ctx, int family)
{
	const struct shunt_ip any = { { 0, 0, 0, 0 } };

	return shunt_bind(ctx, family, &any);
}

#endif
