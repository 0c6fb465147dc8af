// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The record lane's middle: TCP_CONNECT_CB knows the client's source port and runs before the SYN leaves;
 * PASSIVE_ESTABLISHED_CB is the first moment the proxy's socket exists. Between the two the destination lies in
 * shunt_pending. About nine sockops runs fall on each loopback connection, so what is not ours leaves first.
 */
#include "lib/account.h"
#include "lib/core.h"

#define SHUNT_AF_INET6 10

/* Identifies the socket's network namespace on both ends of a loopback connection; 0: cannot be told. */
SHUNT_INLINE __u64 shunt_netns(struct bpf_sock_ops *ctx, struct bpf_sock *sk)
{
	if (shunt_features & SHUNT_FEATURE_SOCKOPS_COOKIE)
		return bpf_get_netns_cookie(ctx);
	if (shunt_features & SHUNT_FEATURE_BTF) {
		struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
		struct net *net;

		if (!tcp)
			return 0;
		net = tcp->inet_conn.icsk_inet.sk.__sk_common.skc_net.net;
		return net ? net->ns.inum : 0;
	}
	return 0;
}

/*
 * One form for both ends: a client of family 10 that dials a v4-mapped address meets an accepted socket of family 2.
 * The v4 fields are valid in both cases.
 */
SHUNT_INLINE void shunt_addresses(struct bpf_sock_ops *ctx, struct shunt_ip *local, struct shunt_ip *remote)
{
	const __u32 r0 = ctx->remote_ip6[0], r1 = ctx->remote_ip6[1], r2 = ctx->remote_ip6[2];

	if (ctx->family == SHUNT_AF_INET6 && (r0 || r1 || r2 != shunt_swap32(0xffffu))) {
		local->words_be[0] = ctx->local_ip6[0];
		local->words_be[1] = ctx->local_ip6[1];
		local->words_be[2] = ctx->local_ip6[2];
		local->words_be[3] = ctx->local_ip6[3];
		remote->words_be[0] = r0;
		remote->words_be[1] = r1;
		remote->words_be[2] = r2;
		remote->words_be[3] = ctx->remote_ip6[3];
		return;
	}
	shunt_ip_from_v4(local, ctx->local_ip4);
	shunt_ip_from_v4(remote, ctx->remote_ip4);
}

SHUNT_INLINE __u16 shunt_local_port_be(struct bpf_sock_ops *ctx)
{
	return shunt_swap16((__u16)ctx->local_port);
}

/* remote_port holds the port in network order in its upper half (little endian) or lower half (big endian). */
SHUNT_INLINE __u16 shunt_remote_port_be(struct bpf_sock_ops *ctx)
{
	return shunt_swap16((__u16)shunt_swap32(ctx->remote_port));
}

SHUNT_INLINE void shunt_on_connect(struct bpf_sock_ops *ctx, struct bpf_sock *sk)
{
	struct shunt_sock *stored = bpf_sk_storage_get(&shunt_socks, sk, NULL, 0);
	struct shunt_pending_key key = {};

	if (!stored || !(stored->flags & SHUNT_SOCK_CLIENT))
		return;
	key.netns = shunt_netns(ctx, sk);
	if (!key.netns) {
		shunt_count_event(SHUNT_EVENT_FAIL_NETNS);
		return;
	}
	shunt_addresses(ctx, &key.src, &key.dst);
	key.src_port_be = shunt_local_port_be(ctx);
	key.dst_port_be = shunt_remote_port_be(ctx);
	if (bpf_map_update_elem(&shunt_pending, &key, &stored->dest, BPF_ANY)) {
		shunt_count_event(SHUNT_EVENT_FAIL_PENDING);
		return;
	}
	stored->pending_key = key;
	stored->flags |= SHUNT_SOCK_PENDING;
	/* A connect that fails must take its record along: be told of the socket's state. */
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
	shunt_count_event(SHUNT_EVENT_RECORDED);
}

SHUNT_INLINE void shunt_on_accept(struct bpf_sock_ops *ctx, struct bpf_sock *sk)
{
	struct shunt_pending_key key = {};
	const struct shunt_dest *dest;
	struct shunt_sock *stored;

	shunt_addresses(ctx, &key.dst, &key.src);
	key.src_port_be = shunt_remote_port_be(ctx);
	key.dst_port_be = shunt_local_port_be(ctx);
	key.netns = shunt_netns(ctx, sk);
	dest = bpf_map_lookup_elem(&shunt_pending, &key);
	if (!dest)
		return;
	stored = bpf_sk_storage_get(&shunt_socks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!stored) {
		shunt_count_event(SHUNT_EVENT_FAIL_STORAGE);
	} else {
		stored->dest = *dest;
		stored->flags = SHUNT_SOCK_ACCEPTED;
		shunt_count_event(SHUNT_EVENT_RECORD_TAKEN);
	}
	bpf_map_delete_elem(&shunt_pending, &key);
}

/* CLOSE comes before the source port is free again, so the key cannot belong to another connection yet. */
SHUNT_INLINE void shunt_on_close(struct bpf_sock *sk)
{
	struct shunt_sock *stored = bpf_sk_storage_get(&shunt_socks, sk, NULL, 0);
	struct shunt_pending_key key;

	if (!stored || !(stored->flags & SHUNT_SOCK_PENDING))
		return;
	stored->flags &= ~(__u32)SHUNT_SOCK_PENDING;
	key = stored->pending_key;
	if (!bpf_map_delete_elem(&shunt_pending, &key))
		shunt_count_event(SHUNT_EVENT_RECORD_DROPPED);
}

SEC("sockops")
int shunt_sockops(struct bpf_sock_ops *ctx)
{
	const __u32 op = ctx->op;
	struct bpf_sock *sk;

	if (op != BPF_SOCK_OPS_TCP_CONNECT_CB && op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB &&
	    op != BPF_SOCK_OPS_STATE_CB)
		return 1;
	if (op == BPF_SOCK_OPS_STATE_CB && ctx->args[1] != BPF_TCP_CLOSE)
		return 1;
	sk = ctx->sk;
	if (!sk)
		return 1;
	if (op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		shunt_on_connect(ctx, sk);
	else if (op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		shunt_on_accept(ctx, sk);
	else
		shunt_on_close(sk);
	return 1;
}
