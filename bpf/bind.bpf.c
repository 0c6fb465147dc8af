// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * cgroup/bind4 and bind6. They run on bind(2) only, not on bpf_bind(). The post_bind hooks would not do: they do not run
 * for sockets with IP_BIND_ADDRESS_NO_PORT.
 *
 * An application that binds an address the address lane could have made is remembered, so that the connect hook never
 * takes that source for its own. And a proxy's port is for the proxy: while it is down, an application that took the
 * port would be given the connections of all the others.
 */
#include "lib/account.h"
#include "lib/env.h"
#include "lib/scope.h"

/* By the caller's ids: the socket has none of interest yet. */
SHUNT_INLINE int shunt_is_proxy(struct bpf_sock_addr *ctx, int family, __u32 bank, const struct shunt_scope *scope)
{
	const __u64 ids = bpf_get_current_uid_gid();
	struct shunt_env env = { .ctx = ctx, .family = family, .bank = bank, .scope = scope };
	struct shunt_flow flow = { .uid = (__u32)ids, .gid = (__u32)(ids >> 32) };
	__u32 gid_flags = 0;

	/* HAProxy and Squid bind as root, and become the user that the configuration names later. */
	if (!flow.uid && !(scope->flags & SHUNT_SCOPE_PROXY_CGROUP))
		return 1;
	if (ctx->sk)
		flow.mark = ctx->sk->mark;
	if (scope->flags & SHUNT_SCOPE_GIDS)
		gid_flags = shunt_env_owner(&env, SHUNT_OWNER_GID, flow.gid);
	return shunt_identify(&env, scope, &flow, gid_flags) != SHUNT_REASON_UNSET;
}

/* Is this a port of a proxy, and the caller somebody else? An MPTCP listener takes plain TCP connections too. */
SHUNT_INLINE int shunt_bind_guarded(struct bpf_sock_addr *ctx, int family)
{
	const __u16 port_be = (__u16)SHUNT_CTX(ctx, user_port);
	const struct shunt_bank *header;
	const struct shunt_scope *scope;
	__u32 bank = 0;

	if (!port_be || ctx->type != SHUNT_STREAM)
		return 0;
	header = shunt_open_bank(&bank);
	scope = header ? shunt_scope_in(header, bank) : NULL;
	if (!scope || !(scope->flags & SHUNT_SCOPE_BIND_GUARD))
		return 0;
	if (!shunt_is_proxy_port(header, port_be) &&
	    !(scope->flags & SHUNT_SCOPE_PROXY_V6 && port_be == scope->proxy6_port_be))
		return 0;
	return !shunt_is_proxy(ctx, family, bank, scope);
}

SHUNT_INLINE int shunt_bind_seen(struct bpf_sock_addr *ctx, int family, __u32 addr_be)
{
	const int looks_ours = shunt_lane_is_source(shunt_swap32(addr_be));
	struct bpf_sock *sk = ctx->sk;
	struct shunt_sock *stored;

	if (!sk)
		return 1;
	if (shunt_bind_guarded(ctx, family)) {
		shunt_count_event(SHUNT_EVENT_BIND_REFUSED);
		return 0;
	}
	stored = bpf_sk_storage_get(&shunt_socks, sk, NULL, looks_ours ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	if (!stored) {
		if (!looks_ours)
			return 1;
		/* Unremembered, the socket could forge an original destination: bind() fails with EPERM. */
		shunt_count_event(SHUNT_EVENT_FAIL_STORAGE);
		return 0;
	}
	if (looks_ours)
		stored->flags |= SHUNT_SOCK_APP_BOUND;
	else
		stored->flags &= ~(__u32)SHUNT_SOCK_APP_BOUND;
	return 1;
}

SEC("cgroup/bind4")
int shunt_bind4(struct bpf_sock_addr *ctx)
{
	return shunt_bind_seen(ctx, SHUNT_AF_INET, SHUNT_CTX(ctx, user_ip4));
}

SEC("cgroup/bind6")
int shunt_bind6(struct bpf_sock_addr *ctx)
{
	return shunt_bind_seen(ctx, SHUNT_AF_INET6, shunt_names_mapped(ctx) ? SHUNT_CTX(ctx, user_ip6[3]) : 0);
}
