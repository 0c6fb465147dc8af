/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Carrying out direct: true: choose a cluster by weight, then one of its healthy endpoints by weight, and dial that one
 * instead of what the application asked for. No proxy, no SO_ORIGINAL_DST; getpeername() still tells what was dialled.
 */
#ifndef SHUNT_BALANCE_H
#define SHUNT_BALANCE_H

#include "account.h"
#include "env.h"

/* Uniform below total; the error of a 32-bit random number is below total / 2^32 of a share. */
SHUNT_INLINE __u32 shunt_random_below(__u32 total)
{
	return (__u32)((__u64)bpf_get_prandom_u32() * total >> 32);
}

/*
 * The first of `count` entries whose upto is above `ticket`. Functions with scalar arguments that are not inlined: each
 * is verified once, not once for every path that leads to it. -1: the table does not hold what was promised.
 */
__attribute__((noinline)) int shunt_choose_split(__u32 bank, __u32 listener, __u32 count, __u32 ticket)
{
	void *table = bpf_map_lookup_elem(&shunt_splits_b, &bank);
	__u32 low = 0, high = count - 1;
	int step;

	if (!table || !count)
		return -1;
#pragma clang loop unroll(disable)
	for (step = 0; step < SHUNT_CHOICE_STEPS && low < high; step++) {
		struct shunt_split_key key = { .listener = listener, .index = low + (high - low) / 2 };
		const struct shunt_split *split = bpf_map_lookup_elem(table, &key);

		if (!split)
			return -1;
		if (ticket < split->upto)
			high = key.index;
		else
			low = key.index + 1;
	}
	return (int)low;
}

__attribute__((noinline)) int shunt_choose_endpoint(__u32 bank, __u32 cluster, __u32 family, __u32 count, __u32 ticket)
{
	void *table = bpf_map_lookup_elem(&shunt_endpnt_b, &bank);
	__u32 low = 0, high = count - 1;
	int step;

	if (!table || !count)
		return -1;
#pragma clang loop unroll(disable)
	for (step = 0; step < SHUNT_CHOICE_STEPS && low < high; step++) {
		struct shunt_endpoint_key key = {
			.cluster = cluster, .family = family, .index = low + (high - low) / 2
		};
		const struct shunt_endpoint *endpoint = bpf_map_lookup_elem(table, &key);

		if (!endpoint)
			return -1;
		if (ticket < endpoint->upto)
			high = key.index;
		else
			low = key.index + 1;
	}
	return (int)low;
}

/* The id of the cluster this connection goes to. */
SHUNT_INLINE int shunt_balance_cluster(struct shunt_env *env, const struct shunt_listener *listener, __u32 *cluster)
{
	__u32 bank = env->bank;
	struct shunt_split_key key = { .listener = listener->id };
	const struct shunt_split *split;
	void *table;
	int index;

	*cluster = listener->cluster;
	if (!listener->splits)
		return 0;
	index = shunt_choose_split(bank, listener->id, listener->splits, shunt_random_below(listener->total_weight));
	table = bpf_map_lookup_elem(&shunt_splits_b, &bank);
	if (index < 0 || !table)
		return -1;
	key.index = index;
	split = bpf_map_lookup_elem(table, &key);
	if (!split)
		return -1;
	*cluster = split->cluster;
	return 0;
}

SHUNT_INLINE const struct shunt_endpoint *shunt_balance_endpoint(struct shunt_env *env, __u32 cluster, __u32 family,
								 const struct shunt_cluster *size)
{
	__u32 bank = env->bank;
	struct shunt_endpoint_key key = { .cluster = cluster, .family = family };
	int index = shunt_choose_endpoint(bank, cluster, family, size->endpoints, shunt_random_below(size->total_weight));
	void *table = bpf_map_lookup_elem(&shunt_endpnt_b, &bank);

	if (index < 0 || !table)
		return NULL;
	key.index = index;
	return bpf_map_lookup_elem(table, &key);
}

/* Healthy endpoints of the cluster that this family of socket can reach. */
SHUNT_INLINE struct shunt_cluster *shunt_cluster_size(struct shunt_env *env, __u32 cluster, __u32 family)
{
	__u32 bank = env->bank;
	struct shunt_cluster_key key = { .cluster = cluster, .family = family };
	void *table = bpf_map_lookup_elem(&shunt_cluster_b, &bank);

	return table ? bpf_map_lookup_elem(table, &key) : NULL;
}

/* What getpeername() will need; an endpoint that is what was dialled needs nothing. */
SHUNT_INLINE int shunt_keep_dialled(struct bpf_sock *sk, const struct shunt_flow *flow,
				    const struct shunt_endpoint *endpoint)
{
	struct shunt_sock *stored;

	if (shunt_ip_equal(&endpoint->addr, &flow->dst) && endpoint->port_be == flow->dst_port_be)
		return 0;
	stored = bpf_sk_storage_get(&shunt_socks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!stored)
		return -1;
	stored->dest.addr = flow->dst;
	stored->dest.port_be = flow->dst_port_be;
	stored->pending_key.dst = endpoint->addr;
	stored->pending_key.dst_port_be = endpoint->port_be;
	stored->flags |= SHUNT_SOCK_BALANCED;
	return 0;
}

/* Gives the final reason: DIRECT, or why the choice did not come about. Rewrites nothing before it is sure. */
SHUNT_INLINE enum shunt_reason shunt_balance(struct shunt_env *env, struct bpf_sock *sk,
					     const struct shunt_scope *scope, const struct shunt_flow *flow)
{
	const struct shunt_listener *listener = shunt_listener_at(env);
	const __u32 family = flow->is_v4 ? 4 : 6;
	const struct shunt_endpoint *endpoint;
	struct shunt_cluster *size;
	__u32 cluster;

	if (!listener || shunt_balance_cluster(env, listener, &cluster))
		return shunt_internal(scope, SHUNT_EVENT_FAIL_ENDPOINT);
	size = shunt_cluster_size(env, cluster, family);
	if (!size || !size->endpoints)
		return scope->flags & SHUNT_SCOPE_DOWN_BYPASS ? SHUNT_REASON_NO_ENDPOINT_BYPASS
							      : SHUNT_REASON_NO_ENDPOINT_REFUSE;
	endpoint = shunt_balance_endpoint(env, cluster, family, size);
	if (!endpoint)
		return shunt_internal(scope, SHUNT_EVENT_FAIL_ENDPOINT);
	if (flow->src_ours) {
		shunt_count_event(SHUNT_EVENT_UNDO);
		if (shunt_unbind(env->ctx, env->family))
			return shunt_internal(scope, SHUNT_EVENT_FAIL_BIND);
	}
	if (shunt_keep_dialled(sk, flow, endpoint))
		return shunt_internal(scope, SHUNT_EVENT_FAIL_STORAGE);
	shunt_write_dst(env->ctx, env->family, &endpoint->addr, endpoint->port_be);
	__sync_fetch_and_add(&size->hits, 1);
	return SHUNT_REASON_DIRECT;
}

#endif
