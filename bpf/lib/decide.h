/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The verdict: a pure function of (flow, tables, settings). Compiled as BPF into the connect programs and as C++ into
 * `shunt explain` and the unit tests, so that all of them say the same.
 *
 * Whoever includes this file defines `struct shunt_env` and the shunt_env_*() functions below first: the BPF side over
 * maps (maps.h), userspace over plain tables (policy/explain.cpp). They are asked only when a rule needs them, in rule
 * order, because each costs a map look-up in the kernel.
 */
#ifndef SHUNT_DECIDE_H
#define SHUNT_DECIDE_H

#include "flow.h"
#include "lane.h"

/* Flags of a table entry, 0 where there is none. */
SHUNT_INLINE __u32 shunt_env_port(struct shunt_env *env, __u16 port_be);
SHUNT_INLINE __u32 shunt_env_cidr(struct shunt_env *env, const struct shunt_ip *addr, int is_v4);
SHUNT_INLINE __u32 shunt_env_owner(struct shunt_env *env, __u32 kind, __u32 id);
/* 1 and *out where a listener stands on exactly this address and port (address ::, all zero: any address). */
SHUNT_INLINE int shunt_env_listener(struct shunt_env *env, const struct shunt_ip *addr, __u16 port_be,
				    struct shunt_listener *out);
/* Is the destination an address of the socket's network namespace? Not asked for 127/8, ::1 and unspecified ones. */
SHUNT_INLINE int shunt_env_is_own(struct shunt_env *env, const struct shunt_flow *flow);
/* Is the caller in the proxy's cgroup or below it? */
SHUNT_INLINE int shunt_env_in_proxy_cgroup(struct shunt_env *env, const struct shunt_scope *scope);
/* Does a proxy, of whichever scope, listen on this IPv4 port? */
SHUNT_INLINE int shunt_env_is_proxy_port(struct shunt_env *env, __u16 port_be);
/* Does shunt_dests hold this token? */
SHUNT_INLINE int shunt_env_has_token(struct shunt_env *env, __u32 token_be);

/* Rule 4: is this the proxy's own socket, and by what? SHUNT_REASON_UNSET: it is not. */
SHUNT_INLINE enum shunt_reason shunt_identify(struct shunt_env *env, const struct shunt_scope *scope,
					      const struct shunt_flow *flow, __u32 gid_flags)
{
	if (scope->flags & SHUNT_SCOPE_PROXY_CGROUP && shunt_env_in_proxy_cgroup(env, scope))
		return SHUNT_REASON_PROXY_CGROUP;
	if (scope->flags & SHUNT_SCOPE_PROXY_MARK && flow->mark == scope->proxy_mark)
		return SHUNT_REASON_PROXY_MARK;
	if (scope->flags & SHUNT_SCOPE_UIDS && shunt_env_owner(env, SHUNT_OWNER_UID, flow->uid) & SHUNT_OWNER_PROXY)
		return SHUNT_REASON_PROXY_UID;
	if (gid_flags & SHUNT_OWNER_PROXY)
		return SHUNT_REASON_PROXY_GID;
	return SHUNT_REASON_UNSET;
}

/*
 * Rule 2, for a destination that is the proxy's own port on loopback. The proxy would take a source of the address
 * lane's form, or a token, for a redirected connection: only the connect hook may make those. And the proxy itself has
 * no business there: it would call itself, for ever. is_self: the caller is the proxy, and the port its own.
 */
SHUNT_INLINE enum shunt_reason shunt_check_proxy_port(struct shunt_env *env, const struct shunt_flow *flow, int is_v4,
						      int is_self)
{
	__u32 src = shunt_swap32(flow->src.words_be[3]);
	__u32 dst = shunt_swap32(flow->dst.words_be[3]);

	if (is_self)
		return SHUNT_REASON_LOOPING;
	if (!is_v4)
		return SHUNT_REASON_UNSET;
	if (shunt_ip_is_v4(&flow->src) && shunt_lane_is_source(src)) {
		/* A source left from an earlier, failed redirect is taken back before the socket dials on. */
		if (!flow->src_ours || dst != 0x7f000001u)
			return SHUNT_REASON_FORGED;
		return SHUNT_REASON_UNSET;
	}
	if (shunt_is_token(dst) && shunt_env_has_token(env, flow->dst.words_be[3]))
		return SHUNT_REASON_FORGED;
	return SHUNT_REASON_UNSET;
}

