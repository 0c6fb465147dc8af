/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Counting. The maps are per CPU, but a preemptible kernel may switch to another run on the same CPU between load and
 * store, and "the sum of reasons equals the runs" must be exact: the add is atomic (without fetch, which 5.10 lacks).
 */
#ifndef SHUNT_ACCOUNT_H
#define SHUNT_ACCOUNT_H

#include "bytes.h"
#include "maps.h"

SHUNT_INLINE void shunt_count_reason(enum shunt_reason reason)
{
	__u32 index = reason;
	struct shunt_counter *counter = bpf_map_lookup_elem(&shunt_counters, &index);

	if (counter)
		__sync_fetch_and_add(&counter->count, 1);
}

SHUNT_INLINE void shunt_count_lane(enum shunt_lane lane)
{
	__u32 index = lane;
	struct shunt_lane_counter *counter = bpf_map_lookup_elem(&shunt_lanes, &index);

	if (counter)
		__sync_fetch_and_add(&counter->count, 1);
}

SHUNT_INLINE void shunt_count_event(enum shunt_event event)
{
	__u32 index = event;
	struct shunt_event_counter *counter = bpf_map_lookup_elem(&shunt_events, &index);

	if (counter)
		__sync_fetch_and_add(&counter->count, 1);
}

/* The final reason of a connect that an internal failure stopped; counts the failure. */
SHUNT_INLINE enum shunt_reason shunt_internal(const struct shunt_scope *scope, enum shunt_event failure)
{
	shunt_count_event(failure);
	return scope->flags & SHUNT_SCOPE_ERROR_BYPASS ? SHUNT_REASON_INTERNAL_BYPASS : SHUNT_REASON_INTERNAL_REFUSE;
}

#endif
