// SPDX-License-Identifier: Apache-2.0
#include "sync/banks.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <functional>
#include <future>
#include <utility>
#include <vector>

#include "kernel/listener_map.h"
#include "kernel/pins.h"
#include "sync/readback.h"
#include "sync/table_io.h"

namespace shunt::sync {
namespace {

constexpr std::uint32_t kSmallestTable = 64;

const kernel::BankedTable& table_named(const std::string& inner) {
    const auto& tables = kernel::banked_tables();
    return *std::find_if(tables.begin(), tables.end(), [&](const auto& table) { return table.inner == inner; });
}

// Room to grow by half before a new map has to be made.
std::uint32_t capacity_for(std::size_t entries) {
    const auto wanted = static_cast<std::uint32_t>(std::min<std::size_t>(entries + entries / 2, 1u << 30));
    return std::max(kSmallestTable, std::bit_ceil(std::max(wanted, 1u)));
}

// Twice as large again for as long as one of them finds no slot near enough.
base::Result<kernel::ListenerMap> make_listeners(const kernel::Object& object, const kernel::BankedTable& table,
                                                 const policy::ListenerTable& wanted) {
    const auto fewest = kernel::listener_slots(wanted.size());
    for (std::uint32_t slots = fewest; slots != 0 && slots <= 64 * static_cast<std::uint64_t>(fewest); slots *= 2) {
        auto raw = object.make_inner(table, slots);
        if (!raw) return tl::unexpected(raw.error());
        auto map = kernel::ListenerMap::from(std::move(*raw));
        if (!map) return tl::unexpected(map.error());
        if (std::all_of(wanted.begin(), wanted.end(),
                        [&](const auto& entry) { return map->set(entry.first, entry.second); }))
            return map;
    }
    return base::fail("listeners: more than " + std::to_string(SHUNT_LISTENER_PROBES) +
                      " addresses and ports have one hash; this configuration was made to do so");
}

// One table of the bank that is not in force.
class TableWriter {
public:
    // listener_mask: of the bank's header; 0 while its listeners are not to be relied on.
    TableWriter(const kernel::Object& object, const Layout& layout, unsigned bank, std::uint32_t& listener_mask)
        : object_(object), layout_(layout), bank_(bank), listener_mask_(listener_mask) {}

    template <class K, class V>
    base::Status write(const std::string& inner, policy::Table<K, V>& held, const policy::Table<K, V>& wanted) {
        auto map = kernel::Map<K, V>::open_pinned(layout_.bank(inner, bank_));
        if (map && map->raw().info().max_entries >= wanted.size() && in_place(inner, map->raw())) {
            auto changed = change_table(*map, held, wanted);
            if (!changed) return tl::unexpected(changed.error());
            changed_ += *changed;
            return {};
        }
        return replace(inner, map, held, wanted);
    }
    // An array that is changed through a mapping.
    base::Status write(const std::string& inner, policy::ListenerTable& held, const policy::ListenerTable& wanted) {
        const auto change = difference(held, wanted);
        auto old = kernel::ListenerMap::open_pinned(layout_.bank(inner, bank_));
        if (old && old->mask() == listener_mask_ && kernel::listener_slots(wanted.size()) <= old->mask() + 1 &&
            in_place(inner, old->raw())) {
            if (change.size() == 0) return {};
            auto changed = change_listeners(*old, change);
            if (!changed) return tl::unexpected(changed.error());
            if (*changed) {
                held = wanted;
                changed_ += change.size();
                return {};
            }
        }
        return replace(inner, old, held, wanted);
    }
    // Puts the new maps in their places. The kernel lets a grace period pass before each such update returns (10-20
    // ms): asked for together, they wait for the same one.
    base::Status place() {
        std::vector<std::future<base::Status>> under_way;
        under_way.reserve(placements_.size());
        for (const auto& one : placements_)
            under_way.push_back(std::async([&one, this] {  // where no thread can be had: one after the other, in get()
                const int fd = one.map.fd();
                return one.outer.update(&bank_, &fd, "bank " + std::to_string(bank_));
            }));
        base::Status status;
        for (std::size_t i = 0; i < placements_.size(); ++i) {
            const auto& one = placements_[i];
            auto put = under_way[i].get();
            if (put) put = one.map.pin_over(one.pin);
            if (put)
                one.placed();
            else if (status)
                status = put;
        }
        return status;
    }
    std::size_t changed() const { return changed_; }

private:
    // Whether the programs see the map that is pinned: a controller that ended, or failed, between the two steps of
    // place() leaves another one there, and changing the pinned one would change nothing.
    bool in_place(const std::string& inner, const kernel::RawMap& pinned) const {
        std::uint32_t id = 0;
        const auto outer = object_.map(table_named(inner).outer);
        const auto found = outer ? outer->lookup(&bank_, &id) : base::Result<bool>(false);
        return found && *found && id == pinned.info().id;
    }

    struct Placement {
        kernel::RawMap outer, map;
        std::string pin;
        std::function<void()> placed;
    };

    // A new map, filled before the programs can see it. What does not fit fails here, before anything is switched.
    template <class K, class V>
    base::Status replace(const std::string& inner, const base::Result<kernel::Map<K, V>>& old,
                         policy::Table<K, V>& held, const policy::Table<K, V>& wanted) {
        const auto& table = table_named(inner);
        auto raw = object_.make_inner(table, capacity_for(wanted.size()));
        if (!raw) return tl::unexpected(raw.error());
        auto map = kernel::Map<K, V>::from(std::move(*raw));
        if (!map) return tl::unexpected(map.error());
        if (auto filled = fill_table(*map, wanted, old ? &*old : nullptr); !filled) return filled;
        auto outer = object_.map(table.outer);
        if (!outer) return tl::unexpected(outer.error());
        placements_.push_back({std::move(*outer), map->release(), layout_.bank(inner, bank_), [&] {
                                   held = wanted;
                                   changed_ += wanted.size();
                               }});
        return {};
    }

