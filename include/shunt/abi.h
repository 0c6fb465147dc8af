/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The kernel ABI: every value that a BPF program and the controller share, and nothing else.
 * Included by bpf/ (C, clang -target bpf) and by userspace (C++). Each struct is followed by its size.
 *
 * Conventions: zero is "unset"; a field in network byte order ends in _be, all others are in host order; padding is
 * explicit and zero, because hash maps compare keys byte by byte. IPv4 addresses are stored v4-mapped (::ffff:a.b.c.d),
 * so that one key form serves AF_INET sockets and AF_INET6 sockets that dial a v4-mapped address.
 */
#ifndef SHUNT_ABI_H
#define SHUNT_ABI_H

#include <linux/types.h>

#include "shunt/verdict.h"

#ifdef __cplusplus
#define SHUNT_SIZE(type, size) static_assert(sizeof(struct type) == (size), #type " is part of the kernel ABI")
#else
#define SHUNT_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type " is part of the kernel ABI")
#endif

/* An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d: words[2] = htonl(0xffff), words[3] = the address. */
struct shunt_ip {
	__u32 words_be[4];
};
SHUNT_SIZE(shunt_ip, 16);

/* --- the switch ------------------------------------------------------------------------------------------------ */

/*
 * shunt_state[0]: the one value that switches configurations. Tables exist twice, in banks 0 and 1; generation's
 * lowest bit names the bank in force. A program reads it once per run. The controller changes only the bank that is
 * not in force, waits until no program can still be reading it, and then writes this value. 0: no configuration yet.
 */
struct shunt_state {
	__u64 generation;
};
SHUNT_SIZE(shunt_state, 8);

/*
 * shunt_banks[bank]: what the programs must know before they know the scope, or without one. Ports of proxies on IPv4
 * that any scope names: on those ports, and no others, loopback addresses can mean a redirected connection.
 */
#define SHUNT_PROXY_PORTS 8
struct shunt_bank {
	__u32 levels;      /* bit n: some scope's cgroup lies n levels below the cgroup2 root, 1 = a child of the root */
	__u32 proxy_ports; /* how many */
	__u16 proxy_ports_be[SHUNT_PROXY_PORTS]; /* unused ones are 0 */
	__u32 listener_mask; /* slots of shunt_listeners - 1; 0: the bank is being changed, or has never been in force */
	__u32 captured; /* cgroups with connect hooks; for `shunt status`, no program reads it */
};
SHUNT_SIZE(shunt_bank, 32);

/*
 * shunt_port_bits: array, both banks in one, a line of the cache for 16 ports. What stands on a port in whichever scope:
 * most ports have no rule and no listener, and a table that cannot hold the answer is not asked. 0 is the answer to rely
 * on; a bit that is set says no more than "ask". Listeners with an address fall into 30 classes by a hash of the address
 * (shunt_port_class(), slots.h), and each class has a bit, so that a port of few listeners answers for nearly all other
 * addresses, too.
 */
enum shunt_port_bit {
	SHUNT_PORT_RULE = 1u << 0,           /* shunt_ports has an entry */
	SHUNT_PORT_ANY_LISTENER = 1u << 1,   /* shunt_listeners has one without an address: a port listener */
	SHUNT_PORT_FIRST_CLASS = 1u << 2,    /* shunt_listeners has one with an address of the first class; and so on */
};
#define SHUNT_PORT_CLASSES 30

#define SHUNT_PORTS_A_LINE 16
#define SHUNT_PORT_LINES (65536 / SHUNT_PORTS_A_LINE) /* of each bank, the first bank's first */
struct shunt_port_line {
	__u32 bits[SHUNT_PORTS_A_LINE]; /* enum shunt_port_bit, by port in host order */
};
SHUNT_SIZE(shunt_port_line, 64);

/* --- settings: shunt_scopes, hash -------------------------------------------------------------------------------- */

/* A scope's settings, by its cgroup's kernfs id; 0: the base scope, for everybody who is in none of the others. */
struct shunt_scope_key {
	__u64 cgroup_id;
};
SHUNT_SIZE(shunt_scope_key, 8);

