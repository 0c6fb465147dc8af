// SPDX-License-Identifier: Apache-2.0
// shunt_dests full: new destinations of bound sockets are an internal failure, all else goes on.
#include <bpf/bpf.h>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

constexpr std::uint32_t kEntries = 65536;

class LifecycleFull : public Lifecycle {
protected:
    // Entries under keys that are no tokens: 1.0.0.0 and up.
    void fill() const {
        const auto path = status().at("pinDirectory").get<std::string>() + "/shunt_dests";
        const Fd map(check(bpf_obj_get(path.c_str()), path));
        bpf_map_info info{};
        __u32 size = sizeof info;
        check(bpf_obj_get_info_by_fd(map.get(), &info, &size), path);
        ASSERT_EQ(info.max_entries, kEntries);
        const std::vector<char> value(info.value_size);
        std::uint32_t key = 1;
        while (bpf_map_update_elem(map.get(), &key, value.data(), BPF_NOEXIST) == 0) ++key;
        EXPECT_GE(key, kEntries - 64);
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

}  // namespace
}  // namespace shunt::harness
