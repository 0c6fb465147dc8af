/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Where a listener lies in shunt_listeners, and which bit it has in shunt_port_bits (abi.h). Pure, for BPF and for
 * userspace, and part of the kernel ABI, whose hash is made from types alone: who changes one of the functions renames a
 * field of struct shunt_listener_slot or of struct shunt_port_line.
 */
#ifndef SHUNT_SLOTS_H
#define SHUNT_SLOTS_H

#include "shunt/abi.h"

/* A listener's key as three numbers: hashed and compared as such, and passed to a function of BPF. */
union shunt_listener_words {
	struct shunt_listener_key key;
	__u64 words[3];
};

/*
 * The low bits choose the slot, so every bit of the key has to reach them: a multiplication carries upwards only, and
 * the shift brings the upper half down again. A configuration can be made to collide; the controller then doubles the
 * table until each listener is near enough, or refuses the configuration.
 */
static inline __u32 shunt_listener_hash(__u64 word0, __u64 word1, __u64 word2)
{
	__u64 h = word0 * 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 32 ^ word1) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ h >> 32 ^ word2) * 0x94d049bb133111ebull;
	return (__u32)(h ^ h >> 32);
}

/*
 * The bit of a listener's address on its port, never that of the address 0, which stands for "any". The multiplication
 * carries every bit of the address to the top; a second one takes the top for a fraction of the number of classes.
 */
static inline __u32 shunt_port_class(__u64 word0, __u64 word1)
{
	__u64 h = (word0 ^ word1 * 0xbf58476d1ce4e5b9ull) * 0x9e3779b97f4a7c15ull;

	return (__u32)SHUNT_PORT_FIRST_CLASS << ((h >> 32) * SHUNT_PORT_CLASSES >> 32);
}

#endif
