/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Records between the two ends of a connection of the record lane: shunt_pending, and shunt_spare for what that has no
 * room or no memory for. The one owner of both. A key is in one of them only. The counts of shunt_shortage rise before
 * what they count is there and fall after it has gone, so that nobody who reads 0 misses a record.
 */
#ifndef SHUNT_PENDING_H
#define SHUNT_PENDING_H

#include "flow.h"
#include "maps.h"

SHUNT_INLINE struct shunt_shortage *shunt_shortages(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&shunt_shortage, &zero);
}

/* Asked before the SYN: is there room for one more record, whatever shunt_pending says to it later? */
SHUNT_INLINE int shunt_pending_has_room(void)
{
	const struct shunt_shortage *shortage = shunt_shortages();

	return shortage && *(const volatile __u64 *)&shortage->spares < SHUNT_SPARES / 2;
}

SHUNT_INLINE struct shunt_pending *shunt_pending_find(const struct shunt_pending_key *key)
{
	struct shunt_pending *found = bpf_map_lookup_elem(&shunt_pending, key);
	const struct shunt_shortage *shortage;

	if (found)
		return found;
	shortage = shunt_shortages();
	return shortage && shortage->spares ? bpf_map_lookup_elem(&shunt_spare, key) : NULL;
}

/* Was there one? Of two that remove the same entry the kernel tells one that it did, and that one counts. */
SHUNT_INLINE int shunt_pending_forget(const struct shunt_pending_key *key)
{
	struct shunt_shortage *shortage = shunt_shortages();
	const struct shunt_pending *record;
	__u32 held;

	if (!shortage || !(shortage->spares | shortage->held))
		return !bpf_map_delete_elem(&shunt_pending, key);
	record = shunt_pending_find(key);
	if (!record)
		return 0;
	held = record->held;
	if (bpf_map_delete_elem(&shunt_pending, key)) {
		if (bpf_map_delete_elem(&shunt_spare, key))
			return 0;
		__sync_fetch_and_add(&shortage->spares, -1);
	}
	if (held)
		__sync_fetch_and_add(&shortage->held, -1);
	return 1;
}

/* Replaces what an earlier connection between the same ends has left. 0: no room. */
SHUNT_INLINE int shunt_pending_keep(const struct shunt_pending_key *key, const struct shunt_dest *dest)
{
	const struct shunt_pending record = { .dest = *dest };
	struct shunt_shortage *shortage = shunt_shortages();

	if (!shortage)
		return 0;
	if (shortage->spares | shortage->held)
		shunt_pending_forget(key);
	if (!bpf_map_update_elem(&shunt_pending, key, &record, BPF_ANY))
		return 1;
	bpf_map_delete_elem(&shunt_pending, key);
	__sync_fetch_and_add(&shortage->spares, 1);
	if (!bpf_map_update_elem(&shunt_spare, key, &record, BPF_NOEXIST))
		return 1;
	__sync_fetch_and_add(&shortage->spares, -1);
	return 0;
}

/* The accepted socket cannot take its record: it stays, for shunt_held(). 0: it cannot. */
SHUNT_INLINE int shunt_pending_hold(struct shunt_pending *record)
{
	struct shunt_shortage *shortage = shunt_shortages();

	if (!(shunt_features & (SHUNT_FEATURE_SOCKOPT_COOKIE | SHUNT_FEATURE_SOCKOPT_READ)) || !shortage)
		return 0;
	__sync_fetch_and_add(&shortage->held, 1);
	record->held = 1;
	return 1;
}

/* Is there anything that shunt_held() could find? */
SHUNT_INLINE int shunt_any_held(void)
{
	const struct shunt_shortage *shortage = shunt_shortages();

	return shortage && shortage->held;
}

/* The record that the accepted socket `sk` could not take; netns as sockops has told it (netns.h). */
SHUNT_INLINE int shunt_held(const struct bpf_sock *sk, __u64 netns, struct shunt_dest *dest)
{
	struct shunt_pending_key key = { .netns = netns };
	const struct shunt_pending *found;

	if (sk->family == SHUNT_AF_INET) {
		shunt_ip_from_v4(&key.dst, sk->src_ip4);
		shunt_ip_from_v4(&key.src, sk->dst_ip4);
		/* The last load of both branches must not become one through a computed pointer, which verifiers reject. */
		asm volatile("" ::: "memory");
	} else {
		key.dst.words_be[0] = sk->src_ip6[0];
		key.dst.words_be[1] = sk->src_ip6[1];
		key.dst.words_be[2] = sk->src_ip6[2];
		key.dst.words_be[3] = sk->src_ip6[3];
		key.src.words_be[0] = sk->dst_ip6[0];
		key.src.words_be[1] = sk->dst_ip6[1];
		key.src.words_be[2] = sk->dst_ip6[2];
		key.src.words_be[3] = sk->dst_ip6[3];
	}
	key.dst_port_be = shunt_swap16((__u16)sk->src_port);
	key.src_port_be = (__u16)sk->dst_port;
	found = shunt_pending_find(&key);
	if (!found || !found->held)
		return 0;
	*dest = found->dest;
	return 1;
}

#endif
