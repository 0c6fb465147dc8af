// SPDX-License-Identifier: Apache-2.0
// The BPF programs and maps built into this binary.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/features.h"
#include "kernel/map.h"

struct bpf_object;  // libbpf's

namespace shunt::kernel {

// A hook family's program, by the name it has in the kernel.
struct Program {
    std::string name;     // shunt_connect4
    int fd = -1;          // owned by the Object
    int attach_type = 0;  // enum bpf_attach_type
};

// A banked table: an array of two inner maps, which the controller makes and puts in.
struct BankedTable {
    std::string outer;  // shunt_ports_b
    std::string inner;  // shunt_ports, the name of the inner maps
};
const std::vector<BankedTable>& banked_tables();

// 16 hex digits over the shape of every map, key and value of an opened object. Independent of the compiler.
std::string abi_hash(bpf_object* object);

// Neither copied nor moved once open; programs and maps live as long as it or their pins.
class Object {
public:
    // Opens what is built in; nothing is loaded yet.
    static base::Result<std::unique_ptr<Object>> open();
    ~Object();
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    // Programs and maps of equal hash fit together.
    const std::string& abi_hash() const { return abi_hash_; }

    // Loads and verifies all programs. Maps pinned in `directory` are taken over, missing ones made and pinned there.
    // Error::detail carries the verifier's log.
    base::Status load(const std::string& directory, const Features& features);

    base::Result<Program> program(const std::string& name) const;
    base::Result<RawMap> map(const std::string& name) const;
    // A new inner map for a banked table, with the table's key and value types.
    base::Result<RawMap> make_inner(const BankedTable& table, std::uint32_t max_entries) const;

private:
    struct Impl;
    explicit Object(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
    std::string abi_hash_;
};

}  // namespace shunt::kernel
