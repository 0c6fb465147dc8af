// SPDX-License-Identifier: Apache-2.0
// Full maps: shunt_dests while connections come, and a table while a configuration is applied.
#include <bpf/bpf.h>
#include <unistd.h>

#include "harness/filler.h"
#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

constexpr std::uint32_t kEntries = 65536;

class LifecycleFull : public Lifecycle {
protected:
    // Entries under keys that are no tokens: 1.0.0.0 and up.
    void fill() const {
        const Filler dests(status().at("pinDirectory").get<std::string>() + "/shunt_dests");
        ASSERT_EQ(dests.capacity(), kEntries);
        EXPECT_GE(dests.fill(1, kEntries), kEntries - 64);
    }
    static Outcome bound(const Placement& place, const std::string& destination, unsigned port) {
        return dial(place, {.destination = destination, .source = "0.0.0.0:" + std::to_string(port)});
    }
    static std::uint64_t grown(const Counters& counters, const char* event) {
        const auto found = counters.events.find(event);
        return found == counters.events.end() ? 0 : found->second;
    }

    const DirectServer server_{sandbox_, {80, 9080}};
    const ProbeProxy proxy_{sandbox_};
};

TEST_F(LifecycleFull, RefusedOrBypassedAsConfigured) {
    RunningShunt running(sandbox_, lifecycle_config());
    const auto app = sandbox_.app();
    const std::string known = "203.0.113.9:80";
    const auto before_full = bound(app, known, 21001);
    EXPECT_EQ(before_full.line.rfind("proxy " + known + " ", 0), 0u) << to_text(before_full);
    fill();

    auto before = running.counters();
    const auto refused = bound(app, "203.0.113.10:80", 21002);
    EXPECT_EQ(error_name(refused.error), "ECONNREFUSED") << to_text(refused);
    auto grew = running.counters().since(before);
    EXPECT_EQ(grown(grew, "fail_dict"), 1u) << to_text(grew.events);
    EXPECT_EQ(grew.reasons.at("internal_refuse"), 1u) << to_text(grew.reasons);

    for (int look = 0; look < 6'000 && running.log().find("fail_dict: shunt_dests is full") == std::string::npos;
         ++look)
        usleep(10'000);
    EXPECT_NE(running.log().find("fail_dict: shunt_dests is full"), std::string::npos) << running.log();

    const auto still_known = bound(app, known, 21003);
    EXPECT_EQ(still_known.line.rfind("proxy " + known + " ", 0), 0u) << to_text(still_known);
    expect_proxied(app, "203.0.113.10:80");  // the address lane

    running.reload(lifecycle_config("auto", "onInternalError: bypass\n"));
    before = running.counters();
    const auto bypassed = bound(app, "203.0.113.10:80", 21004);
    EXPECT_EQ(bypassed.line.rfind("direct 203.0.113.10:80 from 192.0.2.2:21004", 0), 0u) << to_text(bypassed);
    EXPECT_EQ(bypassed.peer, "203.0.113.10:80");
    grew = running.counters().since(before);
    EXPECT_EQ(grown(grew, "fail_dict"), 1u) << to_text(grew.events);
    EXPECT_EQ(grew.reasons.at("internal_bypass"), 1u) << to_text(grew.reasons);
    expect_proxied(app, "203.0.113.10:80");
}

// A table that does not hold what the configuration asks for: an error that names map and key, before the switch.
TEST_F(LifecycleFull, ATableThatIsFullIsAnErrorBeforeTheSwitch) {
    RunningShunt running(sandbox_, lifecycle_config());
    running.reload(lifecycle_config());  // now both banks have their maps
    const std::uint64_t generation = status().at("generation");
    const auto path =
        status().at("pinDirectory").get<std::string>() + "/shunt_ports_" + std::to_string((generation + 1) & 1);
    const Fd map(check(bpf_obj_get(path.c_str()), path));
    bpf_map_info info{};
    __u32 size = sizeof info;
    check(bpf_obj_get_info_by_fd(map.get(), &info, &size), path);
    const std::vector<char> value(info.value_size);
    std::vector<char> key(info.key_size);
    std::uint16_t filled = 0;
    const auto next_key = [&] {
        ++filled;
        std::memset(key.data(), 0xff, key.size());
        std::memcpy(key.data(), &filled, sizeof filled);
        return key.data();
    };
    while (bpf_map_update_elem(map.get(), next_key(), value.data(), BPF_NOEXIST) == 0) {
    }
    ASSERT_GE(filled, info.max_entries);

    running.write_config(lifecycle_config("record", "  excludeOutboundPorts: [80]\n"));
    const auto ran = shunt({"reload"});
    EXPECT_EQ(ran.code, 1) << to_text(ran);
    EXPECT_NE(ran.err.find("map shunt_ports: update 80"), std::string::npos) << to_text(ran);
    EXPECT_EQ(status().at("generation"), generation);
    expect_proxied(sandbox_.app());

    for (filled = 0; filled < info.max_entries;) bpf_map_delete_elem(map.get(), next_key());
    EXPECT_EQ(shunt({"reload"}).code, 0);
    EXPECT_EQ(status().at("generation"), generation + 1);
    expect_direct(sandbox_.app());
}

}  // namespace
}  // namespace shunt::harness
