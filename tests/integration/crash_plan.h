/* SPDX-License-Identifier: Apache-2.0 */
/* What crash_test asks of crash_shim.c and is told by it, in memory that both have mapped. */
#ifndef SHUNT_CRASH_PLAN_H
#define SHUNT_CRASH_PLAN_H

#define CRASH_KIND_SIZE 40
#define CRASH_CALLS 8192

/* One call: what is asked of the kernel, and of which kind of object ("BPF_OBJ_PIN links", "rmdir"). */
struct crash_call {
    char kind[CRASH_KIND_SIZE];
    int changes; /* something that outlives the process */
};

struct crash_plan {
    char kind[CRASH_KIND_SIZE]; /* calls of this kind are counted */
    unsigned at;                /* 1 = the first of them; 0 = none */
    int error;                  /* it fails with this; 0: kill -9 after it */
    unsigned counted;
    unsigned recorded; /* calls of all kinds */
    struct crash_call calls[CRASH_CALLS];
};

#endif
