// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Live redirected connections as text, for `cat` on a pinned iterator where no other tool is at hand: the address lane
 * and the dictionary in the reader's network namespace, the record lane in all of them, as socket storage has it.
 * An object of its own, because iterators need kernel BTF and redirecting does not.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>

#include "lib/bank.h"
#include "lib/core.h"
#include "lib/origdst.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;
struct bpf_map;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 seq_num;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
};

#pragma clang attribute pop

/* Index = the kernel's number of a TCP state. */
const char shunt_tcp_states[16][16] = {
	"-", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
	"CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV", "-", "-", "-",
};

SHUNT_INLINE void shunt_head(struct bpf_iter_meta *meta)
{
	if (meta->seq_num == 0)
		BPF_SEQ_PRINTF(meta->seq, "LANE STATE SOURCE ORIGINAL-DESTINATION PROXY\n");
}

SHUNT_INLINE void shunt_line4(struct seq_file *seq, const char *lane, const struct sock_common *common, __u32 source_be,
			      const struct shunt_dest *dest, __u32 proxy_be)
{
	const char *state = shunt_tcp_states[common->skc_state & 15];

	BPF_SEQ_PRINTF(seq, "%s %s %pI4:%u %pI4:%u %pI4:%u\n", lane, state, &source_be, common->skc_num,
		       &dest->addr.words_be[3], shunt_swap16(dest->port_be), &proxy_be, shunt_swap16(common->skc_dport));
}

/* The v4-mapped forms of an AF_INET6 socket have their IPv4 addresses beside them, where these are read. */
SEC("iter/tcp")
int shunt_iter_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	const struct shunt_bank *header;
	struct shunt_dest dest = {};
	enum shunt_event found;
	__u32 bank = 0;

	shunt_head(ctx->meta);
	if (!common)
		return 0;
	header = shunt_open_bank(&bank);
	if (!header || !shunt_is_proxy_port(header, common->skc_dport))
		return 0;
	found = shunt_resolve4(common->skc_rcv_saddr, common->skc_daddr, &dest);
	if (found == SHUNT_EVENT_ORIGDST_ADDRESS)
		shunt_line4(ctx->meta->seq, "address", common, common->skc_rcv_saddr, &dest, common->skc_daddr);
	else if (found == SHUNT_EVENT_ORIGDST_DICT)
		shunt_line4(ctx->meta->seq, "dict", common, common->skc_rcv_saddr, &dest, common->skc_daddr);
	return 0;
}

/* A record of an earlier connect() names another remote end than the socket has; its port tells them apart. */
SEC("iter/bpf_sk_storage_map")
int shunt_iter_sk(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	const struct shunt_sock *stored = ctx->value;
	const struct shunt_pending_key *ends;
	const struct sock *sk = ctx->sk;
	const char *state;

	shunt_head(ctx->meta);
	if (!sk || !stored || !(stored->flags & SHUNT_SOCK_CLIENT))
		return 0;
	ends = &stored->pending_key;
	if (sk->__sk_common.skc_dport != ends->dst_port_be)
		return 0;
	if (shunt_ip_is_v4(&ends->dst)) {
		shunt_line4(ctx->meta->seq, "record", &sk->__sk_common, sk->__sk_common.skc_rcv_saddr, &stored->dest,
			    ends->dst.words_be[3]);
		return 0;
	}
	state = shunt_tcp_states[sk->__sk_common.skc_state & 15];
	BPF_SEQ_PRINTF(ctx->meta->seq, "record %s [%pI6]:%u [%pI6]:%u [%pI6]:%u\n", state, &ends->src,
		       sk->__sk_common.skc_num, &stored->dest.addr, shunt_swap16(stored->dest.port_be), &ends->dst,
		       shunt_swap16(ends->dst_port_be));
	return 0;
}

char shunt_license[] SEC("license") = "GPL";
