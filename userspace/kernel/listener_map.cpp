// SPDX-License-Identifier: Apache-2.0
#include "kernel/listener_map.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "shunt/slots.h"

namespace shunt::kernel {
namespace {

constexpr std::size_t kFewestSlots = 64;

std::uint32_t hash(const shunt_listener_key& key) {
    shunt_listener_words as{};
    std::memcpy(as.words, &key, sizeof key);
    return shunt_listener_hash(as.words[0], as.words[1], as.words[2]);
}

bool equal(const shunt_listener_key& a, const shunt_listener_key& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

}  // namespace

std::uint32_t listener_slots(std::size_t listeners) {
    return static_cast<std::uint32_t>(std::bit_ceil(std::clamp<std::size_t>(2 * listeners, kFewestSlots, 1u << 30)));
}

base::Result<ListenerMap> ListenerMap::from(RawMap raw) {
    const auto& info = raw.info();
    if (info.value_size != sizeof(shunt_listener_slot) || !std::has_single_bit(info.max_entries))
        return base::fail("map " + info.name + ": " + std::to_string(info.max_entries) + " slots of " +
                          std::to_string(info.value_size) + " bytes are no table of listeners of this build");
    void* at =
        mmap(nullptr, info.max_entries * sizeof(shunt_listener_slot), PROT_READ | PROT_WRITE, MAP_SHARED, raw.fd(), 0);
    if (at == MAP_FAILED) return tl::unexpected(base::errno_error("map " + info.name + ": mmap", errno));
    const std::span slots(static_cast<shunt_listener_slot*>(at), info.max_entries);
    return ListenerMap(std::move(raw), slots);
}

base::Result<ListenerMap> ListenerMap::open_pinned(const std::string& path) {
    auto raw = RawMap::open_pinned(path);
    if (!raw) return tl::unexpected(raw.error());
    return from(std::move(*raw));
}

ListenerMap::ListenerMap(ListenerMap&& other) noexcept
    : raw_(std::move(other.raw_)), slots_(std::exchange(other.slots_, {})) {}

ListenerMap::~ListenerMap() {
    if (!slots_.empty()) munmap(slots_.data(), slots_.size_bytes());
}

shunt_listener_slot* ListenerMap::probe(const shunt_listener_key& key) const {
    auto at = hash(key);
    for (int i = 0; i < SHUNT_LISTENER_PROBES; ++i, ++at) {
        auto& slot = slots_[at & mask()];
        if (slot.listener.id == 0 || equal(slot.key, key)) return &slot;
    }
    return nullptr;
}

const shunt_listener* ListenerMap::find(const shunt_listener_key& key) const {
    const auto* slot = probe(key);
    return slot == nullptr || slot->listener.id == 0 ? nullptr : &slot->listener;
}

bool ListenerMap::set(const shunt_listener_key& key, const shunt_listener& listener) {
    auto* slot = probe(key);
    if (slot == nullptr) return false;
    const auto hits = slot->listener.hits;
    *slot = {key, listener, 0};
    slot->listener.hits = hits;
    return true;
}

// What lies behind it moves up as far as it may, so that no listener is cut off from the slot its hash names.
void ListenerMap::erase(const shunt_listener_key& key) {
    auto* slot = probe(key);
    if (slot == nullptr || slot->listener.id == 0) return;
    auto gap = static_cast<std::uint32_t>(slot - slots_.data());
    for (auto at = (gap + 1) & mask(); slots_[at].listener.id != 0; at = (at + 1) & mask()) {
        const auto from_home = (at - hash(slots_[at].key)) & mask();
        if (from_home < ((at - gap) & mask())) continue;
        slots_[gap] = slots_[at];
        gap = at;
    }
    slots_[gap] = {};
}

void ListenerMap::take_hits(const ListenerMap& old) {
    old.for_each([&](const shunt_listener_key& key, const shunt_listener& counted) {
        if (auto* slot = probe(key); slot != nullptr && slot->listener.id != 0) slot->listener.hits = counted.hits;
    });
}

}  // namespace shunt::kernel
