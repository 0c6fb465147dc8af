// SPDX-License-Identifier: Apache-2.0
#include "sync/readback.h"

#include <cerrno>

#include "kernel/listener_map.h"
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

base::Status read_into(policy::ListenerTable& table, const std::string& pin) {
    auto map = kernel::ListenerMap::open_pinned(pin);
    if (!map && map.error().number == ENOENT) return {};
    if (!map) return tl::unexpected(map.error());
    table = {};
    map->for_each([&](const auto& key, const auto& listener) { table.append(key, listener); });
    table.finish();
    return {};
}

enum class Hits { kOfThisBank, kOfBoth };
base::Result<policy::Tables> read_all(const Layout& layout, unsigned bank, Hits hits) {
    policy::Tables tables;
    base::Status status;
    const auto read = [&]<class K, class V>(const char* inner, policy::Table<K, V>& table) -> base::Status {
        if constexpr (kernel::Counting<V>)
            if (hits == Hits::kOfBoth) {
                auto counted = kernel::read_hits<K, V>(layout.bank(inner, bank), layout.bank(inner, bank ^ 1));
                if (!counted) return tl::unexpected(counted.error());
                for (const auto& [key, value] : *counted) table.append(key, value);
                table.finish();
                return {};
            }
        return read_into(table, layout.bank(inner, bank));
    };
    policy::for_each_table([&](const char* inner, auto member) {
        if (status) status = read(inner, tables.*member);
    });
    if (!status) return tl::unexpected(status.error());
    auto headers = kernel::Map<std::uint32_t, shunt_bank>::open_pinned(layout.map("shunt_banks"));
    if (!headers) return tl::unexpected(headers.error());
    auto header = headers->lookup(bank);
    if (!header) return tl::unexpected(header.error());
    if (*header) tables.bank = **header;
    return tables;
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
    return read_all(layout, bank, Hits::kOfThisBank);
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
        auto tables = read_all(*layout, static_cast<unsigned>(*before & 1), Hits::kOfBoth);
        if (!tables) return tl::unexpected(tables.error());
        auto after = read_generation(*layout);
        if (!after) return tl::unexpected(after.error());
        if (*before == *after) return tables;
    }
    return base::fail("the configuration keeps changing while it is read");
}

}  // namespace shunt::sync
