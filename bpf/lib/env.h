/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* decide.h's environment over BPF maps. */
#ifndef SHUNT_ENV_H
#define SHUNT_ENV_H

#include "shunt/slots.h"

#include "bank.h"
#include "ctx.h"
#include "own.h"
#include "tables.h"

#define SHUNT_NO_LISTENER (-1)
#define SHUNT_NO_TABLE (-2)
/* What a missing table answers: the rule that asked ends the decision, which is void. */
#define SHUNT_EVERY_FLAG (~0u)

/* No address of a member may be taken: family must stay a compile-time constant (ctx.h). */
struct shunt_env {
	struct bpf_sock_addr *ctx;
	int family; /* of the hook */
	__u32 bank;
	const struct shunt_scope *scope;
	__u32 port_bits; /* enum shunt_port_bit, of the destination's port */
	enum shunt_lane lane; /* that a redirect took */
	int slot; /* of the listener that decided; no pointer: the verifier would follow two ways */
	int failed; /* a table that the settings promise is missing: the verdict is void */
};

#include "decide.h"

SHUNT_INLINE __u32 shunt_read_port_bits(__u32 bank, __u16 port_be)
{
	const __u16 port = shunt_swap16(port_be);
	__u32 at = bank * SHUNT_PORT_LINES + port / SHUNT_PORTS_A_LINE;
	const struct shunt_port_line *line = bpf_map_lookup_elem(&shunt_port_bits, &at);

	return line ? line->bits[port % SHUNT_PORTS_A_LINE] : SHUNT_EVERY_FLAG;
}

SHUNT_INLINE __u32 shunt_env_port(struct shunt_env *env, __u16 port_be)
{
	__u32 bank = env->bank;
	struct shunt_port_key key = { .set = env->scope->ports_set, .port_be = port_be };
	const struct shunt_port_rule *rule;
	void *table;

	if (!(env->port_bits & SHUNT_PORT_RULE))
		return 0;
	table = bpf_map_lookup_elem(&shunt_ports_b, &bank);
	if (SHUNT_RARELY(!table)) {
		env->failed = 1;
		return SHUNT_EVERY_FLAG;
	}
	rule = bpf_map_lookup_elem(table, &key);
	return rule ? rule->flags : 0;
}

SHUNT_INLINE __u32 shunt_env_cidr(struct shunt_env *env, const struct shunt_ip *addr, int is_v4)
{
	__u32 bank = env->bank;
	const struct shunt_cidr_rule *rule;
	void *table;

	if (is_v4) {
		struct shunt_cidr4_key key = {
			.prefix_len = 64, .set = env->scope->cidrs_set, .addr_be = addr->words_be[3]
		};

		table = bpf_map_lookup_elem(&shunt_cidrs4_b, &bank);
		if (SHUNT_RARELY(!table)) {
			env->failed = 1;
			return SHUNT_EVERY_FLAG;
		}
		rule = bpf_map_lookup_elem(table, &key);
	} else {
		struct shunt_cidr6_key key = {
			.prefix_len = 160,
			.set = env->scope->cidrs_set,
			.addr_be = { addr->words_be[0], addr->words_be[1], addr->words_be[2], addr->words_be[3] },
		};

		table = bpf_map_lookup_elem(&shunt_cidrs6_b, &bank);
		if (SHUNT_RARELY(!table)) {
			env->failed = 1;
			return SHUNT_EVERY_FLAG;
		}
		rule = bpf_map_lookup_elem(table, &key);
	}
	return rule ? rule->flags : 0;
}

SHUNT_INLINE __u32 shunt_env_owner(struct shunt_env *env, __u32 kind, __u32 id)
{
	__u32 bank = env->bank;
	struct shunt_owner_key key = { .kind = kind, .id = id, .set = env->scope->owners_set };
	void *table = bpf_map_lookup_elem(&shunt_owners_b, &bank);
	const struct shunt_owner_rule *rule;

	if (SHUNT_RARELY(!table)) {
		env->failed = 1;
		return SHUNT_EVERY_FLAG;
	}
	rule = bpf_map_lookup_elem(table, &key);
	return rule ? rule->flags : 0;
}

/*
 * The slot of a listener; SHUNT_NO_LISTENER: there is none, SHUNT_NO_TABLE: a table that the settings promise is missing.
 * A function of its own with numbers for arguments: it is verified once; weak, because two source files have it.
 */
