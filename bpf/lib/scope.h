/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* The settings in force. */
#ifndef SHUNT_SCOPE_H
#define SHUNT_SCOPE_H

#include "bytes.h"
#include "maps.h"

/*
 * Reads the generation ONCE and gives the bank it names and that bank's settings. Everything else in the run must use
 * this bank: a second read could see the other configuration. NULL: no configuration (a failure, never "bypass").
 */
SHUNT_INLINE const struct shunt_scope *shunt_open_scope(__u32 *bank)
{
	__u32 zero = 0;
	const struct shunt_state *state = bpf_map_lookup_elem(&shunt_state, &zero);
	const struct shunt_scope *scope;
	__u64 generation;

	if (!state)
		return NULL;
	generation = *(const volatile __u64 *)&state->generation;
	if (!generation)
		return NULL;
	*bank = generation & 1;
	scope = bpf_map_lookup_elem(&shunt_scope, bank);
	return scope && scope->flags & SHUNT_SCOPE_VALID ? scope : NULL;
}

#endif
