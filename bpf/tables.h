/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The policy tables. Each is an array of two inner maps, one per bank; shunt_state names the bank in force. Written by
 * the controller while the bank is not in force; read by connect, and shunt_scopes by the name programs too. The
 * controller makes the inner maps itself, as large as the configuration needs, so the max_entries given here are only a
 * template. One field is the programs' alone: hits, in the entries of listeners and clusters. The controller never reads
 * it as part of a configuration, and carries it along where it writes such an entry anew.
 */
#ifndef SHUNT_TABLES_H
#define SHUNT_TABLES_H

#include "maps.h"

#define SHUNT_BANKED(name, map_type, map_flags_, key_type, value_type)                                                 \
	struct name##_inner {                                                                                          \
		__uint(type, map_type);                                                                                \
		__uint(map_flags, map_flags_);                                                                         \
		__uint(max_entries, 1);                                                                                \
		__type(key, key_type);                                                                                 \
		__type(value, value_type);                                                                             \
	};                                                                                                             \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                                                              \
		__uint(max_entries, 2);                                                                                \
		__type(key, __u32);                                                                                    \
		__array(values, struct name##_inner);                                                                  \
	} name SHUNT_MAP

SHUNT_BANKED(shunt_scopes_b, BPF_MAP_TYPE_HASH, 0, struct shunt_scope_key, struct shunt_scope);
SHUNT_BANKED(shunt_ports_b, BPF_MAP_TYPE_HASH, 0, struct shunt_port_key, struct shunt_port_rule);
SHUNT_BANKED(shunt_cidrs4_b, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, struct shunt_cidr4_key, struct shunt_cidr_rule);
SHUNT_BANKED(shunt_cidrs6_b, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, struct shunt_cidr6_key, struct shunt_cidr_rule);
SHUNT_BANKED(shunt_owners_b, BPF_MAP_TYPE_HASH, 0, struct shunt_owner_key, struct shunt_owner_rule);
/* Mapped by the controller, which also makes its values begin with a page and so with a cache line. */
SHUNT_BANKED(shunt_listen_b, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE | BPF_F_INNER_MAP, __u32, struct shunt_listener_slot);
SHUNT_BANKED(shunt_splits_b, BPF_MAP_TYPE_HASH, 0, struct shunt_split_key, struct shunt_split);
SHUNT_BANKED(shunt_cluster_b, BPF_MAP_TYPE_HASH, 0, struct shunt_cluster_key, struct shunt_cluster);
SHUNT_BANKED(shunt_endpnt_b, BPF_MAP_TYPE_HASH, 0, struct shunt_endpoint_key, struct shunt_endpoint);

/*
 * clang describes a type that only an inner map names as a forward declaration, and then neither libbpf nor bpftool
 * knows its shape. A variable of each type makes it write the types out.
 */
static const volatile struct {
	struct shunt_scope_key scope_key;
	struct shunt_scope scope;
	struct shunt_port_key port_key;
	struct shunt_port_rule port_rule;
	struct shunt_cidr4_key cidr4_key;
	struct shunt_cidr6_key cidr6_key;
	struct shunt_cidr_rule cidr_rule;
	struct shunt_owner_key owner_key;
	struct shunt_owner_rule owner_rule;
	struct shunt_listener_slot listener_slot;
	struct shunt_split_key split_key;
	struct shunt_split split;
	struct shunt_cluster_key cluster_key;
	struct shunt_cluster cluster;
	struct shunt_endpoint_key endpoint_key;
	struct shunt_endpoint endpoint;
} shunt_table_types __attribute__((used)) = {};

#endif
