/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* The part of the kernel ABI (abi.h, which includes this file) that is counted: verdicts, reasons, lanes and events. */
#ifndef SHUNT_VERDICT_H
#define SHUNT_VERDICT_H

#include <linux/types.h>

enum shunt_verdict {
	SHUNT_VERDICT_UNSET = 0,
	SHUNT_VERDICT_BYPASS = 1,   /* goes where the application asked */
	SHUNT_VERDICT_REDIRECT = 2, /* goes to the proxy, original destination kept */
	SHUNT_VERDICT_BALANCE = 3,  /* goes to an endpoint of a cluster, without the proxy */
	SHUNT_VERDICT_REFUSE = 4,   /* connect() fails */
};

/*
 * Why. Each run of a connect program ends with exactly one reason, counted in shunt_counters. The order of the values
 * is the order of the rules (docs/architecture.md); names are printed in lower case without the prefix.
 */
enum shunt_reason {
	SHUNT_REASON_UNSET = 0,
	/* 1: nothing that could be redirected; the application keeps the kernel's own answer */
	SHUNT_REASON_NOT_TCP = 1,
	SHUNT_REASON_FAMILY_MISMATCH = 2,
	SHUNT_REASON_PORT_ZERO = 3,
	SHUNT_REASON_MULTICAST = 4,
	SHUNT_REASON_BROADCAST = 5,
	/* 2: refused, or a proxy would be told a destination that nobody dialled, or would call itself for ever */
	SHUNT_REASON_FORGED = 6,
	SHUNT_REASON_LOOPING = 7,
	/* 3 */
	SHUNT_REASON_EXCLUDED_PORT = 8,
	/* 4: the proxy's own socket, by what it was recognised */
	SHUNT_REASON_PROXY_CGROUP = 9,
	SHUNT_REASON_PROXY_MARK = 10,
	SHUNT_REASON_PROXY_UID = 11,
	SHUNT_REASON_PROXY_GID = 12,
	/* 5 */
	SHUNT_REASON_OWN_ADDRESS = 13,
	/* 6 */
	SHUNT_REASON_OWNER_NOT_INCLUDED = 14,
	SHUNT_REASON_OWNER_EXCLUDED = 15,
	/* 7 */
	SHUNT_REASON_LOOPBACK = 16,
	SHUNT_REASON_EXCLUDED_CIDR = 17,
	/* 9 */
	SHUNT_REASON_NOT_INCLUDED = 18,
	/* 10: captured */
	SHUNT_REASON_LINK_LOCAL = 19,          /* bypass: fe80::/10 means a device, the proxy could not dial it */
	SHUNT_REASON_IPV6_BYPASS = 20,         /* captured v6, ipv6: bypass */
	SHUNT_REASON_IPV6_REFUSE = 21,         /* captured v6, ipv6: refuse */
	SHUNT_REASON_BOUND_DEVICE = 22,        /* refuse: SO_BINDTODEVICE other than lo; a rewrite would hang */
	SHUNT_REASON_LOOPBACK_SOURCE = 23,     /* refuse: bound to 127/8 by the application, destination elsewhere */
	SHUNT_REASON_LISTENER = 24,            /* redirect: a listener on exactly this ip:port */
	SHUNT_REASON_PORT_LISTENER = 25,       /* redirect: a listener on 0.0.0.0:port */
	SHUNT_REASON_UNMATCHED = 26,           /* redirect: no listener, outboundTrafficPolicy.enforcedBy: proxy */
	SHUNT_REASON_PASSTHROUGH_CLUSTER = 27, /* bypass: no listener, enforcedBy: kernel, ALLOW_ANY */
	SHUNT_REASON_BLACK_HOLE_CLUSTER = 28,  /* refuse: no listener, enforcedBy: kernel, REGISTRY_ONLY */
	/* what became of a redirect */
	SHUNT_REASON_PROXY_DOWN_REFUSE = 29, /* nobody listens on the proxy's port, whenDown: refuse */
	SHUNT_REASON_PROXY_DOWN_BYPASS = 30, /* nobody listens on the proxy's port, whenDown: bypass */
	SHUNT_REASON_INTERNAL_REFUSE = 31,   /* an internal failure (shunt_events says which), onInternalError: refuse */
	SHUNT_REASON_INTERNAL_BYPASS = 32,   /* the same, onInternalError: bypass */
	/* 10, a listener with direct: true, and what became of it */
	SHUNT_REASON_DIRECT = 33,             /* balance: an endpoint of the listener's cluster */
	SHUNT_REASON_NO_ENDPOINT_REFUSE = 34, /* the chosen cluster has no healthy endpoint, whenDown: refuse */
	SHUNT_REASON_NO_ENDPOINT_BYPASS = 35, /* the same, whenDown: bypass */
	SHUNT_REASON_MAX = 36,
};

