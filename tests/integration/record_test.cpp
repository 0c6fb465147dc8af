// SPDX-License-Identifier: Apache-2.0
// The record lane when what it needs is used up: storage of the accepted sockets, room for records.
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>

#include "harness/filler.h"
#include "lifecycle_fixture.h"
#include "shunt/abi.h"

namespace shunt::harness {
namespace {

// Listening sockets of another process, as descriptors of this one.
std::vector<Fd> listeners_of(pid_t pid) {
    const Fd process(check(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)), "pidfd_open"));
    std::vector<Fd> found;
    for (int number = 0; number < 64; ++number) {
        Fd fd(static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), number, 0)));
        int listening = 0;
        socklen_t size = sizeof listening;
        if (fd && getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening == 1)
            found.push_back(std::move(fd));
    }
    return found;
}

// Somebody else's socket storage on listening sockets, until they have no memory for more. The kernel copies it to each
// socket that is accepted, which has no memory for shunt's then.
class StorageOfOthers {
public:
    explicit StorageOfOthers(const std::vector<Fd>& sockets) {
        for (std::uint32_t size = 60'000; size >= 8;) {
            Fd map = make(size);
            bool room = true;
            const std::vector<char> value(size);
            for (const auto& socket : sockets) {
                const int fd = socket.get();
                room = bpf_map_update_elem(map.get(), &fd, value.data(), BPF_ANY) == 0 && room;
            }
            if (room)
                maps_.push_back(std::move(map));
            else
                size = size > 8 && size < 16 ? 8 : size / 2;
        }
        if (maps_.empty()) throw std::runtime_error("no storage was taken");
    }

private:
    static Fd make(std::uint32_t size) {
        const std::unique_ptr<btf, decltype(&btf__free)> types(btf__new_empty(), btf__free);
        const int key = btf__add_int(types.get(), "int", 4, BTF_INT_SIGNED);
        const int byte = btf__add_int(types.get(), "char", 1, BTF_INT_CHAR);
        const int value = btf__add_array(types.get(), key, byte, size);
        check(btf__load_into_kernel(types.get()), "BTF");
        LIBBPF_OPTS(bpf_map_create_opts, options, .btf_fd = static_cast<__u32>(btf__fd(types.get())),
                    .btf_key_type_id = static_cast<__u32>(key), .btf_value_type_id = static_cast<__u32>(value),
                    .map_flags = BPF_F_NO_PREALLOC | BPF_F_CLONE);
        return Fd(
            check(bpf_map_create(BPF_MAP_TYPE_SK_STORAGE, "others", sizeof(int), size, 0, &options), "socket storage"));
    }

    std::vector<Fd> maps_;  // what is in them goes with them
};

class Record : public Lifecycle {
protected:
    static std::vector<std::string> destinations(Family family) {
        std::vector<std::string> list;
        for (int i = 1; i <= 5; ++i)
            list.push_back(family == Family::kV6 ? "[2001:db8:9::" + std::to_string(i) + "]:80"
                                                 : "203.0.113." + std::to_string(i) + ":80");
        return list;
    }
    // Pinned maps; asked without processes, which cost a guest a quarter of a second each.
    std::string pin(const std::string& name) {
        if (pins_.empty()) pins_ = status().at("pinDirectory").get<std::string>();
        return pins_ + "/" + name;
    }
    Fd map(const std::string& name) { return Fd(check(bpf_obj_get(pin(name).c_str()), name)); }
    bool is_empty(const std::string& name) {
        std::vector<char> key(sizeof(shunt_pending_key));
        return bpf_map_get_next_key(map(name).get(), nullptr, key.data()) != 0 && errno == ENOENT;
    }
    ::shunt_shortage shortage() {
        const std::uint32_t zero = 0;
        ::shunt_shortage value{};
        check(bpf_map_lookup_elem(map("shunt_shortage").get(), &zero, &value), "shunt_shortage");
        return value;
    }
    bool nothing_is_left() {
        const auto left = shortage();
        return left.spares == 0 && left.held == 0 && is_empty("shunt_pending") && is_empty("shunt_spare");
    }
    // The last ends close a moment after both processes have closed them.
    void expect_nothing_left() {
        for (int look = 0; look < 10'000 && !nothing_is_left(); ++look) usleep(1'000);
        EXPECT_TRUE(nothing_is_left()) << shortage().spares << " spares, " << shortage().held << " held";
    }
    // On a kernel where the answer cannot be found without it, such a connection is counted and not answered.
    bool can_hold() const {
        const auto doctor = shunt({"doctor", "--no-probe", "-o", "json"});
        return nlohmann::json::parse(doctor.out).at("features").at("getsockoptNetns").get<bool>();
    }
    static std::uint64_t grown(const Counters& grew, const char* event) {
        const auto found = grew.events.find(event);
        return found == grew.events.end() ? 0 : found->second;
    }

