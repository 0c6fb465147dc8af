// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * What applications are told about a redirected connection: getpeername() says what they dialled, and where
 * clientAddress is set, the client's getsockname() and the proxy's accept() and getpeername() say that address instead
 * of 127.x, with the true port.
 */
#include "lib/account.h"
#include "lib/ctx.h"
#include "lib/netns.h"
#include "lib/origdst.h"
#include "lib/pending.h"
#include "lib/scope.h"

/* Which end of a redirected connection a socket is. */
enum shunt_end { SHUNT_END_NONE, SHUNT_END_CLIENT, SHUNT_END_BALANCED, SHUNT_END_PROXY };

SHUNT_INLINE void shunt_remote(struct bpf_sock *sk, int family, struct shunt_ip *ip)
{
	if (family == SHUNT_AF_INET) {
		shunt_ip_from_v4(ip, sk->dst_ip4);
		return;
	}
	ip->words_be[0] = sk->dst_ip6[0];
	ip->words_be[1] = sk->dst_ip6[1];
	ip->words_be[2] = sk->dst_ip6[2];
	ip->words_be[3] = sk->dst_ip6[3];
}

/* As sockops tells it, which has no cookies on some kernels that have them here. */
SHUNT_INLINE __u64 shunt_netns(struct bpf_sock_addr *ctx, struct bpf_sock *sk)
{
	return shunt_features & SHUNT_FEATURE_SOCKOPS_COOKIE ? bpf_get_netns_cookie(ctx) : shunt_netns_inode(sk);
}

/* Only for connections that were redirected or balanced; dest is what the application dialled. */
SHUNT_INLINE enum shunt_end shunt_end_of(struct bpf_sock_addr *ctx, struct bpf_sock *sk, int family,
					 const struct shunt_bank *header, struct shunt_dest *dest)
{
	struct shunt_sock *stored = bpf_sk_storage_get(&shunt_socks, sk, NULL, 0);
	const __u16 remote_port_be = sk->dst_port;
	struct shunt_ip remote;

	shunt_remote(sk, family, &remote);
	if (stored && stored->flags & SHUNT_SOCK_ACCEPTED) {
		*dest = stored->dest;
		return SHUNT_END_PROXY;
	}
	/* A record that belongs to an earlier connect() names another remote end. */
	if (stored && stored->flags & SHUNT_SOCK_CLIENT && remote_port_be == stored->pending_key.dst_port_be &&
	    shunt_ip_equal(&remote, &stored->pending_key.dst)) {
		*dest = stored->dest;
		return SHUNT_END_CLIENT;
	}
	if (stored && stored->flags & SHUNT_SOCK_BALANCED && remote_port_be == stored->pending_key.dst_port_be &&
	    shunt_ip_equal(&remote, &stored->pending_key.dst)) {
		*dest = stored->dest;
		return SHUNT_END_BALANCED;
	}
	if (shunt_ip_is_v4(&remote)) {
		if (shunt_is_proxy_port(header, remote_port_be) && shunt_resolve4(sk->src_ip4, sk->dst_ip4, dest))
			return SHUNT_END_CLIENT;
		/* A reset that comes before accept() gives the port back, while the addresses stay. */
		if ((!sk->src_port || shunt_is_proxy_port(header, shunt_swap16((__u16)sk->src_port))) &&
		    shunt_resolve4(sk->dst_ip4, sk->src_ip4, dest))
			return SHUNT_END_PROXY;
	}
	if (shunt_any_held() && shunt_held(sk, shunt_netns(ctx, sk), dest))
		return SHUNT_END_PROXY;
	return SHUNT_END_NONE;
}

