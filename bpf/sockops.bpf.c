// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The record lane's middle: TCP_CONNECT_CB knows the client's source port and runs before the SYN leaves;
 * PASSIVE_ESTABLISHED_CB is the first moment the proxy's socket exists. Between the two the destination lies in
 * shunt_pending (lib/pending.h). About nine sockops runs fall on each loopback connection, so what is not ours leaves first.
 */
#include "lib/account.h"
#include "lib/netns.h"
#include "lib/pending.h"

SHUNT_INLINE __u64 shunt_netns(struct bpf_sock_ops *ctx, struct bpf_sock *sk)
{
	return shunt_features & SHUNT_FEATURE_SOCKOPS_COOKIE ? bpf_get_netns_cookie(ctx) : shunt_netns_inode(sk);
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
	if (!shunt_pending_keep(&key, &stored->dest)) {
		shunt_count_event(SHUNT_EVENT_FAIL_PENDING);
		return;
	}
	stored->pending_key = key;
	stored->flags |= SHUNT_SOCK_PENDING;
	/* A connect that fails must take its record along: be told of the socket's state. */
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
	shunt_count_event(SHUNT_EVENT_RECORDED);
}

/* The key as the accepted socket's addresses give it. */
SHUNT_INLINE void shunt_key_of_accepted(struct bpf_sock_ops *ctx, struct bpf_sock *sk, struct shunt_pending_key *key)
{
	shunt_addresses(ctx, &key->dst, &key->src);
	key->src_port_be = shunt_remote_port_be(ctx);
	key->dst_port_be = shunt_local_port_be(ctx);
	key->netns = shunt_netns(ctx, sk);
}

/*
 * Without memory for its storage the record stays where it is, marked as the accepted socket's: it is looked up there,
 * and goes when this socket closes. One that is marked already is of an earlier connection between the same ends.
 */
SHUNT_INLINE void shunt_on_accept(struct bpf_sock_ops *ctx, struct bpf_sock *sk)
{
	struct shunt_pending_key key = {};
	struct shunt_pending *record;
	struct shunt_sock *stored;

	shunt_key_of_accepted(ctx, sk, &key);
	record = shunt_pending_find(&key);
	if (!record || record->held)
		return;
	stored = bpf_sk_storage_get(&shunt_socks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (stored) {
		stored->dest = record->dest;
		stored->flags = SHUNT_SOCK_ACCEPTED;
		shunt_count_event(SHUNT_EVENT_RECORD_TAKEN);
	} else if (shunt_pending_hold(record)) {
		bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
		shunt_count_event(SHUNT_EVENT_RECORD_HELD);
		return;
	} else {
		shunt_count_event(SHUNT_EVENT_FAIL_STORAGE);
	}
	shunt_pending_forget(&key);
}

/*
 * CLOSE comes before the source port is free again, so the key cannot belong to another connection yet. A client has
 * storage, an accepted socket that is told of its state has none.
 */
SHUNT_INLINE void shunt_on_close(struct bpf_sock_ops *ctx, struct bpf_sock *sk)
{
	struct shunt_sock *stored = bpf_sk_storage_get(&shunt_socks, sk, NULL, 0);
	const struct shunt_pending *record;
	struct shunt_pending_key key = {};
	const __u32 accepted = !stored;

	if (stored) {
		if (!(stored->flags & SHUNT_SOCK_PENDING))
			return;
		stored->flags &= ~(__u32)SHUNT_SOCK_PENDING;
		key = stored->pending_key;
	} else {
		shunt_key_of_accepted(ctx, sk, &key);
	}
	record = shunt_pending_find(&key);
	if (!record || record->held != accepted || !shunt_pending_forget(&key))
		return;
	if (!accepted)
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
		shunt_on_close(ctx, sk);
	return 1;
}
