// SPDX-License-Identifier: Apache-2.0
// The table of listeners in a kernel map: whatever was added and removed before, each listener is where a program that
// follows struct shunt_listener_slot's rule finds it. Attached to nothing.
#include "kernel/listener_map.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

#include "shunt/slots.h"

namespace shunt::kernel {
namespace {

ListenerMap make_map(std::uint32_t slots) {
    LIBBPF_OPTS(bpf_map_create_opts, options);
    options.map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP;
    Fd fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "shunt_test", 4, sizeof(shunt_listener_slot), slots, &options));
    if (!fd) throw std::runtime_error(std::string("bpf_map_create: ") + std::strerror(errno));
    auto raw = RawMap::from_fd(std::move(fd));
    auto map = ListenerMap::from(std::move(*raw));
    if (!map) throw std::runtime_error(map.error().message);
    return std::move(*map);
}

shunt_listener_key key_of(std::uint32_t address, std::uint16_t port, std::uint32_t set = 0) {
    shunt_listener_key key{};
    key.addr.words_be[2] = htonl(0xffff);
    key.addr.words_be[3] = htonl(address);
    key.port_be = htons(port);
    key.set = set;
    return key;
}

std::uint32_t hash_of(const shunt_listener_key& key) {
    shunt_listener_words as{};
    std::memcpy(as.words, &key, sizeof key);
    return shunt_listener_hash(as.words[0], as.words[1], as.words[2]);
}

// `count` keys whose hashes end in the same bits, those of `mask`.
std::vector<shunt_listener_key> colliding(std::size_t count, std::uint32_t mask, std::uint32_t home) {
    std::vector<shunt_listener_key> keys;
    for (std::uint32_t i = 0; keys.size() < count; ++i)
        if (const auto key = key_of(0x0a600000 + i, 80); (hash_of(key) & mask) == home) keys.push_back(key);
    return keys;
}

// As the program reads the map: by system calls, slot by slot from the one that the hash names.
std::uint32_t id_by_probing(const ListenerMap& map, const shunt_listener_key& key) {
    auto at = hash_of(key);
    for (int i = 0; i < SHUNT_LISTENER_PROBES; ++i, ++at) {
        const std::uint32_t index = at & map.mask();
        shunt_listener_slot slot{};
        const auto read = map.raw().lookup(&index, &slot);
        EXPECT_TRUE(read && *read);
        if (slot.listener.id == 0) return 0;
        if (std::memcmp(&slot.key, &key, sizeof key) == 0) return slot.listener.id;
    }
    return 0;
}

shunt_listener with_id(std::uint32_t id) {
    shunt_listener listener{};
    listener.id = id;
    return listener;
}

TEST(ListenerMap, HoldsAtMostHalfOfItsSlots) {
    EXPECT_EQ(listener_slots(0), 64u);
    EXPECT_EQ(listener_slots(32), 64u);
    EXPECT_EQ(listener_slots(33), 128u);
    EXPECT_EQ(listener_slots(1000), 2048u);
    EXPECT_EQ(listener_slots(1000000), 1u << 21);
}

// Few keys and a small table, so that runs of neighbours grow, wrap around and break all the time.
TEST(ListenerMap, FindsWhatIsThereAfterAnyHistory) {
    auto map = make_map(64);
    std::map<std::uint32_t, std::uint32_t> held;  // address -> id
    std::minstd_rand random(20261126);
    for (int step = 0; step < 4000; ++step) {
        const auto address = static_cast<std::uint32_t>(random() % 48);
        if (random() % 2 == 0 && held.size() < 32) {
            const auto id = static_cast<std::uint32_t>(1 + random() % 1000);
            ASSERT_TRUE(map.set(key_of(address, 80), with_id(id)));
            held[address] = id;
        } else {
            map.erase(key_of(address, 80));
            held.erase(address);
        }
        if (step % 8 != 0) continue;
        for (std::uint32_t asked = 0; asked < 48; ++asked)
            ASSERT_EQ(id_by_probing(map, key_of(asked, 80)), held.contains(asked) ? held[asked] : 0)
                << "step " << step << ", address " << asked;
        std::size_t found = 0;
        map.for_each([&](const auto&, const auto&) { ++found; });
        ASSERT_EQ(found, held.size()) << "step " << step;
    }
}

