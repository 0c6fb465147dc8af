// SPDX-License-Identifier: Apache-2.0
#include "sync/banks.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <functional>
#include <future>
#include <vector>

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

// One table of the bank that is not in force.
class TableWriter {
public:
    TableWriter(const kernel::Object& object, const Layout& layout, unsigned bank)
        : object_(object), layout_(layout), bank_(bank) {}

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

    const kernel::Object& object_;
    const Layout& layout_;
    unsigned bank_;
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
    Banks banks(object, layout);
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

    TableWriter writer(*object_, layout_, bank);
    base::Status status;
    policy::for_each_table([&](const char* inner, auto member) {
        if (status) status = writer.write(inner, held.*member, wanted.*member);
    });
    if (status) status = writer.place();
    if (!status) return tl::unexpected(status.error());

    auto headers = object_->map("shunt_banks");
    if (!headers) return tl::unexpected(headers.error());
    if (status = headers->update(&bank, &wanted.bank, "bank " + std::to_string(bank)); !status)
        return tl::unexpected(status.error());
    held.bank = wanted.bank;

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
