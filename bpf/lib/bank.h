/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* The bank in force. */
#ifndef SHUNT_BANK_H
#define SHUNT_BANK_H

#include "bytes.h"
#include "maps.h"

/* Reads the generation. NULL: no configuration. */
SHUNT_INLINE const struct shunt_bank *shunt_open_bank(__u32 *bank)
{
	__u32 zero = 0;
	const struct shunt_state *state = bpf_map_lookup_elem(&shunt_state, &zero);
	__u64 generation;

	if (!state)
		return NULL;
	generation = *(const volatile __u64 *)&state->generation;
	if (!generation)
		return NULL;
	*bank = generation & 1;
	return bpf_map_lookup_elem(&shunt_banks, bank);
}

/*
 * Does a proxy of any scope listen on this IPv4 port? Without branches (see flow.h), for which it takes arithmetic: a
 * comparison is a branch in this instruction set. 0 - 1 is the only difference with the highest bit set.
 */
SHUNT_INLINE int shunt_is_proxy_port(const struct shunt_bank *header, __u16 port_be)
{
	__u64 same = 0;
	int i;

#pragma unroll
	for (i = 0; i < SHUNT_PROXY_PORTS; i++)
		same |= (__u64)(header->proxy_ports_be[i] ^ port_be) - 1;
	return same >> 63 && port_be;
}

#endif
