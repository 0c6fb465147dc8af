// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded into shunt by crash_test: records each bpf() call and each file call, and at the one asked for either ends
 * the process as kill -9 would, after the call, or lets the call fail once. SHUNT_CRASH names a struct crash_plan.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "crash_plan.h"

static long (*real_syscall)(long, ...);
static struct crash_plan *plan;

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("SHUNT_CRASH");
	const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at;

	*(void **)&real_syscall = dlsym(RTLD_NEXT, "syscall");
	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		plan = at;
}

/* What becomes of a call: */
enum fate { GOES_ON, FAILS /* errno is set */, IS_THE_LAST };

static enum fate fate_of(const char *kind, int changes)
{
	unsigned index;

	if (!plan)
		return GOES_ON;
	index = __atomic_fetch_add(&plan->recorded, 1, __ATOMIC_SEQ_CST);
	if (index < CRASH_CALLS) {
		snprintf(plan->calls[index].kind, CRASH_KIND_SIZE, "%s", kind);
		plan->calls[index].changes = changes;
	}
	if (strcmp(kind, plan->kind) || __atomic_add_fetch(&plan->counted, 1, __ATOMIC_SEQ_CST) != plan->at)
		return GOES_ON;
	if (!plan->error)
		return IS_THE_LAST;
	errno = plan->error;
	return FAILS;
}

static long end_if(enum fate fate, long result)
{
	if (fate == IS_THE_LAST)
		kill(getpid(), SIGKILL);
	return result;
}

/* The directory that a path's last but one component names, where it tells what is pinned; else "root". */
static const char *place_of(const char *path)
{
	static const char *const places[] = { "/links/", "/progs/", "/iter/" };

	for (unsigned i = 0; i < 3; i++)
		if (strstr(path, places[i]))
			return places[i];
	return strstr(path, "/shunt_") ? "map" : "root";
}

static void map_name(unsigned fd, char name[BPF_OBJ_NAME_LEN])
{
	struct bpf_map_info info = {};
	union bpf_attr attr = {};

	attr.info.bpf_fd = fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (unsigned long)&info;
	name[0] = 0;
	if (!real_syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)))
		memcpy(name, info.name, BPF_OBJ_NAME_LEN);
}

/* A table's inner map, one of the maps that switch, or the name of another. */
static const char *map_kind(unsigned fd, char name[BPF_OBJ_NAME_LEN])
{
	const size_t length = (map_name(fd, name), strlen(name));

	if (length > 2 && !strcmp(name + length - 2, "_b"))
		return "outer";
	if (!strncmp(name, "shunt_", 6) && strcmp(name, "shunt_state") && strcmp(name, "shunt_banks"))
		return strstr("shunt_counters shunt_lanes shunt_events", name) ? "counters" : "table";
	if (strstr(name, ".rodata"))
		return "rodata";
	return name[0] ? name : "probe";
}

static enum fate bpf_fate(int command, const union bpf_attr *attr)
{
	char kind[CRASH_KIND_SIZE], name[BPF_OBJ_NAME_LEN];
	const char *what = "", *verb;
	int changes = 0;

#define CASE(command, lasts, object)          \
	case BPF_##command:                   \
		verb = "BPF_" #command;       \
		changes = lasts, what = object; \
		break
	switch (command) {
		CASE(OBJ_PIN, 1, place_of((const char *)attr->pathname));
		CASE(OBJ_GET, 0, place_of((const char *)attr->pathname));
		CASE(LINK_CREATE, 1, attr->link_create.attach_type == BPF_TRACE_ITER ? "iterator" : "cgroup");
		CASE(LINK_UPDATE, 1, "");
		CASE(LINK_DETACH, 1, "");
		CASE(MAP_UPDATE_ELEM, 1, map_kind(attr->map_fd, name));
		CASE(MAP_UPDATE_BATCH, 1, map_kind(attr->batch.map_fd, name));
		CASE(MAP_DELETE_ELEM, 1, map_kind(attr->map_fd, name));
		CASE(MAP_DELETE_BATCH, 1, map_kind(attr->batch.map_fd, name));
		CASE(MAP_LOOKUP_ELEM, 0, map_kind(attr->map_fd, name));
		CASE(MAP_GET_NEXT_KEY, 0, map_kind(attr->map_fd, name));
		CASE(MAP_CREATE, 0, strncmp(attr->map_name, "shunt_", 6) ? "probe" : "ours");
		CASE(PROG_LOAD, 0, strncmp(attr->prog_name, "shunt_", 6) ? "probe" : "ours");
		CASE(MAP_FREEZE, 0, "");
		CASE(BTF_LOAD, 0, "");
		CASE(PROG_BIND_MAP, 0, "");
		CASE(PROG_QUERY, 0, "");
		CASE(PROG_GET_FD_BY_ID, 0, "");
		CASE(MAP_GET_FD_BY_ID, 0, "");
		CASE(BTF_GET_FD_BY_ID, 0, "");
		CASE(OBJ_GET_INFO_BY_FD, 0, "");
	default:
		verb = "BPF";
		snprintf(name, sizeof(name), "%d", command);
		what = name;
	}
#undef CASE
	snprintf(kind, sizeof(kind), "%s %s", verb, what);
	return fate_of(kind, changes);
}

long syscall(long number, ...)
{
	enum fate fate = GOES_ON;
	va_list list;
	long a[6];

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (!real_syscall)
		start();
	if (number == SYS_bpf && plan)
		fate = bpf_fate((int)a[0], (const union bpf_attr *)a[1]);
	if (fate == FAILS)
		return -1;
	return end_if(fate, real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

int mkdir(const char *path, mode_t mode)
{
	const enum fate fate = fate_of("mkdir", 1);

	return fate == FAILS ? -1 : (int)end_if(fate, real_syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int rmdir(const char *path)
{
	const enum fate fate = fate_of("rmdir", 1);

	return fate == FAILS ? -1 : (int)end_if(fate, real_syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR));
}

int unlink(const char *path)
{
	char kind[CRASH_KIND_SIZE];
	enum fate fate;

	snprintf(kind, sizeof(kind), "unlink %s", place_of(path));
	fate = fate_of(kind, 1);
	return fate == FAILS ? -1 : (int)end_if(fate, real_syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int rename(const char *from, const char *to)
{
	const enum fate fate = fate_of("rename", 1);

	return fate == FAILS ? -1 : (int)end_if(fate, real_syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int flock(int fd, int operation)
{
	return fate_of("flock", 0) == FAILS ? -1 : (int)real_syscall(SYS_flock, fd, operation);
}

/* Directories only: cgroups and pin directories. */
int open(const char *path, int flags, ...)
{
	va_list list;
	int mode;

	va_start(list, flags);
	mode = va_arg(list, int);
	va_end(list);
	if (!real_syscall)
		*(void **)&real_syscall = dlsym(RTLD_NEXT, "syscall");
	if (flags & O_DIRECTORY && fate_of("open", 0) == FAILS)
		return -1;
	return (int)real_syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

DIR *opendir(const char *path)
{
	static DIR *(*real)(const char *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "opendir");
	return strstr(path, "/bpf/") && fate_of("opendir", 0) == FAILS ? NULL : real(path);
}

/* The time that handshakes in progress get is not what these tests are about. */
int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	struct timespec shorter = *wanted;

	if (shorter.tv_sec > 0)
		shorter = (struct timespec){ .tv_nsec = 1000000 };
	return (int)real_syscall(SYS_nanosleep, &shorter, left);
}
