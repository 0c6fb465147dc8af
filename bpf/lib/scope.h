/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* The settings in force for the calling process. */
#ifndef SHUNT_SCOPE_H
#define SHUNT_SCOPE_H

#include "bank.h"
#include "tables.h"

#define SHUNT_DEEPEST_LEVEL 31

/*
 * The cgroup whose scope governs the calling process: the deepest of its ancestors that has one; 0: the base scope. A
 * function of its own, verified once; weak, because two source files have it. Costs two look-ups for each level at
 * which there are scopes.
 */
__attribute__((noinline, weak)) __u64 shunt_find_scope(__u32 bank)
{
	const struct shunt_bank *header = bpf_map_lookup_elem(&shunt_banks, &bank);
	void *table = bpf_map_lookup_elem(&shunt_scopes_b, &bank);
	struct shunt_scope_key key = {};
	__u32 levels;
	int level;

	if (!header || !table)
		return 0;
	levels = header->levels;
#pragma clang loop unroll(disable)
	for (level = SHUNT_DEEPEST_LEVEL; level > 0; level--) {
		if (!(levels >> level & 1))
			continue;
		key.cgroup_id = bpf_get_current_ancestor_cgroup_id(level);
		if (key.cgroup_id && bpf_map_lookup_elem(table, &key))
			return key.cgroup_id;
	}
	return 0;
}

/* The caller's settings in that bank. NULL: none (a failure, never "bypass"). */
SHUNT_INLINE const struct shunt_scope *shunt_scope_in(const struct shunt_bank *header, __u32 bank)
{
	struct shunt_scope_key key = {};
	void *table = bpf_map_lookup_elem(&shunt_scopes_b, &bank);
	const struct shunt_scope *scope;

	if (SHUNT_RARELY(!table))
		return NULL;
	if (SHUNT_RARELY(header->levels))
		key.cgroup_id = shunt_find_scope(bank);
	scope = bpf_map_lookup_elem(table, &key);
	return scope && scope->flags & SHUNT_SCOPE_VALID ? scope : NULL;
}

/*
 * Reads the generation ONCE and gives the bank it names and the caller's settings there. Everything else in the run
 * must use this bank: a second read could see the other configuration.
 */
SHUNT_INLINE const struct shunt_scope *shunt_open_scope(__u32 *bank)
{
	const struct shunt_bank *header = shunt_open_bank(bank);

	return header ? shunt_scope_in(header, *bank) : NULL;
}

#endif
