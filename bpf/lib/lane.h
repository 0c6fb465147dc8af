/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The address lane: 48 bits of IPv4 destination in the two loopback addresses of the rewritten connection.
 *
 *   original destination  A.B.C.D:P
 *   source                127.A.B.C          (bpf_bind, the kernel picks the port)
 *   rewritten destination 127.D.v:PROXY      v = P for D < 128, P - 1 otherwise, as two bytes
 *
 * The shift by one keeps the two addresses out that the kernel does not deliver to: 127.0.0.0 (D = 0, P = 0, and a
 * port is never 0) and 127.255.255.255 (D = 255, v = 65535, and P - 1 is at most 65534). A source 127.A.B.C with A in
 * 1-223 without 127 is never the kernel's own choice, which is 127.0.0.1.
 *
 * Where the source is not ours to choose, the rewritten destination is a token, 127.128.0.0-127.255.255.254, that
 * names an entry of shunt_dests; the source is then never of the form above.
 *
 * Pure functions in host byte order, for BPF and for userspace.
 */
#ifndef SHUNT_LANE_H
#define SHUNT_LANE_H

#include "bytes.h"

#define SHUNT_TOKEN_BASE 0x7f800000u
#define SHUNT_TOKEN_COUNT 0x7fffffu
#define SHUNT_TOKEN_PROBES 4

/* May this address be a destination of the address lane? (First byte 1-223, not 127.) */
SHUNT_INLINE int shunt_lane_encodable(__u32 dst)
{
	__u32 a = dst >> 24;

	return a >= 1 && a <= 223 && a != 127;
}

/* Is this a source address that the address lane makes? */
SHUNT_INLINE int shunt_lane_is_source(__u32 src)
{
	return src >> 24 == 127 && shunt_lane_encodable(src << 8);
}

SHUNT_INLINE void shunt_lane_encode(__u32 dst, __u16 port, __u32 *src, __u32 *to)
{
	__u32 d = dst & 0xff;

	*src = 127u << 24 | dst >> 8;
	*to = 127u << 24 | d << 16 | (d < 128 ? port : port - 1u);
}

/* Returns 1 and the original destination, or 0 where the two addresses are not a pair that encode() makes. */
SHUNT_INLINE int shunt_lane_decode(__u32 src, __u32 to, __u32 *dst, __u16 *port)
{
	__u32 d = to >> 16 & 0xff;
	__u32 p = (to & 0xffff) + (d < 128 ? 0 : 1);

	if (!shunt_lane_is_source(src) || to >> 24 != 127 || p == 0 || p > 65535)
		return 0;
	*dst = src << 8 | d;
	*port = (__u16)p;
	return 1;
}

SHUNT_INLINE int shunt_is_token(__u32 to)
{
	return to >= SHUNT_TOKEN_BASE && to < SHUNT_TOKEN_BASE + SHUNT_TOKEN_COUNT;
}

/* The n-th place to look for a destination's entry: a hash, then the places after it. */
SHUNT_INLINE __u32 shunt_token(__u32 dst, __u16 port, __u32 n)
{
	__u32 h = dst * 0x9e3779b1u ^ (__u32)port * 0x85ebca6bu;

	h ^= h >> 15;
	h *= 0xc2b2ae35u;
	h ^= h >> 13;
	return SHUNT_TOKEN_BASE + (h + n) % SHUNT_TOKEN_COUNT;
}

#endif
