// SPDX-License-Identifier: Apache-2.0
// Typed access to kernel maps. The kernel's sizes are compared with the types when a map is opened.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kernel/fd.h"

namespace shunt::kernel {

struct MapInfo {
    std::string name;
    std::uint32_t id = 0;
    std::uint32_t type = 0;
    std::uint32_t key_size = 0;
    std::uint32_t value_size = 0;
    std::uint32_t max_entries = 0;
};

// The untyped part. `name` is for messages.
class RawMap {
public:
    static base::Result<RawMap> open_pinned(const std::string& path);
    static base::Result<RawMap> from_fd(Fd fd);

    int fd() const { return fd_.get(); }
    const MapInfo& info() const { return info_; }

    base::Result<bool> lookup(const void* key, void* value) const;  // false: no such key
    base::Status update(const void* key, const void* value, const std::string& key_text) const;
    base::Status erase(const void* key, const std::string& key_text) const;  // missing is fine
    // Calls visit(key) for each key; visit may not change the map.
    base::Status for_each_key(const std::function<base::Status(const void*)>& visit) const;
    // The same with values, with few system calls where the kernel can. An entry that is removed meanwhile may be left
    // out.
    base::Status for_each_entry(const std::function<void(const void* key, const void* value)>& visit) const;
    // Writes many entries with few system calls where the kernel can; one by one elsewhere.
    base::Status update_batch(const std::vector<std::uint8_t>& keys, const std::vector<std::uint8_t>& values,
                              std::uint32_t count) const;
    base::Status pin(const std::string& path) const;
    // The same where another map may be pinned: at no time does a reader find nothing there.
    base::Status pin_over(const std::string& path) const;

private:
    base::Status read_one_by_one(const std::function<void(const void*, const void*)>& visit) const;

    Fd fd_;
    MapInfo info_;
};

template <class K, class V>
class Map {
public:
    static base::Result<Map> from(RawMap raw) {
        if (raw.info().key_size != sizeof(K) || raw.info().value_size != sizeof(V))
            return base::fail("map " + raw.info().name + ": the kernel's key and value are " +
                              std::to_string(raw.info().key_size) + " and " + std::to_string(raw.info().value_size) +
                              " bytes, this build's " + std::to_string(sizeof(K)) + " and " +
                              std::to_string(sizeof(V)));
        return Map(std::move(raw));
    }
    static base::Result<Map> open_pinned(const std::string& path) {
        auto raw = RawMap::open_pinned(path);
        if (!raw) return tl::unexpected(raw.error());
        return from(std::move(*raw));
    }

    const RawMap& raw() const { return raw_; }
    RawMap release() { return std::move(raw_); }
    base::Result<std::optional<V>> lookup(const K& key) const {
        V value{};
        auto found = raw_.lookup(&key, &value);
        if (!found) return tl::unexpected(found.error());
        return *found ? std::optional<V>(value) : std::nullopt;
    }
    base::Status update(const K& key, const V& value, const std::string& key_text) const {
        return raw_.update(&key, &value, key_text);
    }
    base::Status erase(const K& key, const std::string& key_text) const { return raw_.erase(&key, key_text); }
    base::Result<std::vector<K>> keys() const {
        std::vector<K> all;
        auto done = raw_.for_each_key([&](const void* key) -> base::Status {
            all.push_back(*static_cast<const K*>(key));
            return {};
        });
        if (!done) return tl::unexpected(done.error());
        return all;
    }

    template <class Visit>  // (const K&, const V&)
    base::Status for_each_entry(Visit visit) const {
        return raw_.for_each_entry([&](const void* key, const void* value) {
            K typed_key;
            V typed_value;
            std::memcpy(&typed_key, key, sizeof(K));
            std::memcpy(&typed_value, value, sizeof(V));
            visit(typed_key, typed_value);
        });
    }

private:
    explicit Map(RawMap raw) : raw_(std::move(raw)) {}
    RawMap raw_;
};

// A per-CPU array of structs that hold a `count`; one V per possible CPU and index.
std::size_t possible_cpus();
base::Result<std::vector<std::uint8_t>> lookup_per_cpu(const RawMap& map, std::uint32_t index);

}  // namespace shunt::kernel
