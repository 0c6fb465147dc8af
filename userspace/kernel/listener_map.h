// SPDX-License-Identifier: Apache-2.0
// The table of listeners (struct shunt_listener_slot), mapped into memory: changed and read without system calls. Only
// the bank that is not in force may be changed, and while it is, its shunt_bank.listener_mask says so with 0: a
// controller that dies half way leaves a table that nobody takes for a whole one. Who reads that bank's hits at the
// very moment may miss a listener that moves, or see it twice.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "kernel/map.h"
#include "shunt/abi.h"

namespace shunt::kernel {

// Slots for so many listeners: a power of two, at least twice as many, so that most are found where they are looked for
// first.
std::uint32_t listener_slots(std::size_t listeners);

class ListenerMap {
public:
    static base::Result<ListenerMap> open_pinned(const std::string& path);
    static base::Result<ListenerMap> from(RawMap raw);
    ListenerMap(const ListenerMap&) = delete;
    ListenerMap& operator=(const ListenerMap&) = delete;
    ListenerMap(ListenerMap&& other) noexcept;
    ListenerMap& operator=(ListenerMap&&) = delete;
    ~ListenerMap();

    const RawMap& raw() const { return raw_; }
    RawMap release() { return std::move(raw_); }  // what was mapped stays so for as long as this object lives
    std::uint32_t mask() const { return static_cast<std::uint32_t>(slots_.size()) - 1; }

    // Null: there is none.
    const shunt_listener* find(const shunt_listener_key& key) const;
    // Adds it, or replaces what is there except for its hits. False: no free slot is near enough; nothing has changed.
    bool set(const shunt_listener_key& key, const shunt_listener& listener);
    void erase(const shunt_listener_key& key);
    // What `old` has counted for the listeners that are here too.
    void take_hits(const ListenerMap& old);

    template <class Visit>  // (const shunt_listener_key&, const shunt_listener&)
    void for_each(Visit visit) const {
        for (const auto& slot : slots_)
            if (slot.listener.id != 0) visit(slot.key, slot.listener);
    }

private:
    ListenerMap(RawMap raw, std::span<shunt_listener_slot> slots) : raw_(std::move(raw)), slots_(slots) {}
    // Where the key is, or the free slot where it would be; null: neither is near enough.
    shunt_listener_slot* probe(const shunt_listener_key& key) const;

    RawMap raw_;
    std::span<shunt_listener_slot> slots_;
};

}  // namespace shunt::kernel
