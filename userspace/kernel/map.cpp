// SPDX-License-Identifier: Apache-2.0
#include "kernel/map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "kernel/pins.h"

namespace shunt::kernel {
namespace {

std::string label(const MapInfo& info) { return "map " + info.name; }

}  // namespace

base::Result<RawMap> RawMap::from_fd(Fd fd) {
    bpf_map_info info{};
    __u32 size = sizeof info;
    if (bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0)
        return tl::unexpected(base::errno_error("map info", errno));
    RawMap map;
    map.fd_ = std::move(fd);
    map.info_ = {info.name, info.id, info.type, info.key_size, info.value_size, info.max_entries};
    return map;
}

base::Result<RawMap> RawMap::open_pinned(const std::string& path) {
    Fd fd(bpf_obj_get(path.c_str()));
    if (!fd) return tl::unexpected(base::errno_error("map " + path, errno));
    auto map = from_fd(std::move(fd));
    if (!map) return base::wrap("map " + path, map.error());
    return map;
}

base::Result<bool> RawMap::lookup(const void* key, void* value) const {
    if (bpf_map_lookup_elem(fd(), key, value) == 0) return true;
    if (errno == ENOENT) return false;
    return tl::unexpected(base::errno_error(label(info_) + ": lookup", errno));
}

base::Status RawMap::update(const void* key, const void* value, const std::string& key_text) const {
    if (bpf_map_update_elem(fd(), key, value, BPF_ANY) == 0) return {};
    return tl::unexpected(base::errno_error(label(info_) + ": update " + key_text, errno));
}

base::Status RawMap::erase(const void* key, const std::string& key_text) const {
    if (bpf_map_delete_elem(fd(), key) == 0 || errno == ENOENT) return {};
    return tl::unexpected(base::errno_error(label(info_) + ": remove " + key_text, errno));
}

base::Status RawMap::for_each_key(const std::function<base::Status(const void*)>& visit) const {
    std::vector<std::uint8_t> key(info_.key_size);
    std::vector<std::uint8_t> next(info_.key_size);
    const void* previous = nullptr;
    while (bpf_map_get_next_key(fd(), previous, next.data()) == 0) {
        key = next;
        previous = key.data();
        if (auto status = visit(previous); !status) return status;
    }
    if (errno != ENOENT) return tl::unexpected(base::errno_error(label(info_) + ": next key", errno));
    return {};
}

base::Status RawMap::for_each_entry(const std::function<void(const void*, const void*)>& visit) const {
    std::size_t room = std::clamp<std::size_t>(info_.max_entries, 1, 4096);
    std::vector<std::uint8_t> position(std::max<std::size_t>(info_.key_size, sizeof(__u32)));  // the kernel's own
    std::vector<std::uint8_t> keys, values;
    LIBBPF_OPTS(bpf_map_batch_opts, opts);
    bool first = true;
    for (;;) {
        keys.resize(room * info_.key_size);
        values.resize(room * info_.value_size);
        auto count = static_cast<__u32>(room);
        const int failed = bpf_map_lookup_batch(fd(), first ? nullptr : position.data(), position.data(), keys.data(),
                                                values.data(), &count, &opts) == 0
                               ? 0
                               : errno;
        if (failed == ENOSPC && room < info_.max_entries) {  // one bucket of the hash holds more
            room = std::min<std::size_t>(room * 2, info_.max_entries);
            continue;
        }
        if (failed != 0 && failed != ENOENT) {
            if (first) return read_one_by_one(visit);  // LPM tries have no batch operations before 5.15
            return tl::unexpected(base::errno_error(label(info_) + ": read", failed));
        }
        for (std::size_t i = 0; i < count; ++i)
            visit(keys.data() + i * info_.key_size, values.data() + i * info_.value_size);
        if (failed == ENOENT) return {};
        first = false;
    }
}

base::Status RawMap::read_one_by_one(const std::function<void(const void*, const void*)>& visit) const {
    std::vector<std::uint8_t> value(info_.value_size);
    return for_each_key([&](const void* key) -> base::Status {
        const auto found = lookup(key, value.data());
        if (!found) return tl::unexpected(found.error());
        if (*found) visit(key, value.data());
        return {};
    });
}

base::Status RawMap::update_batch(const std::vector<std::uint8_t>& keys, const std::vector<std::uint8_t>& values,
                                  std::uint32_t count) const {
    LIBBPF_OPTS(bpf_map_batch_opts, opts);
    __u32 done = count;
    if (count == 0) return {};
    if (bpf_map_update_batch(fd(), keys.data(), values.data(), &done, &opts) == 0) return {};
    // LPM tries have no batch operations before 5.15. Entries that were written already are simply written again.
    for (std::uint32_t i = 0; i < count; ++i) {
        auto status = update(keys.data() + static_cast<std::size_t>(i) * info_.key_size,
                             values.data() + static_cast<std::size_t>(i) * info_.value_size,
                             "entry " + std::to_string(i + 1) + " of " + std::to_string(count));
        if (!status) return status;
    }
    return {};
}

base::Status RawMap::pin(const std::string& path) const {
    if (bpf_obj_pin(fd(), path.c_str()) == 0) return {};
    return tl::unexpected(base::errno_error(label(info_) + ": pin " + path, errno));
}

base::Status RawMap::pin_over(const std::string& path) const {
    const std::string fresh = path + "_new";  // bpffs refuses names with a dot
    if (auto removed = unpin(fresh); !removed) return removed;
    if (auto pinned = pin(fresh); !pinned) return pinned;
    if (rename(fresh.c_str(), path.c_str()) == 0) return {};
    return tl::unexpected(base::errno_error(label(info_) + ": pin over " + path, errno));
}

std::size_t possible_cpus() {
    const int count = libbpf_num_possible_cpus();
    return count > 0 ? static_cast<std::size_t>(count) : 1;
}

base::Result<std::vector<std::uint8_t>> lookup_per_cpu(const RawMap& map, std::uint32_t index) {
    // The kernel rounds each CPU's value up to eight bytes.
    std::vector<std::uint8_t> values((std::size_t{map.info().value_size} + 7) / 8 * 8 * possible_cpus());
    auto found = map.lookup(&index, values.data());
    if (!found) return tl::unexpected(found.error());
    if (!*found) return base::fail(label(map.info()) + ": no entry " + std::to_string(index));
    return values;
}

}  // namespace shunt::kernel
