// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * cgroup/bind4 and bind6: an application that binds an address the address lane could have made is remembered, so that
 * the connect hook never takes that source for its own. They run on bind(2) only, not on bpf_bind(). The post_bind hooks
 * would not do: they do not run for sockets with IP_BIND_ADDRESS_NO_PORT.
 */
#include "lib/account.h"
#include "lib/ctx.h"

SHUNT_INLINE int shunt_bind_seen(struct bpf_sock_addr *ctx, __u32 addr_be)
{
	const int looks_ours = shunt_lane_is_source(shunt_swap32(addr_be));
	struct bpf_sock *sk = ctx->sk;
	struct shunt_sock *stored;

	if (!sk)
		return 1;
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
	return shunt_bind_seen(ctx, SHUNT_CTX(ctx, user_ip4));
}

SEC("cgroup/bind6")
int shunt_bind6(struct bpf_sock_addr *ctx)
{
	return shunt_bind_seen(ctx, shunt_names_mapped(ctx) ? SHUNT_CTX(ctx, user_ip6[3]) : 0);
}