    std::string pins_;
    const ProbeOptions options_{.listen = {"0.0.0.0:15001", "[::]:15001"}, .verify = true, .hold = true};
    const DirectServer server_{sandbox_, {80}};
};

constexpr Family kFamilies[] = {Family::kV4, Family::kMapped, Family::kV6};

TEST_F(Record, AcceptedSocketsWithoutMemoryForIt) {
    const ProbeProxy proxy(sandbox_, options_);
    RunningShunt running(sandbox_, lifecycle_config("record", "  clientAddress: [192.0.2.2, \"2001:db8:ffff::2\"]\n"));
    const StorageOfOthers others(listeners_of(proxy.pid()));
    const bool can_hold = this->can_hold();
    Dialer dialer(sandbox_.app());
    for (const auto family : kFamilies) {
        SCOPED_TRACE(static_cast<int>(family));
        const std::uint64_t count = 20;
        const auto before = running.counters();
        const auto result =
            dialer.run({.destinations = destinations(family), .count = count, .family = family, .hold = true});
        const auto grew = running.counters().since(before);
        EXPECT_EQ(grown(grew, "recorded"), count) << to_text(grew.events);
        EXPECT_EQ(grown(grew, "record_taken"), 0u) << "the accepted sockets had memory: " << to_text(grew.events);
        EXPECT_EQ(result.wrong + result.silent, 0u) << to_text(result);
        if (can_hold) {
            EXPECT_EQ(result.ok, count) << to_text(result);
            EXPECT_EQ(grown(grew, "record_held"), count) << to_text(grew.events);
            EXPECT_EQ(shortage().held, count);
        } else {
            EXPECT_EQ(result.missing, count) << to_text(result);
            EXPECT_EQ(grown(grew, "fail_storage"), count) << to_text(grew.events);
        }
        dialer.start_close_held();
        dialer.wait();
        expect_nothing_left();
    }
    if (can_hold) {
        for (const auto& [peer, connections] : proxy.counts().peers)
            EXPECT_TRUE(peer == "192.0.2.2" || peer == "2001:db8:ffff::2") << peer << " " << connections;
    }
}

// The client's end goes, the record stays the proxy's.
TEST_F(Record, HeldForAClientThatIsGoneBeforeAccept) {
    const ProbeProxy proxy(sandbox_, {.listen = options_.listen});
    RunningShunt running(sandbox_, lifecycle_config("record"));
    const StorageOfOthers others(listeners_of(proxy.pid()));
    const auto before = running.counters();
    const std::uint64_t each = 20;
    proxy.pause();
    for (const auto family : kFamilies) {
        const auto result =
            Dialer(sandbox_.app())
                .run({.destinations = destinations(family), .count = each, .family = family, .verify = false});
        EXPECT_EQ(result.connected, each) << to_text(result);
    }
    proxy.resume();
    for (int look = 0; look < 1'000 && proxy.counts().accepted < 3 * each; ++look) usleep(5'000);
    const auto seen = proxy.counts();
    const auto grew = running.counters().since(before);
    EXPECT_EQ(seen.accepted, 3 * each);
    EXPECT_EQ(grown(grew, "record_taken"), 0u) << to_text(grew.events);
    if (can_hold()) {
        std::map<std::string, std::uint64_t> expected;
        for (const auto family : kFamilies)
            for (const auto& destination : destinations(family)) expected[destination] += each / 5;
        EXPECT_EQ(seen.destinations, expected) << to_text(seen.destinations);
        EXPECT_EQ(grown(grew, "record_dropped"), 0u) << to_text(grew.events);
    } else {
        EXPECT_EQ(grown(grew, "fail_storage"), 3 * each) << to_text(grew.events);
    }
    expect_nothing_left();
}