enum shunt_scope_flag {
	SHUNT_SCOPE_VALID = 1u << 0,
	SHUNT_SCOPE_PORTS = 1u << 1,            /* shunt_ports is not empty */
	SHUNT_SCOPE_CIDRS4 = 1u << 2,           /* shunt_cidrs4 is not empty */
	SHUNT_SCOPE_CIDRS6 = 1u << 3,           /* shunt_cidrs6 is not empty */
	SHUNT_SCOPE_UIDS = 1u << 4,             /* shunt_owners has uids */
	SHUNT_SCOPE_GIDS = 1u << 5,             /* shunt_owners has gids (proxy or owner groups) */
	SHUNT_SCOPE_LISTENERS = 1u << 6,        /* shunt_listeners is not empty */
	SHUNT_SCOPE_INCLUDE_ALL = 1u << 7,      /* includeOutboundIPRanges has "*" */
	SHUNT_SCOPE_INCLUDE_OWN = 1u << 8,      /* a loopback CIDR is included: own addresses follow the rules */
	SHUNT_SCOPE_OWNER_INCLUDE_LIST = 1u << 9, /* includeOutboundOwnerGroups is a list, not "*" */
	SHUNT_SCOPE_PROXY_CGROUP = 1u << 10,
	SHUNT_SCOPE_PROXY_MARK = 1u << 11,
	SHUNT_SCOPE_PROXY_V4 = 1u << 12,        /* the proxy has a v4 listener */
	SHUNT_SCOPE_PROXY_V4_WILDCARD = 1u << 13,
	SHUNT_SCOPE_PROXY_V6 = 1u << 14,
	SHUNT_SCOPE_PROXY_V6_WILDCARD = 1u << 15,
	SHUNT_SCOPE_LANE_RECORD = 1u << 16,     /* lane: record */
	SHUNT_SCOPE_DOWN_BYPASS = 1u << 17,     /* whenDown: bypass */
	SHUNT_SCOPE_ERROR_BYPASS = 1u << 18,    /* onInternalError: bypass */
	SHUNT_SCOPE_IPV6_REFUSE = 1u << 19,     /* captured v6 is refused ... */
	SHUNT_SCOPE_IPV6_CAPTURE = 1u << 20,    /* ... or redirected; neither: bypass */
	SHUNT_SCOPE_KERNEL_POLICY = 1u << 21,   /* outboundTrafficPolicy.enforcedBy: kernel */
	SHUNT_SCOPE_REGISTRY_ONLY = 1u << 22,
	SHUNT_SCOPE_CLIENT4 = 1u << 23,         /* client4_be is set */
	SHUNT_SCOPE_CLIENT6 = 1u << 24,
	SHUNT_SCOPE_BIND_GUARD = 1u << 25,      /* proxies' ports are for the proxy */
};

struct shunt_scope {
	__u32 flags;           /* enum shunt_scope_flag */
	__u32 proxy_mark;      /* SO_MARK of the proxy's sockets */
	__u64 proxy_cgroup_id; /* kernfs id of the proxy's cgroup */
	__u32 proxy_cgroup_level; /* its depth below the cgroup2 root, 1 = a child of the root */
	__u32 client4_be;      /* clientAddress, v4 */
	struct shunt_ip proxy4; /* v4 listener, v4-mapped; 0.0.0.0 for the wildcard */
	struct shunt_ip proxy6; /* v6 listener; :: for the wildcard */
	struct shunt_ip client6; /* clientAddress, v6 */
	__u16 proxy4_port_be;
	__u16 proxy6_port_be;
	/* Which entries of the tables are this scope's: the `set` of their keys. Scopes that are equal in a table share it. */
	__u32 ports_set;
	__u32 cidrs_set;
	__u32 owners_set;
	__u32 listeners_set;
	__u32 zero; /* always 0; a number that the verifier does not know (connect.bpf.c) */
};
SHUNT_SIZE(shunt_scope, 96);

/* --- tables, one inner map per bank ---------------------------------------------------------------------------- */

/* shunt_ports: hash. Ranges are written out port by port. */
struct shunt_port_key {
	__u32 set;
	__u16 port_be;
	__u16 pad;
};
SHUNT_SIZE(shunt_port_key, 8);

enum shunt_port_flag {
	SHUNT_PORT_EXCLUDED = 1u << 0, /* excludeOutboundPorts */
	SHUNT_PORT_INCLUDED = 1u << 1, /* includeOutboundPorts */
};

struct shunt_port_rule {
	__u32 flags; /* enum shunt_port_flag */
};
SHUNT_SIZE(shunt_port_rule, 4);

/*
 * shunt_cidrs4, shunt_cidrs6: LPM tries. An entry carries the flags of every shorter prefix that covers it too, so
 * that one lookup tells whether ANY included and whether ANY excluded range holds the address.
 */
