// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * cgroup/getsockopt: answers SO_ORIGINAL_DST. An IPv4 destination is answered at level SOL_IP, an IPv6 one at SOL_IPV6;
 * the other level keeps the kernel's error, proxies that try both rely on it.
 */
#include "lib/account.h"
#include "lib/bank.h"
#include "lib/ctx.h"
#include "lib/netns.h"
#include "lib/origdst.h"
#include "lib/pending.h"

#define SHUNT_SOL_IP 0
#define SHUNT_SOL_IPV6 41
#define SHUNT_SO_ORIGINAL_DST 80

/*
 * The portable subset: retval is only ever written as 0, optlen only together with a filled buffer, and the buffer's
 * bounds are checked exactly once on each path; some kernels drop what follows the second of two equal checks.
 */
SHUNT_INLINE enum shunt_event shunt_answer4(struct bpf_sockopt *ctx, const struct shunt_dest *dest,
					    enum shunt_event event)
{
	struct shunt_sockaddr4 *out = ctx->optval;

	if ((void *)(out + 1) > ctx->optval_end)
		return SHUNT_EVENT_ORIGDST_SHORT;
	out->family = SHUNT_AF_INET;
	out->port_be = dest->port_be;
	out->addr_be = dest->addr.words_be[3];
	__builtin_memset(out->zero, 0, sizeof(out->zero));
	SHUNT_CTX(ctx, optlen) = sizeof(*out);
	SHUNT_CTX(ctx, retval) = 0;
	return event;
}

SHUNT_INLINE enum shunt_event shunt_answer6(struct bpf_sockopt *ctx, const struct shunt_dest *dest,
					    enum shunt_event event)
{
	struct shunt_sockaddr6 *out = ctx->optval;

	if ((void *)(out + 1) > ctx->optval_end)
		return SHUNT_EVENT_ORIGDST_SHORT;
	out->family = SHUNT_AF_INET6;
	out->port_be = dest->port_be;
	out->flowinfo = 0;
	out->addr.words_be[0] = dest->addr.words_be[0];
	out->addr.words_be[1] = dest->addr.words_be[1];
	out->addr.words_be[2] = dest->addr.words_be[2];
	out->addr.words_be[3] = dest->addr.words_be[3];
	out->scope_id = 0;
	SHUNT_CTX(ctx, optlen) = sizeof(*out);
	SHUNT_CTX(ctx, retval) = 0;
	return event;
}

SHUNT_INLINE __u64 shunt_netns(struct bpf_sockopt *ctx, struct bpf_sock *sk)
{
	return shunt_features & SHUNT_FEATURE_SOCKOPT_COOKIE ? bpf_get_netns_cookie(ctx) : shunt_netns_inode_read(sk);
}

SHUNT_INLINE enum shunt_event shunt_find_in_addresses(const struct bpf_sock *sk, struct shunt_dest *dest)
{
	const struct shunt_bank *header;
	__u32 bank = 0;

	header = shunt_open_bank(&bank);
	if (!header || !header->proxy_ports)
		return SHUNT_EVENT_UNSET;
	/* A reset that comes before accept() gives the port back, while the addresses stay. */
	if (sk->src_port && !shunt_is_proxy_port(header, shunt_swap16((__u16)sk->src_port)))
		return SHUNT_EVENT_UNSET;
	return shunt_resolve4(sk->dst_ip4, sk->src_ip4, dest);
}

/* The original destination of an accepted socket: from its storage, its addresses, or the record that it could not take. */
SHUNT_INLINE enum shunt_event shunt_find(struct bpf_sockopt *ctx, struct bpf_sock *sk, struct shunt_dest *dest)
{
	const struct shunt_sock *stored = bpf_sk_storage_get(&shunt_socks, sk, NULL, 0);
	enum shunt_event event;

	if (stored && stored->flags & SHUNT_SOCK_ACCEPTED) {
		*dest = stored->dest;
		return SHUNT_EVENT_ORIGDST_RECORD;
	}
	event = shunt_find_in_addresses(sk, dest);
	if (event == SHUNT_EVENT_UNSET && shunt_any_held() && shunt_held(sk, shunt_netns(ctx, sk), dest))
		event = SHUNT_EVENT_ORIGDST_RECORD;
	return event;
}

/*
 * Not redirected by us. With NAT rules of others active conntrack may name the proxy's own port, and a proxy that
 * believes it dials itself: rule 2 refuses that connect (looping), this counts where it came from. Both forms of
 * address have the port in one place.
 */
SHUNT_INLINE enum shunt_event shunt_not_ours(struct bpf_sockopt *ctx, const struct bpf_sock *sk)
{
	const struct shunt_sockaddr4 *answer = ctx->optval;

	if (SHUNT_CTX(ctx, retval) != 0 || (const void *)(answer + 1) > ctx->optval_end)
		return SHUNT_EVENT_ORIGDST_NONE;
	return answer->port_be == shunt_swap16((__u16)sk->src_port) ? SHUNT_EVENT_ORIGDST_SELF :
								      SHUNT_EVENT_ORIGDST_NONE;
}

/*
 * A question that we do not answer ends as the kernel has answered it; optlen 0 says so where the kernel asks for it:
 * where optlen is larger than its copy of the buffer, or (before it had retvals of programs) where its answer is an
 * error. Without it the caller gets EFAULT, or a length that the kernel had meant to tell is lost (SO_PEERGROUPS).
 */
SHUNT_INLINE void shunt_leave(struct bpf_sockopt *ctx)
{
	if (SHUNT_CTX(ctx, optlen) > 4096 ||
	    (!(shunt_features & SHUNT_FEATURE_RETVAL) && SHUNT_CTX(ctx, retval) != 0))
		SHUNT_CTX(ctx, optlen) = 0;
}

SEC("cgroup/getsockopt")
int shunt_origdst(struct bpf_sockopt *ctx)
{
	const __s32 level = ctx->level, optname = ctx->optname;
	struct shunt_dest dest = {};
	enum shunt_event event;
	struct bpf_sock *sk;

	if (optname != SHUNT_SO_ORIGINAL_DST || (level != SHUNT_SOL_IP && level != SHUNT_SOL_IPV6)) {
		shunt_leave(ctx);
		return 1;
	}
	sk = ctx->sk;
	if (!sk)
		return 1;
	event = shunt_find(ctx, sk, &dest);
	if (event == SHUNT_EVENT_UNSET)
		event = shunt_not_ours(ctx, sk);
	else if (shunt_ip_is_v4(&dest.addr) && level == SHUNT_SOL_IP)
		event = shunt_answer4(ctx, &dest, event);
	else if (!shunt_ip_is_v4(&dest.addr) && level == SHUNT_SOL_IPV6)
		event = shunt_answer6(ctx, &dest, event);
	else
		event = SHUNT_EVENT_ORIGDST_NONE;
	if (event == SHUNT_EVENT_ORIGDST_NONE || event == SHUNT_EVENT_ORIGDST_SHORT || event == SHUNT_EVENT_ORIGDST_SELF)
		shunt_leave(ctx);
	shunt_count_event(event);
	return 1;
}
