// SPDX-License-Identifier: Apache-2.0
#include "scratch_kernel.h"

#include <sched.h>
#include <sys/mount.h>

#include <cerrno>

#include "kernel/features.h"
#include "kernel/pins.h"
#include "sample.h"

namespace shunt::micro_bench {
namespace {

// Hidden for this process only.
constexpr const char* kMount = "/tmp";
constexpr const char* kFiles = "/var/tmp";

void check(int result, const char* what) {
    if (result != 0) or_die(base::Status(tl::unexpected(base::errno_error(what, errno))));
}

}  // namespace

void enter_scratch_namespace() {
    check(unshare(CLONE_NEWNS), "a mount namespace");
    check(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "private mounts");
    check(mount("bpf", kMount, "bpf", 0, "mode=0700"), "a bpffs");
    check(mount("tmpfs", kFiles, "tmpfs", 0, "mode=0700"), "a tmpfs");
}

std::string scratch_file(const std::string& name) { return std::string(kFiles) + "/" + name; }

ScratchKernel::ScratchKernel() : object_(or_die(kernel::Object::open())) {
    static int made = 0;
    const auto root = std::string(kMount) + "/" + std::to_string(made++);
    layout_.directory = root + "/" + object_->abi_hash();
    for (const auto& directory : {root, layout_.directory}) or_die(kernel::make_pin_directory(directory));
    or_die(object_->load(layout_.directory, kernel::probe_features()));
}

}  // namespace shunt::micro_bench
