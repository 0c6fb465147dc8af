// SPDX-License-Identifier: Apache-2.0
#include "config/sections.h"

namespace shunt::config {
namespace {

using model::LaneMode;
using model::WhenDown;

constexpr std::uint32_t kMostId = 0xfffffffe;  // 4294967295 is "no id"
const char* const kListen = "address:port of the proxy, or a list of one for IPv4 and one for IPv6";

bool read_listen_entry(Problems& problems, const Value& value, model::Proxy& proxy) {
    const auto address = read_parsed(problems, value, kListen, base::parse_socket_address);
    if (!address || !check_unicast(problems, value.place(), address->address, Unspecified::kAllowed)) return false;
    auto& slot = address->address.is_v4() ? proxy.listen_v4 : proxy.listen_v6;
    if (slot) {
        problems.error(value.place(), base::to_string(*address) + " is a second " +
                                          (address->address.is_v4() ? "IPv4" : "IPv6") + " listener besides " +
                                          base::to_string(slot->value) + "; expected one of each family at most");
        return false;
    }
    slot = model::Placed<base::SocketAddress>{*address, value.place()};
    return true;
}

bool read_listen(Problems& problems, const Value& value, model::Proxy& proxy) {
    if (value.node->kind == Node::Kind::kRefused) return false;
    if (value.node->kind != Node::Kind::kList) return read_listen_entry(problems, value, proxy);
    const auto items = read_list(problems, value, kListen);
    if (items.empty()) problems.error(value.place(), std::string("an empty list; expected ") + kListen);
    bool readable = !items.empty();
    for (const auto& item : items) readable = read_listen_entry(problems, item, proxy) && readable;
    return readable;
}

void read_ids(Problems& problems, const std::optional<Value>& value, const std::string& what,
              std::vector<model::Placed<std::uint32_t>>& out) {
    if (!value) return;
    Unique<std::uint32_t> unique(problems);
    for (const auto& item : read_list(problems, *value, "a list of " + what + " numbers, such as [1337]")) {
        const auto id = read_number(problems, item, 0, kMostId, "the number of a " + what + ", 0-4294967294");
        if (id && unique.add(*id, item.place(), what + " " + std::to_string(*id))) out.push_back({*id, item.place()});
    }
}

void read_identity(Problems& problems, const Value& value, model::Identity& identity) {
    const MapReader map(problems, value, kIdentityKeys);
    if (const auto cgroup = map.get("cgroup")) {
        if (auto path = read_cgroup(problems, *cgroup))
            identity.cgroup = model::Placed<std::string>{std::move(*path), cgroup->place()};
    }
    if (const auto mark = map.get("mark")) {
        const auto number =
            read_number(problems, *mark, 1, 0xffffffff, "the SO_MARK of the proxy's sockets, 0x1-0xffffffff");
        if (number) identity.mark = model::Placed<std::uint32_t>{*number, mark->place()};
    }
    read_ids(problems, map.get("uids"), "user", identity.uids);
    read_ids(problems, map.get("gids"), "group", identity.gids);
}

}  // namespace

void read_proxy(Problems& problems, const Value& value, model::Proxy& proxy, Notes& notes) {
    const MapReader map(problems, value, kProxyKeys);
    const auto listen = map.require("listen", kListen);
    notes.listen_readable = listen && read_listen(problems, *listen, proxy);
    if (const auto identity = map.get("identity")) {
        notes.identity = identity->place();
        read_identity(problems, *identity, proxy.identity);
    } else {
        notes.identity = map.place("identity");
    }
    read_choice<WhenDown>(problems, map.get("whenDown"), {{"refuse", WhenDown::kRefuse}, {"bypass", WhenDown::kBypass}},
                          proxy.when_down);
    read_choice<LaneMode>(problems, map.get("lane"), {{"auto", LaneMode::kAuto}, {"record", LaneMode::kRecord}},
                          proxy.lane);
    if (const auto guard = map.get("bindGuard")) proxy.bind_guard = read_bool(problems, *guard).value_or(true);
}

}  // namespace shunt::config
