// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* cgroup/connect4 and cgroup/connect6: each outgoing connect() gets exactly one verdict with exactly one reason. */
#include "lib/balance.h"
#include "lib/observe.h"
#include "lib/redirect.h"
#include "lib/scope.h"

#define SHUNT_ECONNREFUSED 111
#define SHUNT_EINVAL 22

/* What the socket carries from earlier calls; a record of an earlier connect() must not outlive this one. */
SHUNT_INLINE void shunt_read_history(struct bpf_sock *sk, struct shunt_flow *flow)
{
	struct shunt_sock *stored = bpf_sk_storage_get(&shunt_socks, sk, NULL, 0);
	int app_bound = 0;

	if (SHUNT_RARELY(stored)) {
		stored->flags &= ~(__u32)(SHUNT_SOCK_CLIENT | SHUNT_SOCK_BALANCED);
		/* A bind() that failed, or was taken back, leaves no source: the next one is not the application's. */
		if (shunt_ip_is_any(&flow->src))
			stored->flags &= ~(__u32)SHUNT_SOCK_APP_BOUND;
		app_bound = !!(stored->flags & SHUNT_SOCK_APP_BOUND);
	}
	if (!flow->src_port && !app_bound && shunt_ip_is_v4(&flow->src) &&
	    shunt_lane_is_source(shunt_swap32(flow->src.words_be[3])))
		flow->src_ours = 1;
}

/*
 * Connect where the application asked. A source address that this or an earlier run has set would be the wrong one
 * there, so it is taken back first.
 */
SHUNT_INLINE enum shunt_reason shunt_bypass(struct shunt_env *env, struct bpf_sock *sk, const struct shunt_flow *flow,
					    enum shunt_reason reason)
{
	const int set_now = reason == SHUNT_REASON_PROXY_DOWN_BYPASS && !flow->src_port && shunt_ip_is_any(&flow->src);
	struct shunt_sock *stored;

	if (reason == SHUNT_REASON_PROXY_DOWN_BYPASS || reason == SHUNT_REASON_INTERNAL_BYPASS) {
		stored = bpf_sk_storage_get(&shunt_socks, sk, NULL, 0);
		if (stored)
			stored->flags &= ~(__u32)SHUNT_SOCK_CLIENT;
	}
	if (!set_now && !flow->src_ours)
		return reason;
	shunt_count_event(SHUNT_EVENT_UNDO);
	if (!shunt_unbind(env->ctx, env->family))
		return reason;
	/* Dialling on from 127.A.B.C fails or misleads the server: an internal failure, and it cannot be bypassed. */
	shunt_count_event(SHUNT_EVENT_FAIL_BIND);
	return SHUNT_REASON_INTERNAL_REFUSE;
}

/*
 * connect() fails. Where the kernel cannot be told the errno, the destination becomes port 0 of loopback, which nobody
 * can listen on: ECONNREFUSED. A socket bound to a device would not reach it, it gets the kernel's EPERM.
 */
SHUNT_INLINE int shunt_refuse(struct bpf_sock_addr *ctx, struct bpf_sock *sk, int family, int is_v4,
			      enum shunt_reason reason)
{
	struct shunt_ip loopback = { { 0, 0, 0, shunt_swap32(1u) } };

	if (shunt_features & SHUNT_FEATURE_RETVAL) {
		bpf_set_retval(reason == SHUNT_REASON_LOOPBACK_SOURCE ? -SHUNT_EINVAL : -SHUNT_ECONNREFUSED);
		return 0;
	}
	if (reason == SHUNT_REASON_LOOPBACK_SOURCE)
		return 0;
	if (sk && sk->bound_dev_if && sk->bound_dev_if != SHUNT_LOOPBACK_IFINDEX)
		return 0;
	if (is_v4)
		shunt_ip_from_v4(&loopback, shunt_swap32(0x7f000001u));
	shunt_write_dst(ctx, family, &loopback, 0);
	return 1;
}

/*
 * The verifier follows every value that it knows through all that comes after. With a zero added that it cannot know, all
 * reasons are one number to it, and what follows is verified once.
 */
SHUNT_INLINE __u32 shunt_forget(const struct shunt_scope *scope, __u32 number)
{
	return number + scope->zero;
}

SHUNT_INLINE int shunt_connect(struct bpf_sock_addr *ctx, int family, int is_v4)
{
	__u32 bank = 0;
	const struct shunt_scope *scope = shunt_open_scope(&bank);
	struct shunt_env env = { .ctx = ctx, .family = family, .bank = bank, .scope = scope, .slot = SHUNT_NO_LISTENER };
	struct bpf_sock *sk = ctx->sk;
	struct shunt_flow flow = {};
	enum shunt_reason reason;
	struct shunt_listener listener = {};

	if (SHUNT_RARELY(!scope || !sk)) {
		shunt_count_event(SHUNT_EVENT_FAIL_STATE);
		shunt_count_reason(SHUNT_REASON_INTERNAL_REFUSE);
		shunt_tell_observers(&flow, SHUNT_REASON_INTERNAL_REFUSE, SHUNT_LANE_NONE);
		return shunt_refuse(ctx, sk, family, is_v4, SHUNT_REASON_INTERNAL_REFUSE);
	}
	if (family == SHUNT_AF_INET)
		shunt_read_flow4(ctx, sk, scope, &flow);
	else
		shunt_read_flow6(ctx, sk, scope, &flow, is_v4);
	shunt_read_history(sk, &flow);
	env.port_bits = shunt_read_port_bits(bank, flow.dst_port_be);

	reason = shunt_decide(&env, scope, &flow, &listener);
	if (SHUNT_RARELY(env.failed))
		reason = shunt_internal(scope, SHUNT_EVENT_FAIL_STATE);
	reason = shunt_forget(scope, reason);
	env.slot = shunt_forget(scope, env.slot);
	if (shunt_verdict_of(reason) == SHUNT_VERDICT_REDIRECT)
		reason = shunt_redirect(&env, sk, scope, &flow, reason);
	else if (SHUNT_RARELY(shunt_verdict_of(reason) == SHUNT_VERDICT_BALANCE))
		reason = shunt_balance(&env, sk, scope, &flow);
	reason = shunt_forget(scope, reason);
	if (SHUNT_RARELY(shunt_verdict_of(reason) == SHUNT_VERDICT_BYPASS))
		reason = shunt_bypass(&env, sk, &flow, reason);
	shunt_count_reason(reason);
	/* Last: its cache line was asked for when it was looked up, and an atomic add waits for all that is under way. */
	if (env.slot >= 0)
		shunt_count_hit(&env);
	shunt_tell_observers(&flow, reason, env.lane);
	if (SHUNT_RARELY(shunt_verdict_of(reason) == SHUNT_VERDICT_REFUSE))
		return shunt_refuse(ctx, sk, family, is_v4, reason);
	return 1;
}

SEC("cgroup/connect4")
int shunt_connect4(struct bpf_sock_addr *ctx)
{
	return shunt_connect(ctx, SHUNT_AF_INET, 1);
}

SEC("cgroup/connect6")
int shunt_connect6(struct bpf_sock_addr *ctx)
{
	if (shunt_names_mapped(ctx))
		return shunt_connect(ctx, SHUNT_AF_INET6, 1);
	return shunt_connect(ctx, SHUNT_AF_INET6, 0);
}

/* One named constant in .rodata; the loader fills it in before the programs are verified. */
const volatile __u32 shunt_features = 0;

/* The helpers used are for GPL-compatible programs. */
char shunt_license[] SEC("license") = "GPL";