/*
 * Istio's inbound listeners connect to the workload from 127.0.0.6 or ::6, so that those connections are not captured
 * again: with own destinations such a source is never captured, also where own addresses follow the rules.
 */
SHUNT_INLINE int shunt_is_inbound_source(const struct shunt_ip *src)
{
	return (shunt_ip_is_v4(src) && src->words_be[3] == shunt_swap32(0x7f000006u)) ||
	       !(src->words_be[0] | src->words_be[1] | src->words_be[2] | (src->words_be[3] ^ shunt_swap32(6u)));
}

/* Has the application bound the socket to an address of 127/8? */
SHUNT_INLINE int shunt_is_loopback_source(const struct shunt_flow *flow)
{
	return shunt_ip_is_v4(&flow->src) && shunt_v4_is_loopback(flow->src.words_be[3]) && !flow->src_ours;
}

/* A redirect leaves through lo: sockets that cannot follow are refused, or they would hang or name a wrong source. */
SHUNT_INLINE enum shunt_reason shunt_check_source(const struct shunt_scope *scope,
						  const struct shunt_flow *flow, int own, enum shunt_reason reason)
{
	__u32 src = flow->src.words_be[3];

	if (flow->device && flow->device != SHUNT_LOOPBACK_IFINDEX)
		return SHUNT_REASON_BOUND_DEVICE;
	if (!shunt_is_loopback_source(flow))
		return reason;
	/* The kernel does not route a loopback source anywhere but to own addresses: EINVAL, as without shunt. */
	if (!(scope->flags & SHUNT_SCOPE_INCLUDE_OWN) || !own)
		return SHUNT_REASON_LOOPBACK_SOURCE;
	/* The proxy would read this source as an encoded destination. */
	if (shunt_lane_is_source(shunt_swap32(src)))
		return SHUNT_REASON_LOOPBACK_SOURCE;
	return reason;
}

/* Rule 10, for a captured destination. own: it is an address of this namespace. */
SHUNT_INLINE enum shunt_reason shunt_decide_captured(struct shunt_env *env, const struct shunt_scope *scope,
						     const struct shunt_flow *flow, int own,
						     struct shunt_listener *listener)
{
	const struct shunt_ip any = { { 0, 0, 0, 0 } };
	enum shunt_reason reason = SHUNT_REASON_UNMATCHED;

	if (!flow->is_v4) {
		if ((flow->dst.words_be[0] & shunt_swap32(0xffc00000u)) == shunt_swap32(0xfe800000u))
			return SHUNT_REASON_LINK_LOCAL;
		if (scope->flags & SHUNT_SCOPE_IPV6_REFUSE)
			return SHUNT_REASON_IPV6_REFUSE;
		if (!(scope->flags & SHUNT_SCOPE_IPV6_CAPTURE))
			return SHUNT_REASON_IPV6_BYPASS;
	}
	if (scope->flags & SHUNT_SCOPE_LISTENERS) {
		if (shunt_env_listener(env, &flow->dst, flow->dst_port_be, listener))
			reason = SHUNT_REASON_LISTENER;
		else if (shunt_env_listener(env, &any, flow->dst_port_be, listener))
			reason = SHUNT_REASON_PORT_LISTENER;
	}
	if (reason == SHUNT_REASON_UNMATCHED) {
		if (scope->flags & SHUNT_SCOPE_KERNEL_POLICY)
			return scope->flags & SHUNT_SCOPE_REGISTRY_ONLY ? SHUNT_REASON_BLACK_HOLE_CLUSTER
									: SHUNT_REASON_PASSTHROUGH_CLUSTER;
	} else if (listener->flags & SHUNT_LISTENER_DIRECT) {
		return SHUNT_REASON_DIRECT;
	} else if (listener->flags & SHUNT_LISTENER_EMPTY) {
		return SHUNT_REASON_BLACK_HOLE_CLUSTER;
	}
	return shunt_check_source(scope, flow, own, reason);
}