struct shunt_cidr4_key {
	__u32 prefix_len; /* 32 for the set, and the range's own */
	__u32 set;
	__u32 addr_be;
};
SHUNT_SIZE(shunt_cidr4_key, 12);

struct shunt_cidr6_key {
	__u32 prefix_len;
	__u32 set;
	__u32 addr_be[4];
};
SHUNT_SIZE(shunt_cidr6_key, 24);

enum shunt_cidr_flag {
	SHUNT_CIDR_INCLUDED = 1u << 0,
	SHUNT_CIDR_EXCLUDED = 1u << 1,
	SHUNT_CIDR_LOOPBACK = 1u << 2, /* the loopback CIDR of rule 7 (127.0.0.1/32, ::1/128 unless configured) */
};

struct shunt_cidr_rule {
	__u32 flags; /* enum shunt_cidr_flag */
};
SHUNT_SIZE(shunt_cidr_rule, 4);

/* shunt_owners: hash. Users and groups, for the proxy's identity and for owner groups. */
enum shunt_owner_kind {
	SHUNT_OWNER_UID = 1,
	SHUNT_OWNER_GID = 2,
};

struct shunt_owner_key {
	__u32 kind; /* enum shunt_owner_kind */
	__u32 id;
	__u32 set;
};
SHUNT_SIZE(shunt_owner_key, 12);

enum shunt_owner_flag {
	SHUNT_OWNER_PROXY = 1u << 0,
	SHUNT_OWNER_INCLUDED = 1u << 1,
	SHUNT_OWNER_EXCLUDED = 1u << 2,
};

struct shunt_owner_rule {
	__u32 flags; /* enum shunt_owner_flag */
};
SHUNT_SIZE(shunt_owner_rule, 4);

/*
 * shunt_listeners: array of slots, a power of two, at most half of them in use. Exact listeners by address and port, port
 * listeners with address :: (all zero). A listener lies in the first free slot from the one that its key's hash names
 * (slots.h), fewer than SHUNT_LISTENER_PROBES further on. What a connection reads of it is one cache line, where
 * a hash map reads three or four, one after the other: it was the largest part of what a redirect costs.
 */
struct shunt_listener_key {
	struct shunt_ip addr;
	__u16 port_be;
	__u16 pad;
	__u32 set;
};
SHUNT_SIZE(shunt_listener_key, 24);

enum shunt_listener_flag {
	SHUNT_LISTENER_DIRECT = 1u << 0, /* balanced here, without the proxy */
	SHUNT_LISTENER_EMPTY = 1u << 1,  /* its cluster has no endpoints, and emptyCluster: refuse */
};

struct shunt_listener {
	__u32 id;           /* made from the listener's name, the same as long as the name is; never 0 */
	__u32 flags;        /* enum shunt_listener_flag */
	__u32 cluster;      /* direct: id of its one cluster, where splits is 0 */
	__u32 splits;       /* direct: number of weighted clusters in shunt_splits, 0: one cluster */
	__u32 total_weight; /* of the weighted clusters */
	__u32 pad;
	__u64 hits; /* captured connects that it claimed, whatever became of them; counted in the bank in force */
};
SHUNT_SIZE(shunt_listener, 32);

struct shunt_listener_slot {
	struct shunt_listener_key key;
	struct shunt_listener listener; /* id 0: the slot is free, and all of it 0 */
	__u64 pad;
};
SHUNT_SIZE(shunt_listener_slot, 64);
#define SHUNT_LISTENER_PROBES 64

/*
 * Weighted choice, the same for a listener's clusters and a cluster's endpoints: a random number below the total weight
 * chooses the first entry whose upto is above it, so each entry is chosen with weight / total_weight exactly.
 */

/* shunt_splits: hash. The weighted clusters of a direct listener. */
struct shunt_split_key {
	__u32 listener; /* shunt_listener.id */
	__u32 index;    /* 0 .. splits - 1 */
};
SHUNT_SIZE(shunt_split_key, 8);

struct shunt_split {
	__u32 upto;    /* sum of the weights up to and with this one */
	__u32 cluster; /* id */
};
SHUNT_SIZE(shunt_split, 8);

/* shunt_clusters: hash. Healthy endpoints only, by family: a socket reaches endpoints of its destination's family. */
struct shunt_cluster_key {
	__u32 cluster; /* id, made from the cluster's name */
	__u32 family;  /* 4, 6 */
};
SHUNT_SIZE(shunt_cluster_key, 8);