TEST(ListenerMap, CollidingListenersLieBehindEachOtherAndOverTheEnd) {
    auto map = make_map(128);
    const auto keys = colliding(SHUNT_LISTENER_PROBES + 1, 127, 100);
    for (std::uint32_t i = 0; i < SHUNT_LISTENER_PROBES; ++i) ASSERT_TRUE(map.set(keys[i], with_id(i + 1)));
    EXPECT_FALSE(map.set(keys.back(), with_id(999))) << "the programs would not find it";
    EXPECT_EQ(id_by_probing(map, keys.back()), 0u);
    EXPECT_EQ(id_by_probing(map, keys[SHUNT_LISTENER_PROBES - 1]), std::uint32_t{SHUNT_LISTENER_PROBES});
    map.erase(keys.front());
    ASSERT_TRUE(map.set(keys.back(), with_id(999)));
    EXPECT_EQ(id_by_probing(map, keys.back()), 999u);
    for (std::uint32_t i = 1; i < SHUNT_LISTENER_PROBES; ++i) EXPECT_EQ(id_by_probing(map, keys[i]), i + 1);
}

TEST(ListenerMap, KeysDifferInEveryPart) {
    auto map = make_map(64);
    ASSERT_TRUE(map.set(key_of(1, 80), with_id(1)));
    ASSERT_TRUE(map.set(key_of(1, 81), with_id(2)));
    ASSERT_TRUE(map.set(key_of(1, 80, 7), with_id(3)));
    ASSERT_TRUE(map.set({{}, htons(80), 0, 0}, with_id(4)));
    EXPECT_EQ(map.find(key_of(1, 80))->id, 1u);
    EXPECT_EQ(map.find(key_of(1, 81))->id, 2u);
    EXPECT_EQ(map.find(key_of(1, 80, 7))->id, 3u);
    EXPECT_EQ(map.find({{}, htons(80), 0, 0})->id, 4u);
    EXPECT_EQ(map.find(key_of(2, 80)), nullptr);
}

TEST(ListenerMap, HitsStayWithTheirListener) {
    auto map = make_map(64);
    const auto count = [&](const shunt_listener_key& key, std::uint64_t hits) {
        auto counted = *map.find(key);
        const auto was = counted.hits;
        const_cast<shunt_listener*>(map.find(key))->hits = was + hits;  // as a program does
    };
    const auto keys = colliding(3, 63, 63);
    for (std::uint32_t i = 0; i < 3; ++i) ASSERT_TRUE(map.set(keys[i], with_id(i + 1)));
    count(keys[2], 5);
    map.erase(keys[0]);  // moves the others
    EXPECT_EQ(map.find(keys[2])->hits, 5u);
    ASSERT_TRUE(map.set(keys[2], with_id(9)));
    EXPECT_EQ(map.find(keys[2])->hits, 5u) << "written anew";
    auto larger = make_map(128);
    ASSERT_TRUE(larger.set(keys[2], with_id(9)));
    ASSERT_TRUE(larger.set(key_of(77, 1), with_id(10)));
    larger.take_hits(map);
    EXPECT_EQ(larger.find(keys[2])->hits, 5u);
    EXPECT_EQ(larger.find(key_of(77, 1))->hits, 0u);
    map.erase(keys[2]);
    ASSERT_TRUE(map.set(keys[2], with_id(9)));
    EXPECT_EQ(map.find(keys[2])->hits, 0u) << "a new one";
}

TEST(ListenerMap, RefusesAMapOfAnotherShape) {
    Fd fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "shunt_test", 4, 32, 64, nullptr));
    auto raw = RawMap::from_fd(std::move(fd));
    ASSERT_TRUE(raw);
    const auto map = ListenerMap::from(std::move(*raw));
    ASSERT_FALSE(map);
    EXPECT_NE(map.error().message.find("64 slots of 32 bytes"), std::string::npos) << map.error().message;
}

}  // namespace
}  // namespace shunt::kernel
