/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Carrying out a redirect: choose the lane, keep the original destination, then rewrite. The order matters: a
 * destination that is rewritten before it is kept can be lost.
 */
#ifndef SHUNT_REDIRECT_H
#define SHUNT_REDIRECT_H

#include "account.h"
#include "env.h"
#include "pending.h"

struct shunt_target {
	struct shunt_ip addr;
	__u16 port_be;
	enum shunt_lane lane;
};

/*
 * Does anybody listen on the proxy's address as configured, in the socket's own network namespace? Asked at each connect,
 * never cached. Not on the address that the destination becomes: a listener on the wildcard is found at once under that
 * address, and the kernel looks into the same places of its tables each time, which the caches then hold.
 */
SHUNT_INLINE int shunt_is_listening(struct bpf_sock_addr *ctx, const struct shunt_ip *addr, __u16 port_be, int is_v4)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	int listening;

	if (is_v4) {
		tuple.ipv4.saddr = addr->words_be[3];
		tuple.ipv4.daddr = addr->words_be[3];
		tuple.ipv4.dport = port_be;
		sk = bpf_sk_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	} else {
		__builtin_memcpy(tuple.ipv6.saddr, addr->words_be, 16);
		__builtin_memcpy(tuple.ipv6.daddr, addr->words_be, 16);
		tuple.ipv6.dport = port_be;
		sk = bpf_sk_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	if (!sk)
		return 0;
	listening = sk->state == BPF_TCP_LISTEN;
	bpf_sk_release(sk);
	return listening;
}

/* The token of a destination, entered into shunt_dests where it is new. 0: no room. A function of its own: env.h. */
__attribute__((noinline)) __u32 shunt_intern(__u32 addr_be, __u32 port_be)
{
	struct shunt_dest dest = { .port_be = port_be };
	const struct shunt_dest *found;
	struct shunt_dest_key key;
	int i;

	shunt_ip_from_v4(&dest.addr, addr_be);
#pragma clang loop unroll(disable)
	for (i = 0; i < SHUNT_TOKEN_PROBES; i++) {
		key.token_be = shunt_swap32(shunt_token(shunt_swap32(addr_be), shunt_swap16(port_be), i));
		found = bpf_map_lookup_elem(&shunt_dests, &key);
		if (!found) {
			if (!bpf_map_update_elem(&shunt_dests, &key, &dest, BPF_NOEXIST))
				return key.token_be;
			/* Another CPU was first, perhaps with the same destination; or the table is full. */
			found = bpf_map_lookup_elem(&shunt_dests, &key);
			if (!found)
				return 0;
		}
		if (shunt_ip_equal(&found->addr, &dest.addr) && found->port_be == dest.port_be)
			return key.token_be;
	}
	return 0;
}

/* Why the address lane proper cannot take this one; SHUNT_LANE_ADDRESS: it can. */
SHUNT_INLINE enum shunt_lane shunt_address_lane(const struct shunt_flow *flow)
{
	if (flow->src_port)
		return SHUNT_LANE_DICT_PORT;
	if (!flow->src_ours && !shunt_ip_is_any(&flow->src))
		return SHUNT_LANE_DICT_ADDRESS;
	if (!shunt_lane_encodable(shunt_swap32(flow->dst.words_be[3])))
		return SHUNT_LANE_DICT_RANGE;
	return SHUNT_LANE_ADDRESS;
}

/* v4, proxy on the wildcard address. SHUNT_EVENT_UNSET: target is filled in; otherwise the failure. */
SHUNT_INLINE enum shunt_event shunt_keep_in_address(struct shunt_env *env, const struct shunt_scope *scope,
						    const struct shunt_flow *flow, struct shunt_target *target)
{
	__u32 source, to, token_be;

	target->port_be = scope->proxy4_port_be;
	target->lane = shunt_address_lane(flow);
	if (target->lane == SHUNT_LANE_ADDRESS) {
		struct shunt_ip source_ip;

		shunt_lane_encode(shunt_swap32(flow->dst.words_be[3]), shunt_swap16(flow->dst_port_be), &source, &to);
		shunt_ip_from_v4(&source_ip, shunt_swap32(source));
		if (!shunt_bind(env->ctx, env->family, &source_ip)) {
			shunt_ip_from_v4(&target->addr, shunt_swap32(to));
			return SHUNT_EVENT_UNSET;
		}
		target->lane = SHUNT_LANE_DICT_BIND;
	}
	/* A source of ours left on the socket would make the proxy read the token as an encoded destination. */
	if (flow->src_ours && shunt_unbind(env->ctx, env->family))
		return SHUNT_EVENT_FAIL_BIND;
	token_be = shunt_intern(flow->dst.words_be[3], flow->dst_port_be);
	if (!token_be)
		return SHUNT_EVENT_FAIL_DICT;
	shunt_ip_from_v4(&target->addr, token_be);
	return SHUNT_EVENT_UNSET;
}