/* The rules in order; the first that matches decides. *listener is set where a listener decided. */
SHUNT_INLINE enum shunt_reason shunt_decide(struct shunt_env *env, const struct shunt_scope *scope,
					    const struct shunt_flow *flow, struct shunt_listener *listener)
{
	const int is_v4 = flow->is_v4;
	const __u32 dst4 = flow->dst.words_be[3];
	struct shunt_ip looked_up = flow->dst;
	__u32 port_flags = 0, cidr_flags = 0, gid_flags = 0;
	enum shunt_reason reason;
	int loopback, any, own, own_is_direct;

	/* 1 */
	if (flow->protocol != SHUNT_IPPROTO_TCP)
		return SHUNT_REASON_NOT_TCP;
	if (flow->address_family != flow->socket_family)
		return SHUNT_REASON_FAMILY_MISMATCH;
	if (!flow->dst_port_be)
		return SHUNT_REASON_PORT_ZERO;
	if (is_v4 ? (dst4 & shunt_swap32(0xf0000000u)) == shunt_swap32(0xe0000000u)
		  : (flow->dst.words_be[0] & shunt_swap32(0xff000000u)) == shunt_swap32(0xff000000u))
		return SHUNT_REASON_MULTICAST;
	if (is_v4 && (dst4 == 0xffffffffu || dst4 == shunt_swap32(0x7fffffffu)))
		return SHUNT_REASON_BROADCAST;

	any = shunt_ip_is_any(&flow->dst);
	loopback = any || (is_v4 ? shunt_v4_is_loopback(dst4) : shunt_v6_is_loopback(&flow->dst));
	if (scope->flags & SHUNT_SCOPE_GIDS)
		gid_flags = shunt_env_owner(env, SHUNT_OWNER_GID, flow->gid);

	/* 2 */
	if (SHUNT_RARELY(loopback)) {
		int own_port = flow->dst_port_be == (is_v4 ? scope->proxy4_port_be : scope->proxy6_port_be);

		if (own_port || (is_v4 && shunt_env_is_proxy_port(env, flow->dst_port_be))) {
			int is_self = own_port && shunt_identify(env, scope, flow, gid_flags) != SHUNT_REASON_UNSET;

			reason = shunt_check_proxy_port(env, flow, is_v4, is_self);
			if (reason != SHUNT_REASON_UNSET)
				return reason;
		}
	}
	/* 3 */
	if (scope->flags & SHUNT_SCOPE_PORTS)
		port_flags = shunt_env_port(env, flow->dst_port_be);
	if (port_flags & SHUNT_PORT_EXCLUDED)
		return SHUNT_REASON_EXCLUDED_PORT;
	/* 4 */
	reason = shunt_identify(env, scope, flow, gid_flags);
	if (reason != SHUNT_REASON_UNSET)
		return reason;
	/* 5 */
	own_is_direct = !(scope->flags & SHUNT_SCOPE_INCLUDE_OWN) || shunt_is_inbound_source(&flow->src);
	own = loopback;
	if (!own && (own_is_direct || shunt_is_loopback_source(flow)))
		own = shunt_env_is_own(env, flow);
	if (own && own_is_direct)
		return SHUNT_REASON_OWN_ADDRESS;
	/* 6: with an include list the exclude list is not asked, as in istio-iptables */
	if (scope->flags & SHUNT_SCOPE_OWNER_INCLUDE_LIST) {
		if (!(gid_flags & SHUNT_OWNER_INCLUDED))
			return SHUNT_REASON_OWNER_NOT_INCLUDED;
	} else if (gid_flags & SHUNT_OWNER_EXCLUDED) {
		return SHUNT_REASON_OWNER_EXCLUDED;
	}
	/* 7: 0.0.0.0 and :: reach 127.0.0.1 and ::1 */
	if (any)
		looked_up.words_be[3] = is_v4 ? shunt_swap32(0x7f000001u) : shunt_swap32(1u);
	if (scope->flags & (is_v4 ? SHUNT_SCOPE_CIDRS4 : SHUNT_SCOPE_CIDRS6))
		cidr_flags = shunt_env_cidr(env, &looked_up, is_v4);
	if (cidr_flags & SHUNT_CIDR_LOOPBACK)
		return SHUNT_REASON_LOOPBACK;
	if (cidr_flags & SHUNT_CIDR_EXCLUDED)
		return SHUNT_REASON_EXCLUDED_CIDR;
	/* 8, 9 */
	if (!(port_flags & SHUNT_PORT_INCLUDED) && !(scope->flags & SHUNT_SCOPE_INCLUDE_ALL) &&
	    !(cidr_flags & SHUNT_CIDR_INCLUDED))
		return SHUNT_REASON_NOT_INCLUDED;
	/* 10 */
	return shunt_decide_captured(env, scope, flow, own, listener);
}

#endif
