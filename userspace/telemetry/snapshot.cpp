// SPDX-License-Identifier: Apache-2.0
#include "telemetry/snapshot.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <set>
#include <thread>

#include "kernel/effective.h"
#include "kernel/link.h"
#include "kernel/listener_map.h"
#include "kernel/map.h"
#include "kernel/object.h"
#include "kernel/pins.h"
#include "telemetry/cgroup_paths.h"
#include "telemetry/counters.h"
#include "telemetry/install_state.h"
#include "telemetry/layout.h"

namespace shunt::telemetry {
namespace {

// A hash that programs write to may lead the walk over its keys in circles; more keys than it can hold end it.
base::Result<std::uint32_t> count_entries(const kernel::RawMap& map) {
    std::uint32_t count = 0;
    bool full = false;
    const auto walked = map.for_each_key([&](const void*) -> base::Status {
        if (count == map.info().max_entries) {
            full = true;
            return base::fail("full");
        }
        ++count;
        return {};
    });
    if (!walked && !full) return tl::unexpected<base::Error>(walked.error());
    return count;
}

base::Status add_table(const std::string& name, const kernel::RawMap& map, std::vector<TableState>& tables) {
    const auto entries = count_entries(map);
    if (!entries) return tl::unexpected<base::Error>(entries.error());
    tables.push_back({name, *entries, map.info().max_entries});
    return {};
}

base::Status add_listeners(const std::string& name, const std::string& pin, std::vector<TableState>& tables) {
    const auto map = kernel::ListenerMap::open_pinned(pin);
    if (!map) return tl::unexpected<base::Error>(map.error());
    std::uint32_t count = 0;
    map->for_each([&](const auto&, const auto&) { ++count; });
    tables.push_back({name, count, map->raw().info().max_entries});
    return {};
}

base::Status read_tables(const std::string& directory, std::uint32_t bank, std::vector<TableState>& tables) {
    for (const auto& table : kernel::banked_tables()) {
        const std::string pin = directory + "/" + table.inner + "_" + std::to_string(bank);
        if (access(pin.c_str(), F_OK) != 0) continue;  // never needed so far
        if (table.inner == "shunt_listeners") {
            if (auto added = add_listeners(table.inner, pin, tables); !added) return added;
            continue;
        }
        const auto map = kernel::RawMap::open_pinned(pin);
        if (!map) return tl::unexpected<base::Error>(map.error());
        if (auto added = add_table(table.inner, *map, tables); !added) return added;
    }
    for (const char* name : {"shunt_dests", "shunt_pending", "shunt_spare"}) {
        const auto map = kernel::RawMap::open_pinned(directory + "/" + name);
        if (!map) return tl::unexpected<base::Error>(map.error());
        if (auto added = add_table(name, *map, tables); !added) return added;
    }
    return {};
}

template <class Value>
base::Result<Value> read_slot(const std::string& path, std::uint32_t index) {
    const auto map = kernel::Map<std::uint32_t, Value>::open_pinned(path);
    if (!map) return tl::unexpected<base::Error>(map.error());
    const auto value = map->lookup(index);
    if (!value) return tl::unexpected<base::Error>(value.error());
    return value->value_or(Value{});
}

// Empty where nothing was applied yet.
base::Result<std::map<std::uint64_t, shunt_scope>> read_scopes(const std::string& directory, std::uint32_t bank) {
    std::map<std::uint64_t, shunt_scope> scopes;
    const std::string path = directory + "/shunt_scopes_" + std::to_string(bank);
    if (access(path.c_str(), F_OK) != 0) return scopes;
    const auto map = kernel::Map<shunt_scope_key, shunt_scope>::open_pinned(path);
    if (!map) return tl::unexpected<base::Error>(map.error());
    const auto keys = map->keys();
    if (!keys) return tl::unexpected<base::Error>(keys.error());
    for (const auto& key : *keys) {
        const auto value = map->lookup(key);
        if (!value) return tl::unexpected<base::Error>(value.error());
        if (*value) scopes.emplace(key.cgroup_id, **value);  // gone: a reload has begun
    }
    return scopes;
}

// shunt_connect4_1234 was attached to cgroup 1234, which a detached link itself no longer knows.
std::uint64_t cgroup_id_of_pin(const std::string& pin) {
    std::uint64_t id = 0;
    std::from_chars(pin.data() + pin.rfind('_') + 1, pin.data() + pin.size(), id);
    return id;
}

base::Result<std::vector<LinkState>> read_links(const std::string& directory) {
    std::vector<LinkState> links;
    std::set<std::uint64_t> ids;
    const auto pins = kernel::entries(directory);
    if (!pins) return tl::unexpected<base::Error>(pins.error());
    for (const auto& pin : *pins) {
        const auto info = kernel::read_link(directory + "/" + pin);
        if (!info) return tl::unexpected<base::Error>(info.error());
        LinkState link;
        link.pin = pin;
        link.attach_type = info->attach_type;
        link.link_id = info->link_id;
        link.program_id = info->program_id;
        link.cgroup_id = info->cgroup_id != 0 ? info->cgroup_id : cgroup_id_of_pin(pin);
        link.attached = info->cgroup_id != 0;
        const auto running = kernel::program_name(info->program_id);
        if (!running.empty() && running != pin.substr(0, pin.rfind('_'))) link.intruder = running;
        ids.insert(link.cgroup_id);
        links.push_back(std::move(link));
    }
    const auto paths = cgroup_paths(ids);
    for (auto& link : links)
        if (const auto path = paths.find(link.cgroup_id); path != paths.end()) link.cgroup = path->second;
    return links;
}

// A controller that starts, reloads or repairs is done well within this time.
constexpr auto kPatience = std::chrono::milliseconds(500);
constexpr auto kPause = std::chrono::milliseconds(10);
constexpr auto kSecondLook = std::chrono::milliseconds(50);

base::Result<std::uint64_t> read_generation(const std::string& directory) {
    const auto state = read_slot<shunt_state>(directory + "/shunt_state", 0);
    if (!state) return tl::unexpected<base::Error>(state.error());
    return state->generation;
}

base::Result<Snapshot> read_once(const kernel::Paths& paths) {
    const auto layout = find_layout(paths);
    if (!layout) return tl::unexpected<base::Error>(layout.error());
    Snapshot snapshot;
    if (layout->directory.empty()) return snapshot;
    snapshot.installed = true;
    snapshot.pin_directory = layout->directory;
    snapshot.controller_running = is_locked(layout->root);
    const auto generation = read_generation(layout->directory);
    if (!generation) return tl::unexpected<base::Error>(generation.error());
    snapshot.generation = *generation;
    const auto bank = static_cast<std::uint32_t>(*generation & 1);
    auto scopes = read_scopes(layout->directory, bank);
    if (!scopes) return tl::unexpected<base::Error>(scopes.error());
    snapshot.scopes = std::move(*scopes);
    const auto header = read_slot<shunt_bank>(layout->directory + "/shunt_banks", bank);
    if (!header) return tl::unexpected<base::Error>(header.error());
    snapshot.captured = header->captured;
    auto links = read_links(layout->directory + "/links");
    if (!links) return tl::unexpected<base::Error>(links.error());
    snapshot.links = std::move(*links);
    if (const auto read = read_tables(layout->directory, bank, snapshot.tables); !read)
        return tl::unexpected<base::Error>(read.error());
    auto counters = read_counters_in(layout->directory);
    if (!counters) return tl::unexpected<base::Error>(counters.error());
    snapshot.counters = std::move(*counters);
    return snapshot;
}

// Whether a reload, a repair or an uninstall came between: the next reading may find it done.
bool came_between(const base::Result<Snapshot>& read) {
    if (!read) return read.error().number == ENOENT;
    if (!read->installed) return false;
    const auto now = read_generation(read->pin_directory);
    return now ? *now != read->generation : now.error().number == ENOENT;
}

using Clock = std::chrono::steady_clock;

base::Result<Snapshot> read_until(const kernel::Paths& paths, Clock::time_point until) {
    for (;;) {
        auto snapshot = read_once(paths);
        if (!came_between(snapshot) || Clock::now() > until) return snapshot;
        std::this_thread::sleep_for(kPause);
    }
}

bool same_links(const Snapshot& a, const Snapshot& b) {
    return std::equal(a.links.begin(), a.links.end(), b.links.begin(), b.links.end(), [](const auto& x, const auto& y) {
        return x.pin == y.pin && x.link_id == y.link_id && x.attached == y.attached;
    });
}

}  // namespace

// The links of a cgroup come and go one by one: what looks like a hole is one where a second look finds it again.
base::Result<Snapshot> read_snapshot(const kernel::Paths& paths) {
    const auto until = Clock::now() + kPatience;
    auto snapshot = read_until(paths, until);
    while (snapshot && snapshot->controller_running && judge(*snapshot).state != State::kProtected) {
        std::this_thread::sleep_for(kSecondLook);
        auto again = read_until(paths, until);
        const bool settled = again && same_links(*snapshot, *again);
        snapshot = std::move(again);
        if (settled || Clock::now() > until) break;
    }
    return snapshot;
}

}  // namespace shunt::telemetry
