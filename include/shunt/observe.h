/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* The part of the kernel ABI (abi.h, which includes this file) that tells verdicts as they fall to whoever looks. */
#ifndef SHUNT_OBSERVE_ABI_H
#define SHUNT_OBSERVE_ABI_H

#include "shunt/abi.h"

#define SHUNT_OBSERVERS 4

/* One who looks; its index is also that of its ring in shunt_rings. seen = sent + sampled_out + limited + lost. */
struct shunt_observer {
	/* Written by the observer. */
	__u64 until_ns;   /* CLOCK_MONOTONIC; renewed while it lives, so that one that was killed is forgotten. 0: free */
	__u64 owner;      /* tells its holder that the place went to somebody else meanwhile */
	__u64 reasons;    /* 1 << enum shunt_reason: those wanted */
	__u32 sample;     /* send one in so many */
	__u32 per_second; /* send at most so many; 0: no limit */
	__u16 port_be;    /* of the destination; 0: any */
	__u16 pad[3];
	/* Written by the programs. */
	__u64 second;      /* which one in_second counts */
	__u64 in_second;   /* sent in it; races between CPUs may let a few more through */
	__u64 seen;        /* wanted by reasons and port */
	__u64 sampled_out; /* not sent: sample */
	__u64 limited;     /* not sent: per_second */
	__u64 lost;        /* not sent: ring full */
};
SHUNT_SIZE(shunt_observer, 88);

/* shunt_observe[0]. */
struct shunt_observe {
	__u64 until_ns; /* at least the latest of all observers; 0, the usual case: nobody looks */
	struct shunt_observer observers[SHUNT_OBSERVERS];
};
SHUNT_SIZE(shunt_observe, 360);

/* What a ring carries. */
struct shunt_verdict_event {
	__u64 time_ns;   /* CLOCK_MONOTONIC */
	__u64 cgroup_id; /* of the process now; its socket may belong to another */
	__u32 pid;       /* process, not thread, in the initial pid namespace */
	enum shunt_reason reason;
	enum shunt_lane lane;
	__u16 port_be; /* as dialled */
	__u16 pad;
	struct shunt_ip dst; /* as dialled; :: with port 0 where the programs had no settings */
	char comm[16];
};
SHUNT_SIZE(shunt_verdict_event, 64);

#endif
