/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Every map, with who writes it, who reads it and what happens when it is full. Names are at most 15 characters.
 * The policy tables, which only connect reads, are in tables.h. Each source file includes this one, so definitions are
 * weak: bpftool's linker keeps one and checks that all are equal.
 */
#ifndef SHUNT_MAPS_H
#define SHUNT_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "shunt/abi.h"

#define SHUNT_MAP SEC(".maps") __attribute__((weak))

/* Written by: controller, atomically switching banks. Read by: every program, once per run. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shunt_state);
} shunt_state SHUNT_MAP;

/* Index = bank. Written by: controller. Read by: every program. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct shunt_bank);
} shunt_banks SHUNT_MAP;

/* Index = bank * SHUNT_PORT_LINES + port / SHUNT_PORTS_A_LINE. Written by: controller. Read by: connect, once per run. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * SHUNT_PORT_LINES);
	__type(key, __u32);
	__type(value, struct shunt_port_line);
} shunt_port_bits SHUNT_MAP;

/*
 * Written by: connect (a destination seen for the first time from a socket whose source is not ours to choose).
 * Read by: connect, getpeername, getsockopt. Never evicts. Full: such a connect is an internal failure
 * (onInternalError) and SHUNT_EVENT_FAIL_DICT counts it; destinations already in it go on working.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct shunt_dest_key);
	__type(value, struct shunt_dest);
} shunt_dests SHUNT_MAP;

/*
 * Record lane. Written by: sockops, TCP_CONNECT_CB. Removed by: sockops, when the accepted socket takes the record, when
 * the client closes without one, or, where the accepted socket had no memory to take it, when that closes. No LRU: an
 * evicted record would misroute a live connection. Full, or no memory for an entry: the record goes to shunt_spare.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct shunt_pending_key);
	__type(value, struct shunt_pending);
} shunt_pending SHUNT_MAP;

/*
 * As shunt_pending; its memory is there from the start. The SYN cannot be stopped any more where a record finds no
 * room, connect() can: it refuses (onInternalError, SHUNT_EVENT_FAIL_PENDING) from half of the entries on, and the
 * other half is for those that had passed it by then.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SHUNT_SPARES);
	__type(key, struct shunt_pending_key);
	__type(value, struct shunt_pending);
} shunt_spare SHUNT_MAP;

/* Written by: sockops. Read by: connect, sockops, getsockopt, getpeername, getsockname: what is 0 need not be looked for. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shunt_shortage);
} shunt_shortage SHUNT_MAP;

/* Written by: connect, bind, sockops. Read by: connect, sockops, getsockopt, getpeername. Goes with the socket. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct shunt_sock);
} shunt_socks SHUNT_MAP;

/* Counters, index = enumerator. Written by: programs; the controller writes the names once. Read by: controller. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SHUNT_REASON_MAX);
	__type(key, __u32);
	__type(value, struct shunt_counter);
} shunt_counters SHUNT_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SHUNT_LANE_MAX);
	__type(key, __u32);
	__type(value, struct shunt_lane_counter);
} shunt_lanes SHUNT_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SHUNT_EVENT_MAX);
	__type(key, __u32);
	__type(value, struct shunt_event_counter);
} shunt_events SHUNT_MAP;

/*
 * Who looks at verdicts. Written by: observers, through a mapping of its one value; programs count in it what they did
 * not send. Read by: connect, one number while nobody looks. No controller is needed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shunt_observe);
} shunt_observe SHUNT_MAP;

/* A ring of struct shunt_verdict_event; an observer makes its own, of the size it wants. Full: lost, and counted. */
struct shunt_ring_inner {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

/* Rings, index = observer. Written by: observers. Read by: connect. Empty while nobody looks. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SHUNT_OBSERVERS);
	__type(key, __u32);
	__array(values, struct shunt_ring_inner);
} shunt_rings SHUNT_MAP;

/*
 * What the running kernel can do, set by the loader from probes before the programs are verified; a path whose bit is
 * 0 is dead code there, so that it may use helpers the kernel does not have. A named constant keeps the BTF of
 * .rodata non-empty, which 5.10 insists on.
 */
enum shunt_feature {
	SHUNT_FEATURE_RETVAL = 1u << 0,         /* bpf_set_retval(): a real errno on refusal */
	SHUNT_FEATURE_SOCKOPS_COOKIE = 1u << 1, /* bpf_get_netns_cookie() in sockops */
	SHUNT_FEATURE_BTF = 1u << 2,            /* kernel BTF: the socket's own credentials, namespace inode */
	SHUNT_FEATURE_PROBE_READ = 1u << 3,     /* BTF and bpf_probe_read_kernel(): the namespace's addresses */
	SHUNT_FEATURE_SOCKOPT_COOKIE = 1u << 4, /* bpf_get_netns_cookie() in getsockopt, where sockops has it, too */
	SHUNT_FEATURE_SOCKOPT_READ = 1u << 5,   /* BTF and bpf_probe_read_kernel() in getsockopt, where sockops has no cookie */
};
extern const volatile __u32 shunt_features;

#endif