struct shunt_cluster {
	__u32 endpoints;
	__u32 total_weight;
	__u64 hits; /* connects that were sent to one of them */
};
SHUNT_SIZE(shunt_cluster, 16);

/* shunt_endpoints: hash. */
struct shunt_endpoint_key {
	__u32 cluster;
	__u32 family;
	__u32 index; /* 0 .. endpoints - 1 */
};
SHUNT_SIZE(shunt_endpoint_key, 12);

struct shunt_endpoint {
	__u32 upto; /* sum of the weights up to and with this one */
	struct shunt_ip addr;
	__u16 port_be;
	__u16 pad;
};
SHUNT_SIZE(shunt_endpoint, 24);

/* Binary search in at most so many steps: the most endpoints one cluster can have is 2^20. */
#define SHUNT_CHOICE_STEPS 20

/* --- per-connection state, not banked -------------------------------------------------------------------------- */

/* An address and a port, the way an application dials it. */
struct shunt_dest {
	struct shunt_ip addr;
	__u16 port_be;
	__u16 pad;
};
SHUNT_SIZE(shunt_dest, 20);

/*
 * shunt_dests: hash, token (an address of 127/8) -> the original destination it stands for. For v4 connections whose
 * source is not ours to choose. A token depends on the destination alone, so it needs no life cycle per connection:
 * the same destination has the same token from every process and in every network namespace.
 */
struct shunt_dest_key {
	__u32 token_be; /* 127.h.h.h */
};
SHUNT_SIZE(shunt_dest_key, 4);

/*
 * shunt_pending and shunt_spare: hash. Record lane, from TCP_CONNECT_CB of the client to PASSIVE_ESTABLISHED_CB of the
 * accepted socket; where that has no memory for storage of its own, until it closes. A key is in one of the two only.
 */
struct shunt_pending_key {
	__u64 netns; /* cookie, or the namespace's inode number on kernels without cookies in sockops */
	struct shunt_ip src;
	struct shunt_ip dst; /* as rewritten */
	__u16 src_port_be;
	__u16 dst_port_be;
	__u32 pad;
};
SHUNT_SIZE(shunt_pending_key, 48);

struct shunt_pending {
	struct shunt_dest dest;
	__u32 held; /* 1: the accepted socket's; the client's end leaves it alone */
};
SHUNT_SIZE(shunt_pending, 24);

/* Entries of shunt_spare. From half of them on connect() refuses what would need a record. */
#define SHUNT_SPARES 8192

/* shunt_shortage: array of one. Both are 0 where nothing was ever short, and never less than what is there. */
struct shunt_shortage {
	__u64 spares; /* entries of shunt_spare */
	__u64 held;   /* records that are held */
};
SHUNT_SIZE(shunt_shortage, 16);

enum shunt_sock_flag {
	SHUNT_SOCK_CLIENT = 1u << 0,    /* redirected by the record lane: dest is what the application dialled */
	SHUNT_SOCK_ACCEPTED = 1u << 1,  /* the proxy's end: dest is the original destination */
	SHUNT_SOCK_APP_BOUND = 1u << 2, /* the application itself bound an address that the address lane could have made */
	SHUNT_SOCK_PENDING = 1u << 3,   /* shunt_pending or shunt_spare was given pending_key */
	SHUNT_SOCK_BALANCED = 1u << 4,  /* connected to an endpoint (pending_key.dst): dest is what was dialled */
};

/* shunt_socks: SK_STORAGE of clients and accepted sockets. */
struct shunt_sock {
	__u32 flags; /* enum shunt_sock_flag */
	struct shunt_dest dest;
	struct shunt_pending_key pending_key;
	__u64 since_ns; /* client: connect(), CLOCK_MONOTONIC */
};
SHUNT_SIZE(shunt_sock, 80);

/* --- counters: per-CPU arrays, index = enumerator; the name is repeated in the value so that bpftool prints it --- */

struct shunt_counter {
	enum shunt_reason reason;
	enum shunt_verdict verdict; /* what that reason leads to, for whoever reads the map */
	__u64 count;
};
SHUNT_SIZE(shunt_counter, 16);

struct shunt_lane_counter {
	enum shunt_lane lane;
	__u32 pad;
	__u64 count;
};
SHUNT_SIZE(shunt_lane_counter, 16);

struct shunt_event_counter {
	enum shunt_event event;
	__u32 pad;
	__u64 count;
};
SHUNT_SIZE(shunt_event_counter, 16);

#include "shunt/observe.h"

#endif
