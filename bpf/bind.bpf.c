// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * cgroup/post_bind4 and post_bind6: an application that binds an address the address lane could have made is
 * remembered, so that the connect hook never takes that source for its own. Runs on bind(2) only, not on bpf_bind().
 */
#include "lib/account.h"
#include "lib/lane.h"

SHUNT_INLINE int shunt_post_bind(struct bpf_sock *sk, __u32 addr_be)
{
	const int looks_ours = shunt_lane_is_source(shunt_swap32(addr_be));
	struct shunt_sock *stored;

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

SEC("cgroup/post_bind4")
int shunt_bind4(struct bpf_sock *ctx)
{
	return shunt_post_bind(ctx, ctx->src_ip4);
}

SEC("cgroup/post_bind6")
int shunt_bind6(struct bpf_sock *ctx)
{
	if (ctx->src_ip6[0] || ctx->src_ip6[1] || ctx->src_ip6[2] != shunt_swap32(0xffffu))
		return shunt_post_bind(ctx, 0);
	return shunt_post_bind(ctx, ctx->src_ip6[3]);
}