/* Where the record lane sends a connection, spread so that one destination's source ports are not the limit. */
SHUNT_INLINE void shunt_record_target(struct shunt_env *env, const struct shunt_scope *scope,
				      const struct shunt_flow *flow, int is_v4, struct shunt_target *target)
{
	const int unbound = !flow->src_port && (flow->src_ours || shunt_ip_is_any(&flow->src));
	__u32 random = bpf_get_prandom_u32();

	if (!is_v4) {
		target->port_be = scope->proxy6_port_be;
		target->lane = SHUNT_LANE_RECORD_IPV6;
		target->addr = scope->proxy6;
		if (scope->flags & SHUNT_SCOPE_PROXY_V6_WILDCARD) {
			/* A bound source is an address of this namespace; ::1 serves everybody else. */
			if (shunt_ip_is_any(&flow->src))
				target->addr.words_be[3] = shunt_swap32(1u);
			else
				target->addr = flow->src;
		}
		return;
	}
	target->port_be = scope->proxy4_port_be;
	target->lane = scope->flags & SHUNT_SCOPE_LANE_RECORD ? SHUNT_LANE_RECORD_SETTING : SHUNT_LANE_RECORD_PROXY;
	target->addr = scope->proxy4;
	if (scope->flags & SHUNT_SCOPE_PROXY_V4_WILDCARD) {
		/* 127.1.0.0-127.127.255.255: no token, and with source 127.0.0.1 no encoded pair either. */
		shunt_ip_from_v4(&target->addr, shunt_swap32(0x7f010000u + random % 0x7f0000u));
	} else if (unbound && shunt_v4_is_loopback(target->addr.words_be[3])) {
		/* 127.0.1.0-127.0.255.255, which the address lane never makes. Best effort: 127.0.0.1 is right too. */
		struct shunt_ip source;

		shunt_ip_from_v4(&source, shunt_swap32(0x7f000100u + random % 0xff00u));
		shunt_bind(env->ctx, env->family, &source);
	}
}

/* SK_STORAGE now, shunt_pending when sockops knows the source port; for which there must be room, refusing is over then. */
SHUNT_INLINE enum shunt_event shunt_keep_in_record(struct shunt_env *env, struct bpf_sock *sk,
						   const struct shunt_scope *scope, const struct shunt_flow *flow,
						   int is_v4, struct shunt_target *target)
{
	struct shunt_sock *stored;

	if (!shunt_pending_has_room())
		return SHUNT_EVENT_FAIL_PENDING;
	stored = bpf_sk_storage_get(&shunt_socks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!stored)
		return SHUNT_EVENT_FAIL_STORAGE;
	if (flow->src_ours && shunt_unbind(env->ctx, env->family))
		return SHUNT_EVENT_FAIL_BIND;
	shunt_record_target(env, scope, flow, is_v4, target);
	stored->dest.addr = flow->dst;
	stored->dest.port_be = flow->dst_port_be;
	stored->pending_key.dst = target->addr;
	stored->pending_key.dst_port_be = target->port_be;
	stored->flags |= SHUNT_SOCK_CLIENT;
	stored->since_ns = bpf_ktime_get_ns();
	return SHUNT_EVENT_UNSET;
}

/* Gives the final reason: the one it was given, or why the redirect did not come about. */
SHUNT_INLINE enum shunt_reason shunt_redirect(struct shunt_env *env, struct bpf_sock *sk,
					      const struct shunt_scope *scope, const struct shunt_flow *flow,
					      enum shunt_reason reason)
{
	const int is_v4 = flow->is_v4;
	const __u32 needed = is_v4 ? SHUNT_SCOPE_PROXY_V4 : SHUNT_SCOPE_PROXY_V6;
	struct shunt_target target = {};
	enum shunt_event failure;

	if (!(scope->flags & needed))
		return scope->flags & SHUNT_SCOPE_DOWN_BYPASS ? SHUNT_REASON_PROXY_DOWN_BYPASS
							      : SHUNT_REASON_PROXY_DOWN_REFUSE;
	if (is_v4 && scope->flags & SHUNT_SCOPE_PROXY_V4_WILDCARD && !(scope->flags & SHUNT_SCOPE_LANE_RECORD))
		failure = shunt_keep_in_address(env, scope, flow, &target);
	else
		failure = shunt_keep_in_record(env, sk, scope, flow, is_v4, &target);
	if (SHUNT_RARELY(failure != SHUNT_EVENT_UNSET))
		return shunt_internal(scope, failure);
	if (SHUNT_RARELY(!shunt_is_listening(env->ctx, is_v4 ? &scope->proxy4 : &scope->proxy6, target.port_be, is_v4))) {
		/* Nothing is rewritten yet; a source that was just set is the undo's business. */
		return scope->flags & SHUNT_SCOPE_DOWN_BYPASS ? SHUNT_REASON_PROXY_DOWN_BYPASS
							      : SHUNT_REASON_PROXY_DOWN_REFUSE;
	}
	shunt_write_dst(env->ctx, env->family, &target.addr, target.port_be);
	shunt_count_lane(target.lane);
	env->lane = target.lane;
	return reason;
}

#endif
