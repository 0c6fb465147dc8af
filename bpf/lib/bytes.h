/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Byte order and address tests, for BPF (C) and userspace (C++). Names end in _be for network order. */
#ifndef SHUNT_BYTES_H
#define SHUNT_BYTES_H

#include "shunt/abi.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define shunt_swap16(x) ((__u16)__builtin_bswap16(x))
#define shunt_swap32(x) ((__u32)__builtin_bswap32(x))
#else
#define shunt_swap16(x) ((__u16)(x))
#define shunt_swap32(x) ((__u32)(x))
#endif

/* Rarely true: such code goes behind the usual path, which then takes fewer cache lines. */
#define SHUNT_RARELY(condition) __builtin_expect(!!(condition), 0)

#ifdef __bpf__
#define SHUNT_INLINE static __attribute__((always_inline)) inline
#else
#define SHUNT_INLINE static inline
#endif

SHUNT_INLINE void shunt_ip_from_v4(struct shunt_ip *ip, __u32 addr_be)
{
	ip->words_be[0] = 0;
	ip->words_be[1] = 0;
	ip->words_be[2] = shunt_swap32(0xffffu);
	ip->words_be[3] = addr_be;
}

/*
 * The tests below combine words instead of comparing them one after the other: each comparison is a branch, and the
 * verifier follows all of them through the rest of the program.
 */
SHUNT_INLINE int shunt_ip_is_v4(const struct shunt_ip *ip)
{
	return !(ip->words_be[0] | ip->words_be[1] | (ip->words_be[2] ^ shunt_swap32(0xffffu)));
}

/* :: or 0.0.0.0 (v4-mapped). The product is 0 for words[2] = 0 and 0xffff only; 64 bits hold it. */
SHUNT_INLINE int shunt_ip_is_any(const struct shunt_ip *ip)
{
	const __u64 word = ip->words_be[2];

	return !(ip->words_be[0] | ip->words_be[1] | ip->words_be[3] | word * (word ^ shunt_swap32(0xffffu)));
}

SHUNT_INLINE int shunt_v4_is_loopback(__u32 addr_be)
{
	return shunt_swap32(addr_be) >> 24 == 127;
}

SHUNT_INLINE int shunt_v6_is_loopback(const struct shunt_ip *ip)
{
	return !(ip->words_be[0] | ip->words_be[1] | ip->words_be[2] | (ip->words_be[3] ^ shunt_swap32(1u)));
}

SHUNT_INLINE int shunt_ip_equal(const struct shunt_ip *a, const struct shunt_ip *b)
{
	return !((a->words_be[0] ^ b->words_be[0]) | (a->words_be[1] ^ b->words_be[1]) |
		 (a->words_be[2] ^ b->words_be[2]) | (a->words_be[3] ^ b->words_be[3]));
}

#endif