    using ListenerChange = Difference<shunt_listener_key, shunt_listener>;

    // False: one of them does not fit, and the table is to be made anew.
    base::Result<bool> change_listeners(kernel::ListenerMap& map, const ListenerChange& change) {
        auto headers = object_.map("shunt_banks");
        if (!headers) return tl::unexpected(headers.error());
        const shunt_bank being_changed{};
        if (auto told = headers->update(&bank_, &being_changed, "bank " + std::to_string(bank_)); !told)
            return tl::unexpected(told.error());
        const auto mask = std::exchange(listener_mask_, 0);
        for (const auto& key : change.surplus) map.erase(key);
        for (const auto& [key, listener] : change.missing)
            if (!map.set(key, listener)) return false;
        listener_mask_ = mask;
        return true;
    }

    base::Status replace(const std::string& inner, const base::Result<kernel::ListenerMap>& old,
                         policy::ListenerTable& held, const policy::ListenerTable& wanted) {
        const auto& table = table_named(inner);
        auto map = make_listeners(object_, table, wanted);
        if (!map) return tl::unexpected(map.error());
        if (old) map->take_hits(*old);
        auto outer = object_.map(table.outer);
        if (!outer) return tl::unexpected(outer.error());
        const auto mask = map->mask();
        placements_.push_back({std::move(*outer), map->release(), layout_.bank(inner, bank_), [&, mask] {
                                   held = wanted;
                                   listener_mask_ = mask;
                                   changed_ += wanted.size();
                               }});
        return {};
    }

    const kernel::Object& object_;
    const Layout& layout_;
    unsigned bank_;
    std::uint32_t& listener_mask_;
    std::vector<Placement> placements_;
    std::size_t changed_ = 0;
};

// A program that began before the last switch may still read the bank that is about to change. Writing an array of
// maps from userspace returns only after every program that was running has ended; the value written is the old one.
base::Status wait_for_programs(const kernel::Object& object, const Layout& layout, unsigned bank) {
    const auto& table = kernel::banked_tables().front();
    auto inner = kernel::RawMap::open_pinned(layout.bank(table.inner, bank));
    if (!inner && inner.error().number == ENOENT) return {};  // first start: the bank has never been in force
    if (!inner) return tl::unexpected(inner.error());
    auto outer = object.map(table.outer);
    if (!outer) return tl::unexpected(outer.error());
    const int fd = inner->fd();
    return outer->update(&bank, &fd, "bank " + std::to_string(bank));
}

}  // namespace

base::Result<Banks> Banks::open(const kernel::Object& object, const Layout& layout) {
    auto port_bits = PortBits::open(layout);
    if (!port_bits) return tl::unexpected(port_bits.error());
    Banks banks(object, layout, std::move(*port_bits));
    auto generation = read_generation(layout);
    if (!generation) return tl::unexpected(generation.error());
    banks.generation_ = *generation;
    for (unsigned bank = 0; bank < 2; ++bank) {
        auto held = read_bank(layout, bank);
        if (!held) return tl::unexpected(held.error());
        banks.held_[bank] = std::move(*held);
        policy::for_each_table([&](const char*, auto member) { clear_hits(banks.held_[bank].*member); });
    }
    return banks;
}

base::Status Banks::settle(unsigned bank) {
    if (settled_) return {};
    auto waited = wait_for_programs(*object_, layout_, bank);
    settled_ = waited.has_value();
    return waited;
}

base::Result<SwitchReport> Banks::apply(const policy::Tables& wanted) {
    const auto next = generation_ + 1;
    const auto bank = static_cast<unsigned>(next & 1);
    auto& held = held_[bank];
    if (auto waited = settle(bank); !waited) return tl::unexpected(waited.error());

    TableWriter writer(*object_, layout_, bank, held.bank.listener_mask);
    base::Status status;
    policy::for_each_table([&](const char* inner, auto member) {
        if (status) status = writer.write(inner, held.*member, wanted.*member);
    });
    if (status) status = writer.place();
    if (status) status = port_bits_.write(*object_, bank, policy::port_lines(wanted.ports, wanted.listeners));
    if (!status) return tl::unexpected(status.error());

    auto headers = object_->map("shunt_banks");
    if (!headers) return tl::unexpected(headers.error());
    auto header = wanted.bank;
    header.listener_mask = held.bank.listener_mask;
    if (status = headers->update(&bank, &header, "bank " + std::to_string(bank)); !status)
        return tl::unexpected(status.error());
    held.bank = header;

    auto state = object_->map("shunt_state");
    if (!state) return tl::unexpected(state.error());
    const std::uint32_t zero = 0;
    const shunt_state value{next};
    if (status = state->update(&zero, &value, "generation " + std::to_string(next)); !status)
        return tl::unexpected(status.error());
    generation_ = next;
    settled_ = false;
    SwitchReport report{next, writer.changed(), std::chrono::steady_clock::now()};
    // Waited for now, the next change finds the other bank free. Failing that, it waits itself.
    (void)settle(bank ^ 1);
    return report;
}

}  // namespace shunt::sync
