// SPDX-License-Identifier: Apache-2.0
#include "sync/readback.h"

#include <cerrno>

#include "kernel/pins.h"
#include "sync/table_io.h"

namespace shunt::sync {
namespace {

template <class K, class V>
base::Status read_into(policy::Table<K, V>& table, const std::string& pin) {
    auto map = kernel::Map<K, V>::open_pinned(pin);
    if (!map && map.error().number == ENOENT) return {};  // never written
    if (!map) return tl::unexpected(map.error());
    auto read = read_table(*map);
    if (!read) return tl::unexpected(read.error());
    table = std::move(*read);
    return {};
}

// A listener's or a cluster's connections were counted in whichever bank was in force.
base::Status add_hits_of(const Layout& layout, unsigned bank, policy::Tables& tables) {
    const auto add = [&](const char* inner, auto& table) -> base::Status {
        std::remove_reference_t<decltype(table)> others;
        if (auto read = read_into(others, layout.bank(inner, bank)); !read) return read;
        add_hits(table, others);
        return {};
    };
    if (auto added = add("shunt_listeners", tables.listeners); !added) return added;
    return add("shunt_clusters", tables.clusters);
}

}  // namespace

base::Result<std::uint64_t> read_generation(const Layout& layout) {
    auto map = kernel::Map<std::uint32_t, shunt_state>::open_pinned(layout.map("shunt_state"));
    if (!map) return tl::unexpected(map.error());
    auto state = map->lookup(0);
    if (!state) return tl::unexpected(state.error());
    return *state ? (*state)->generation : 0;
}

base::Result<policy::Tables> read_bank(const Layout& layout, unsigned bank) {
    policy::Tables tables;
    base::Status status;
    policy::for_each_table([&](const char* inner, auto member) {
        if (status) status = read_into(tables.*member, layout.bank(inner, bank));
    });
    if (!status) return tl::unexpected(status.error());
    auto headers = kernel::Map<std::uint32_t, shunt_bank>::open_pinned(layout.map("shunt_banks"));
    if (!headers) return tl::unexpected(headers.error());
    auto header = headers->lookup(bank);
    if (!header) return tl::unexpected(header.error());
    if (*header) tables.bank = **header;
    return tables;
}

base::Result<Layout> find_layout(const kernel::Paths& paths) {
    auto root = kernel::pin_root(paths, false);
    if (!root) return tl::unexpected(root.error());
    const auto found = kernel::layout_in_force(*root);
    if (!found) return tl::unexpected(found.error());
    if (found->empty()) return base::fail("nothing is installed at " + *root);
    return Layout{*root + "/" + *found};
}

base::Result<policy::Tables> read_tables(const kernel::Paths& paths) {
    auto layout = find_layout(paths);
    if (!layout) return tl::unexpected(layout.error());
    // A switch between the two reads would show a bank that is being changed: read until the generation stood still.
    for (int attempt = 0; attempt < 100; ++attempt) {
        auto before = read_generation(*layout);
        if (!before) return tl::unexpected(before.error());
        auto tables = read_bank(*layout, static_cast<unsigned>(*before & 1));
        if (!tables) return tl::unexpected(tables.error());
        if (auto added = add_hits_of(*layout, static_cast<unsigned>(*before & 1) ^ 1, *tables); !added)
            return tl::unexpected(added.error());
        auto after = read_generation(*layout);
        if (!after) return tl::unexpected(after.error());
        if (*before == *after) return tables;
    }
    return base::fail("the configuration keeps changing while it is read");
}

}  // namespace shunt::sync