__attribute__((noinline, weak)) int shunt_find_listener(__u32 bank, __u64 word0, __u64 word1, __u64 word2)
{
	const struct shunt_bank *header = bpf_map_lookup_elem(&shunt_banks, &bank);
	void *table = bpf_map_lookup_elem(&shunt_listen_b, &bank);
	__u32 slot = shunt_listener_hash(word0, word1, word2);
	int i;

	if (!header || !table)
		return SHUNT_NO_TABLE;
#pragma clang loop unroll(disable)
	for (i = 0; i < SHUNT_LISTENER_PROBES; i++, slot++) {
		__u32 at = slot & header->listener_mask;
		const struct shunt_listener_slot *here = bpf_map_lookup_elem(table, &at);
		const __u64 *key = (const __u64 *)here;

		if (!here)
			return SHUNT_NO_TABLE;
		if (!here->listener.id)
			return SHUNT_NO_LISTENER;
		if (!((key[0] ^ word0) | (key[1] ^ word1) | (key[2] ^ word2)))
			return (int)at;
	}
	return SHUNT_NO_LISTENER;
}

SHUNT_INLINE int shunt_env_listener(struct shunt_env *env, const struct shunt_ip *addr, __u16 port_be,
				    struct shunt_listener *out)
{
	__u32 bank = env->bank;
	union shunt_listener_words as = {
		.key = { .addr = *addr, .port_be = port_be, .set = env->scope->listeners_set }
	};
	const int any = !(as.words[0] | as.words[1]);
	struct shunt_listener_slot *found;
	void *table;
	int slot;

	if (!(env->port_bits & (any ? SHUNT_PORT_ANY_LISTENER : shunt_port_class(as.words[0], as.words[1]))))
		return 0;
	slot = shunt_find_listener(bank, as.words[0], as.words[1], as.words[2]);
	if (slot == SHUNT_NO_LISTENER)
		return 0;
	table = bpf_map_lookup_elem(&shunt_listen_b, &bank);
	found = table ? bpf_map_lookup_elem(table, &slot) : NULL;
	if (SHUNT_RARELY(!found)) {
		env->failed = 1;
		return 0;
	}
	/* The first listener that is found decides. */
	env->slot = slot;
	*out = found->listener;
	return 1;
}

/* The listener that decided. NULL: none did. */
SHUNT_INLINE struct shunt_listener *shunt_listener_at(struct shunt_env *env)
{
	__u32 bank = env->bank;
	int slot = env->slot;
	void *table = bpf_map_lookup_elem(&shunt_listen_b, &bank);
	struct shunt_listener_slot *found = table ? bpf_map_lookup_elem(table, &slot) : NULL;

	return found ? &found->listener : NULL;
}

SHUNT_INLINE void shunt_count_hit(struct shunt_env *env)
{
	struct shunt_listener *listener = shunt_listener_at(env);

	if (listener)
		__sync_fetch_and_add(&listener->hits, 1);
}

SHUNT_INLINE int shunt_env_in_proxy_cgroup(struct shunt_env *env, const struct shunt_scope *scope)
{
	(void)env;
	return bpf_get_current_ancestor_cgroup_id(scope->proxy_cgroup_level) == scope->proxy_cgroup_id;
}

SHUNT_INLINE int shunt_env_is_proxy_port(struct shunt_env *env, __u16 port_be)
{
	__u32 bank = env->bank;
	const struct shunt_bank *header = bpf_map_lookup_elem(&shunt_banks, &bank);

	return header && shunt_is_proxy_port(header, port_be);
}

SHUNT_INLINE int shunt_env_has_token(struct shunt_env *env, __u32 token_be)
{
	struct shunt_dest_key key = { .token_be = token_be };

	(void)env;
	return bpf_map_lookup_elem(&shunt_dests, &key) != NULL;
}

/*
 * bind() succeeds for the namespace's own addresses only, so no list of addresses has to be kept. A broadcast address
 * binds too; leaving it alone is right, connect() to it fails by itself. Where IP_FREEBIND, IP_TRANSPARENT or
 * ip_nonlocal_bind make every bind succeed, an address that is never local (240.0.0.1, 100::1) binds as well, and the
 * answer says nothing: not own. A socket that has a source port cannot be bound again: own.h looks the address up.
 */
SHUNT_INLINE int shunt_env_is_own(struct shunt_env *env, const struct shunt_flow *flow)
{
	struct shunt_ip never = { { shunt_swap32(0x01000000u), 0, 0, shunt_swap32(1u) } };
	int own;

	if (SHUNT_RARELY(flow->src_port))
		return shunt_ip_equal(&flow->src, &flow->dst) ||
		       shunt_netns_has(env->ctx, flow->dst.words_be[0], flow->dst.words_be[1], flow->dst.words_be[2],
				       flow->dst.words_be[3]);
	if (shunt_bind(env->ctx, env->family, &flow->dst))
		return 0;
	if (flow->is_v4)
		shunt_ip_from_v4(&never, shunt_swap32(0xf0000001u));
	own = shunt_bind(env->ctx, env->family, &never) != 0;
	/* Put back what was there before: what the application bound, or nothing. */
	if (flow->src_ours || shunt_ip_is_any(&flow->src))
		shunt_unbind(env->ctx, env->family);
	else
		shunt_bind(env->ctx, env->family, &flow->src);
	return own;
}

#endif