/* The verdict that a reason belongs to. */
static inline enum shunt_verdict shunt_verdict_of(enum shunt_reason reason)
{
	const __u64 redirect = 1ull << SHUNT_REASON_LISTENER | 1ull << SHUNT_REASON_PORT_LISTENER |
			       1ull << SHUNT_REASON_UNMATCHED;
	const __u64 refuse = 1ull << SHUNT_REASON_FORGED | 1ull << SHUNT_REASON_LOOPING |
			     1ull << SHUNT_REASON_IPV6_REFUSE | 1ull << SHUNT_REASON_BOUND_DEVICE |
			     1ull << SHUNT_REASON_LOOPBACK_SOURCE | 1ull << SHUNT_REASON_BLACK_HOLE_CLUSTER |
			     1ull << SHUNT_REASON_PROXY_DOWN_REFUSE | 1ull << SHUNT_REASON_INTERNAL_REFUSE |
			     1ull << SHUNT_REASON_NO_ENDPOINT_REFUSE;

	if (reason == SHUNT_REASON_UNSET || reason >= SHUNT_REASON_MAX)
		return SHUNT_VERDICT_UNSET;
	if (redirect >> reason & 1)
		return SHUNT_VERDICT_REDIRECT;
	if (refuse >> reason & 1)
		return SHUNT_VERDICT_REFUSE;
	if (reason == SHUNT_REASON_DIRECT)
		return SHUNT_VERDICT_BALANCE;
	return SHUNT_VERDICT_BYPASS;
}

/* How the original destination of a redirect travels, and why not by address. Counted in shunt_lanes. */
enum shunt_lane {
	SHUNT_LANE_NONE = 0,
	SHUNT_LANE_ADDRESS = 1,        /* in the two loopback addresses */
	SHUNT_LANE_DICT_PORT = 2,      /* source port bound by the application: 127/8 destination names a shunt_dests entry */
	SHUNT_LANE_DICT_ADDRESS = 3,   /* the same: source address bound by the application */
	SHUNT_LANE_DICT_RANGE = 4,     /* the same: destination outside what the address lane can encode (0/8, 224/3) */
	SHUNT_LANE_DICT_BIND = 5,      /* the same: bpf_bind() refused the source address */
	SHUNT_LANE_RECORD_SETTING = 6, /* record: lane: record */
	SHUNT_LANE_RECORD_IPV6 = 7,    /* record: an IPv6 destination */
	SHUNT_LANE_RECORD_PROXY = 8,   /* record: the proxy does not listen on the v4 wildcard address */
	SHUNT_LANE_MAX = 9,
};

/* What the other programs did, and what failed inside. Counted in shunt_events. */
enum shunt_event {
	SHUNT_EVENT_UNSET = 0,
	SHUNT_EVENT_ORIGDST_ADDRESS = 1, /* SO_ORIGINAL_DST answered from the socket's addresses */
	SHUNT_EVENT_ORIGDST_DICT = 2,    /* ... from shunt_dests */
	SHUNT_EVENT_ORIGDST_RECORD = 3,  /* ... from the connection's record */
	SHUNT_EVENT_ORIGDST_NONE = 4,    /* asked on a connection that shunt did not redirect; the kernel's answer stays */
	SHUNT_EVENT_ORIGDST_SHORT = 5,   /* asked with a buffer that is too short; the kernel's error stays */
	SHUNT_EVENT_ORIGDST_SELF = 6,    /* not ours, and conntrack named the proxy itself: it would call itself */
	SHUNT_EVENT_RECORDED = 7,        /* record lane: destination recorded before the SYN */
	SHUNT_EVENT_RECORD_TAKEN = 8,    /* record lane: moved to the accepted socket */
	SHUNT_EVENT_RECORD_DROPPED = 9,  /* record lane: connect failed, record removed */
	SHUNT_EVENT_RECORD_HELD = 10,    /* record lane: no memory for the accepted socket's storage, the record stays put */
	SHUNT_EVENT_PEERNAME = 11,       /* getpeername() answered with what the application dialled */
	SHUNT_EVENT_CLIENT_ADDRESS = 12, /* clientAddress shown */
	SHUNT_EVENT_UNDO = 13,           /* a source address of ours taken back before a connection that bypasses */
	SHUNT_EVENT_BIND_REFUSED = 14,   /* somebody but the proxy wanted the proxy's port: bind() failed with EPERM */
	/* failures */
	SHUNT_EVENT_FAIL_STATE = 15,     /* settings missing: programs attached without tables */
	SHUNT_EVENT_FAIL_STORAGE = 16,   /* no socket storage: the socket's option memory is used up, or there is no memory */
	SHUNT_EVENT_FAIL_PENDING = 17,   /* shunt_pending full, and half of shunt_spare used */
	SHUNT_EVENT_FAIL_DICT = 18,      /* shunt_dests full */
	SHUNT_EVENT_FAIL_BIND = 19,      /* a source address could not be set or taken back */
	SHUNT_EVENT_FAIL_NETNS = 20,     /* the socket's network namespace could not be told */
	SHUNT_EVENT_FAIL_ENDPOINT = 21,  /* an endpoint that the cluster's entry promises is missing */
	SHUNT_EVENT_MAX = 22,
};

#endif