/* Shows the configured client address in place of a loopback one; the port stays. */
SHUNT_INLINE int shunt_show_client(struct bpf_sock_addr *ctx, int family, const struct shunt_scope *scope,
				   const struct shunt_dest *dest)
{
	const __u16 port_be = (__u16)SHUNT_CTX(ctx, user_port);
	struct shunt_ip shown;

	if (family == SHUNT_AF_INET) {
		if (!shunt_v4_is_loopback(SHUNT_CTX(ctx, user_ip4)))
			return 1;
	} else {
		shown.words_be[0] = SHUNT_CTX(ctx, user_ip6[0]);
		shown.words_be[1] = SHUNT_CTX(ctx, user_ip6[1]);
		shown.words_be[2] = SHUNT_CTX(ctx, user_ip6[2]);
		shown.words_be[3] = SHUNT_CTX(ctx, user_ip6[3]);
		if (!shunt_v6_is_loopback(&shown) &&
		    !(shunt_ip_is_v4(&shown) && shunt_v4_is_loopback(shown.words_be[3])))
			return 1;
	}
	/* A connection to a loopback destination has a loopback source without shunt too. */
	if (shunt_ip_is_v4(&dest->addr) ? shunt_v4_is_loopback(dest->addr.words_be[3]) : shunt_v6_is_loopback(&dest->addr))
		return 1;
	if (shunt_ip_is_v4(&dest->addr)) {
		if (!(scope->flags & SHUNT_SCOPE_CLIENT4))
			return 1;
		shunt_ip_from_v4(&shown, scope->client4_be);
	} else {
		if (!(scope->flags & SHUNT_SCOPE_CLIENT6))
			return 1;
		shown = scope->client6;
	}
	shunt_write_dst(ctx, family, &shown, port_be);
	shunt_count_event(SHUNT_EVENT_CLIENT_ADDRESS);
	return 1;
}

SHUNT_INLINE int shunt_peername(struct bpf_sock_addr *ctx, int family)
{
	struct bpf_sock *sk = ctx->sk;
	const struct shunt_scope *scope;
	const struct shunt_bank *header;
	struct shunt_dest dest = {};
	enum shunt_end end;
	__u32 bank = 0;

	header = shunt_open_bank(&bank);
	if (!header || !sk)
		return 1;
	end = shunt_end_of(ctx, sk, family, header, &dest);
	if (end == SHUNT_END_PROXY) {
		scope = shunt_scope_in(header, bank);
		return scope ? shunt_show_client(ctx, family, scope, &dest) : 1;
	}
	if (end == SHUNT_END_CLIENT || end == SHUNT_END_BALANCED) {
		shunt_write_dst(ctx, family, &dest.addr, dest.port_be);
		shunt_count_event(SHUNT_EVENT_PEERNAME);
	}
	return 1;
}

SHUNT_INLINE int shunt_sockname(struct bpf_sock_addr *ctx, int family)
{
	struct bpf_sock *sk = ctx->sk;
	const struct shunt_scope *scope;
	const struct shunt_bank *header;
	struct shunt_dest dest = {};
	__u32 bank = 0;

	header = shunt_open_bank(&bank);
	if (!header || !sk || shunt_end_of(ctx, sk, family, header, &dest) != SHUNT_END_CLIENT)
		return 1;
	scope = shunt_scope_in(header, bank);
	return scope ? shunt_show_client(ctx, family, scope, &dest) : 1;
}

SEC("cgroup/getpeername4")
int shunt_peername4(struct bpf_sock_addr *ctx)
{
	return shunt_peername(ctx, SHUNT_AF_INET);
}

SEC("cgroup/getpeername6")
int shunt_peername6(struct bpf_sock_addr *ctx)
{
	return shunt_peername(ctx, SHUNT_AF_INET6);
}

SEC("cgroup/getsockname4")
int shunt_sockname4(struct bpf_sock_addr *ctx)
{
	return shunt_sockname(ctx, SHUNT_AF_INET);
}

SEC("cgroup/getsockname6")
int shunt_sockname6(struct bpf_sock_addr *ctx)
{
	return shunt_sockname(ctx, SHUNT_AF_INET6);
}
