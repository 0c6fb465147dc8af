/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* From a redirected connection's two addresses back to what the application dialled. */
#ifndef SHUNT_ORIGDST_H
#define SHUNT_ORIGDST_H

#include "lane.h"
#include "maps.h"

/*
 * client_be is the client's source address, to_be the rewritten destination; the caller has checked that the
 * destination's port is the proxy's. Gives the event to count, or SHUNT_EVENT_UNSET where the addresses mean nothing.
 */
SHUNT_INLINE enum shunt_event shunt_resolve4(__u32 client_be, __u32 to_be, struct shunt_dest *dest)
{
	__u32 client = shunt_swap32(client_be), to = shunt_swap32(to_be), addr;
	struct shunt_dest_key key = { .token_be = to_be };
	const struct shunt_dest *found;
	__u16 port;

	if (shunt_lane_decode(client, to, &addr, &port)) {
		shunt_ip_from_v4(&dest->addr, shunt_swap32(addr));
		dest->port_be = shunt_swap16(port);
		dest->pad = 0;
		return SHUNT_EVENT_ORIGDST_ADDRESS;
	}
	if (!shunt_is_token(to) || shunt_lane_is_source(client))
		return SHUNT_EVENT_UNSET;
	found = bpf_map_lookup_elem(&shunt_dests, &key);
	if (!found)
		return SHUNT_EVENT_UNSET;
	*dest = *found;
	return SHUNT_EVENT_ORIGDST_DICT;
}

#endif