// shunt_pending full: the spares carry on; those half used: connect() refuses, so that no connection is without one.
TEST_F(Record, NoRoomForRecords) {
    const ProbeProxy proxy(sandbox_, options_);
    RunningShunt running(sandbox_, lifecycle_config("record"));
    const Filler pending(pin("shunt_pending")), spare(pin("shunt_spare"));
    const auto set_spares = [&](std::uint64_t spares) {
        const std::uint32_t zero = 0;
        const ::shunt_shortage value{spares, 0};
        check(bpf_map_update_elem(map("shunt_shortage").get(), &zero, &value, BPF_ANY), "shunt_shortage");
    };
    const auto put = pending.fill(1, pending.capacity() + 1);
    EXPECT_EQ(put, pending.capacity());

    Dialer dialer(sandbox_.app());
    const auto expect_all_right = [&](const char* when) {
        for (const auto family : kFamilies) {
            const auto result =
                dialer.run({.destinations = destinations(family), .count = 40, .family = family, .hold = true});
            EXPECT_EQ(result.ok, 40u) << when << ": " << to_text(result);
            dialer.start_close_held();
            dialer.wait();
        }
    };
    expect_all_right("shunt_pending full");
    EXPECT_EQ(shortage().spares, 0u);

    const auto half = spare.capacity() / 2;
    ASSERT_EQ(spare.fill(1, half - 1), half - 1);
    set_spares(half - 1);
    expect_all_right("one less than half of the spares used");
    EXPECT_EQ(shortage().spares, half - 1);

    ASSERT_EQ(spare.fill(half, 1), 1u);
    set_spares(half);
    auto before = running.counters();
    const auto refused = dial(sandbox_.app(), {.destination = "203.0.113.9:80"});
    EXPECT_EQ(error_name(refused.error), "ECONNREFUSED") << to_text(refused);
    auto grew = running.counters().since(before);
    EXPECT_EQ(grown(grew, "fail_pending"), 1u) << to_text(grew.events);
    EXPECT_EQ(grew.reasons.at("internal_refuse"), 1u) << to_text(grew.reasons);
    for (int look = 0; look < 6'000 && running.log().find("fail_pending: ") == std::string::npos; ++look)
        usleep(10'000);
    EXPECT_NE(running.log().find("fail_pending: shunt_pending is full"), std::string::npos) << running.log();

    running.reload(lifecycle_config("record", "onInternalError: bypass\n"));
    before = running.counters();
    const auto bypassed = dial(sandbox_.app(), {.destination = "203.0.113.9:80"});
    EXPECT_EQ(bypassed.line.rfind("direct 203.0.113.9:80 ", 0), 0u) << to_text(bypassed);
    grew = running.counters().since(before);
    EXPECT_EQ(grown(grew, "fail_pending"), 1u) << to_text(grew.events);
    EXPECT_EQ(grew.reasons.at("internal_bypass"), 1u) << to_text(grew.reasons);

    // The address lane needs no record.
    running.reload(lifecycle_config("auto"));
    const auto addressed = dialer.run({.destinations = destinations(Family::kV4), .count = 20});
    EXPECT_EQ(addressed.ok, 20u) << to_text(addressed);

    running.reload(lifecycle_config("record"));
    spare.clear(1, half);
    set_spares(0);
    expect_all_right("spares free again");
    pending.clear(1, put);
    expect_all_right("room again");
    expect_nothing_left();
}

// Both at once: what is held lies in the spares.
TEST_F(Record, HeldInTheSpares) {
    const ProbeProxy proxy(sandbox_, options_);
    RunningShunt running(sandbox_, lifecycle_config("record"));
    if (!can_hold()) GTEST_SKIP() << "this kernel has no getsockoptNetns";
    const StorageOfOthers others(listeners_of(proxy.pid()));
    const Filler pending(pin("shunt_pending"));
    const auto put = pending.fill(1, pending.capacity() + 1);
    Dialer dialer(sandbox_.app());
    std::uint64_t held = 0;
    for (const auto family : kFamilies) {
        const auto result =
            dialer.run({.destinations = destinations(family), .count = 40, .family = family, .hold = true});
        EXPECT_EQ(result.ok, 40u) << to_text(result);
        held += 40;
        EXPECT_EQ(shortage().held, held);
        EXPECT_EQ(shortage().spares, held) << "the records found room in shunt_pending";
    }
    dialer.start_close_held();
    dialer.wait();
    pending.clear(1, put);
    expect_nothing_left();
}

}  // namespace
}  // namespace shunt::harness
