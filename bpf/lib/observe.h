/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Tells observers about a verdict. Costs one read while nobody looks. */
#ifndef SHUNT_OBSERVE_H
#define SHUNT_OBSERVE_H

#include "bytes.h"
#include "flow.h"
#include "maps.h"

#define SHUNT_SECOND_NS 1000000000ull
/* An observer renews its time long before; a later one is gone for good, and asking the clock may stop. */
#define SHUNT_OBSERVE_GRACE_NS (10 * SHUNT_SECOND_NS)

/* No map's BTF names what the rings carry; a variable makes clang write the type out (see tables.h). */
static const volatile struct {
	struct shunt_verdict_event event;
} shunt_ring_types __attribute__((used)) = {};

/* Is this one for that observer, and may it be sent now? Counts what is not. */
SHUNT_INLINE int shunt_admit(struct shunt_observer *observer, __u64 now, __u32 reason, __u16 port_be)
{
	const __u64 second = now / SHUNT_SECOND_NS;

	if (observer->until_ns < now || !(observer->reasons >> reason & 1))
		return 0;
	if (observer->port_be && observer->port_be != port_be)
		return 0;
	__sync_fetch_and_add(&observer->seen, 1);
	if (observer->sample > 1 && bpf_get_prandom_u32() % observer->sample) {
		__sync_fetch_and_add(&observer->sampled_out, 1);
		return 0;
	}
	if (!observer->per_second)
		return 1;
	if (observer->second != second) {
		observer->second = second;
		observer->in_second = 0;
	}
	if (observer->in_second >= observer->per_second) {
		__sync_fetch_and_add(&observer->limited, 1);
		return 0;
	}
	__sync_fetch_and_add(&observer->in_second, 1);
	return 1;
}

/*
 * A global function: verified once, not for every path that leads here. 5.10 lets those take numbers only, so the
 * destination comes as its words, and `what` is reason | lane << 8 | port_be << 16.
 */
__attribute__((noinline)) int shunt_tell(__u32 word0, __u32 word1, __u32 word2, __u32 word3, __u32 what)
{
	const __u32 reason = what & 0x3f;
	const __u16 port_be = what >> 16;
	const __u64 now = bpf_ktime_get_ns();
	struct shunt_verdict_event *event;
	struct shunt_observe *observe;
	__u32 i, zero = 0;
	void *ring;

	observe = bpf_map_lookup_elem(&shunt_observe, &zero);
	if (!observe)
		return 0;
	if (observe->until_ns + SHUNT_OBSERVE_GRACE_NS < now) {
		observe->until_ns = 0;
		return 0;
	}
#pragma clang loop unroll(disable)
	for (i = 0; i < SHUNT_OBSERVERS; i++) {
		struct shunt_observer *observer = &observe->observers[i];
		__u32 index = i;

		if (!shunt_admit(observer, now, reason, port_be))
			continue;
		ring = bpf_map_lookup_elem(&shunt_rings, &index);
		event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event), 0) : NULL;
		if (!event) {
			__sync_fetch_and_add(&observer->lost, 1);
			continue;
		}
		event->time_ns = now;
		event->cgroup_id = bpf_get_current_cgroup_id();
		event->pid = bpf_get_current_pid_tgid() >> 32;
		event->reason = reason;
		event->lane = what >> 8 & 0xff;
		event->port_be = port_be;
		event->pad = 0;
		event->dst.words_be[0] = word0;
		event->dst.words_be[1] = word1;
		event->dst.words_be[2] = word2;
		event->dst.words_be[3] = word3;
		bpf_get_current_comm(event->comm, sizeof(event->comm));
		bpf_ringbuf_submit(event, 0);
	}
	return 0;
}

SHUNT_INLINE void shunt_tell_observers(const struct shunt_flow *flow, enum shunt_reason reason, enum shunt_lane lane)
{
	__u32 zero = 0;
	const struct shunt_observe *observe = bpf_map_lookup_elem(&shunt_observe, &zero);

	if (SHUNT_RARELY(observe && *(const volatile __u64 *)&observe->until_ns))
		shunt_tell(flow->dst.words_be[0], flow->dst.words_be[1], flow->dst.words_be[2], flow->dst.words_be[3],
			   reason | lane << 8 | (__u32)flow->dst_port_be << 16);
}

#endif
