// SPDX-License-Identifier: Apache-2.0
// bpf_abi OBJECT: prints its ABI hash, the hash of what is built into this program, and the running kernel's features
// as a number.
#include <bpf/libbpf.h>

#include <cstdio>

#include "kernel/features.h"
#include "kernel/object.h"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: bpf_abi OBJECT\n", stderr);
        return 2;
    }
    bpf_object* object = bpf_object__open(argv[1]);
    if (object == nullptr) return 1;
    const auto built_in = shunt::kernel::Object::open();
    if (!built_in) {
        std::fprintf(stderr, "%s\n", built_in.error().message.c_str());
        return 1;
    }
    std::printf("%s %s %u\n", shunt::kernel::abi_hash(object).c_str(), (*built_in)->abi_hash().c_str(),
                shunt::kernel::probe_features().bits());
    bpf_object__close(object);
    return 0;
}
