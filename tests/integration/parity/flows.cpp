// SPDX-License-Identifier: Apache-2.0
#include "parity/flows.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <set>

#include "harness/sandbox.h"

namespace shunt::parity {

namespace {

using harness::Family;
using harness::kClientV4;
using harness::kClientV6;

constexpr std::size_t kRandomFlows = 20;
constexpr unsigned kSeed = 20240611;

// An address as a number of 4 or 16 bytes, for the borders of a range.
struct Bytes {
    std::array<unsigned char, 16> value{};
    std::size_t size = 4;

    explicit Bytes(const std::string& text) : size(is_v6(text) ? 16 : 4) {
        inet_pton(size == 16 ? AF_INET6 : AF_INET, text.c_str(), value.data());
    }
    std::string text() const {
        char buffer[INET6_ADDRSTRLEN];
        return inet_ntop(size == 16 ? AF_INET6 : AF_INET, value.data(), buffer, sizeof buffer);
    }
    void add(int step) {
        for (std::size_t i = size; i-- > 0;) {
            value[i] = static_cast<unsigned char>(value[i] + step);
            if (value[i] != (step > 0 ? 0 : 255)) return;
        }
    }
    void fill_host_bits(unsigned prefix, bool ones) {
        for (unsigned bit = prefix; bit < size * 8; ++bit) {
            const auto mask = static_cast<unsigned char>(0x80u >> (bit % 8));
            auto& byte = value[bit / 8];
            byte = static_cast<unsigned char>(ones ? byte | mask : byte & ~mask);
        }
    }
    // An address that a TCP connection can have as its destination, in a world where every route is there.
    bool dialable() const {
        const Bytes broadcast("192.0.2.3"), network("192.0.2.0");
        if (size == 4) return value[0] > 0 && value[0] < 224 && value != broadcast.value && value != network.value;
        return value[0] < 0xfe && std::any_of(value.begin(), value.begin() + 8, [](auto byte) { return byte != 0; });
    }
};

// The last before, the first, one inside, the last and the first after.
Words borders(const std::string& range) {
    const auto slash = range.find('/');
    const Bytes given(range.substr(0, slash));
    const auto prefix = slash == std::string::npos ? static_cast<unsigned>(given.size * 8)
                                                   : static_cast<unsigned>(std::stoul(range.substr(slash + 1)));
    auto first = given, last = given;
    first.fill_host_bits(prefix, false);
    last.fill_host_bits(prefix, true);
    auto before = first, after = last, inside = first;
    before.add(-1);
    after.add(1);
    inside.add(1);
    std::set<std::string> unique;
    for (const auto& address : {before, first, inside, last, after})
        if (address.dialable()) unique.insert(address.text());
    return {unique.begin(), unique.end()};
}

class Maker {
public:
    explicit Maker(const RuleSet& set) : set_(set) {}

    std::vector<Flow> all() {
        base();
        ranges();
        ports();
        owners();
        proxy_port();
        sources();
        random();
        if (set_.slow_flows) slow();
        return std::move(flows_);
    }

private:
    Flow& add(const std::string& address, unsigned port, const Owner& owner = {}, Family v4_as = Family::kV4) {
        const auto text = is_v6(address) ? "[" + address + "]" : address;
        Flow flow{.dial = {.destination = text + ":" + std::to_string(port)}, .creates = owner, .connects = owner};
        flow.dial.family = is_v6(address) ? Family::kV6 : v4_as;
        return flows_.emplace_back(flow);
    }

    void both(const std::string& address, unsigned port) {
        add(address, port);
        if (!is_v6(address)) add(address, port, {}, Family::kMapped);
    }

    void base() {
        for (const char* address :
             {"10.9.9.9", "203.0.113.5", "198.51.100.7", "2001:db8:9::9", "2001:db8:1::7", kClientV4, kClientV6,
              "127.0.0.1", "127.0.0.2", "127.255.255.254", "0.0.0.0", "::", "::1"}) {
            for (const unsigned port : {80u, kProxyPort}) both(address, port);
        }
        for (const char* address : {"1.0.0.1", "126.255.255.255", "128.0.0.1", "223.255.255.254", "240.0.0.1"}) {
            add(address, 80);
        }
        add(kClientV4, kInboundPort);
    }

    void ranges() {
        auto named = set_.include;
        named.insert(named.end(), set_.exclude.begin(), set_.exclude.end());
        named.push_back(set_.loopback_cidr);
        for (const auto& range : named) {
            if (range.empty() || range == "*") continue;
            for (const auto& address : borders(range)) {
                both(address, 80);
                add(address, 9080);
            }
        }
    }

    void ports() {
        std::set<unsigned> values{1, 22, 65535};
        for (const auto* list : {&set_.include_ports, &set_.exclude_ports}) {
            for (const auto& range : *list) {
                const auto dash = range.find('-');
                const auto first = static_cast<unsigned>(std::stoul(range));
                const auto last = dash == std::string::npos ? first : std::stoul(range.substr(dash + 1));
                for (const auto port : {first - 1, first, static_cast<unsigned>(last), static_cast<unsigned>(last) + 1})
                    if (port > 0 && port < 65536) values.insert(port);
            }
        }
        for (const auto port : values) {
            for (const char* address : {"10.9.9.9", "198.51.100.7", "203.0.113.5", kClientV4, "127.0.0.1", "127.0.0.2",
                                        "2001:db8:9::9", "2001:db8:1::7", "::1"}) {
                add(address, port);
            }
            add("10.9.9.9", port, {.uid = 1337, .euid = 1337});
        }
    }

    // Ids and their neighbours; effective against real ones; those of making the socket against those of connecting.
    void owners() {
        std::set<std::uint32_t> uids{0, 1336, 1337, 1338}, gids = uids;
        uids.insert(set_.uids.begin(), set_.uids.end());
        for (const auto* list : {&set_.gids, &set_.exclude_groups}) gids.insert(list->begin(), list->end());
        if (set_.include_groups) gids.insert(set_.include_groups->begin(), set_.include_groups->end());
        for (const auto uid : uids) everywhere({.uid = uid, .euid = uid});
        for (const auto gid : gids) {
            everywhere({.gid = gid, .egid = gid});
            add("10.9.9.9", 9080, {.gid = gid, .egid = gid});
            add("203.0.113.5", 9080, {.gid = gid, .egid = gid});
        }
        everywhere({.uid = 1337, .euid = 1337, .gid = 1337, .egid = 1337});
        everywhere({.uid = 1000, .euid = 1337});
        everywhere({.uid = 1337, .euid = 1000});
        everywhere({.gid = 1000, .egid = 1337});
        everywhere({.gid = 1337, .egid = 1000});
        everywhere({.gid = 2001, .egid = 1000});
        for (const char* address : {"10.9.9.9", "127.0.0.1", "2001:db8:9::9"}) {
            const Owner app, by_uid{.uid = 1337, .euid = 1337}, by_gid{.gid = 1337, .egid = 1337};
            for (const auto& owner : {by_uid, by_gid}) {
                add(address, 80, app).connects = owner;
                add(address, 80, owner).connects = app;
            }
            add(address, 80, {.gid = 2001, .egid = 2001}).connects = app;
            add(address, 80, app).connects = {.gid = 2001, .egid = 2001};
        }
    }

    // The proxy itself, dialling its own listener.
    void proxy_port() {
        Owner owner;
        if (set_.uids.empty())
            owner.gid = owner.egid = set_.gids.front();
        else
            owner.uid = owner.euid = set_.uids.front();
        for (const char* address : {"127.0.0.1", "::1", kClientV4, "10.9.9.9"}) add(address, kProxyPort, owner);
    }

    void everywhere(const Owner& owner) {
        for (const char* address : {"10.9.9.9", "127.0.0.1", kClientV4, "2001:db8:9::9"}) add(address, 80, owner);
    }

    Flow& from(const std::string& source, const std::string& address, unsigned port = 80) {
        auto& flow = add(address, port);
        flow.dial.source = source;
        flow.dial.early_port = true;
        return flow;
    }

    // Bound to an address, to a port, or to what is not theirs. A port is used once per namespace.
    void sources() {
        unsigned port = 20000;
        const std::string own = kClientV4, own6 = "[" + std::string(kClientV6) + "]:";
        from(own + ":0", "10.9.9.9").dial.early_port = false;
        from(own6 + "0", "2001:db8:9::9").dial.early_port = false;
        for (const char* address : {"10.9.9.9", "198.51.100.7", "127.0.0.1", kClientV4}) {
            from(own + ":0", address);
            from(own + ":" + std::to_string(++port), address);
            from("0.0.0.0:" + std::to_string(++port), address);
            from("127.0.0.1:0", address);
            from("127.0.0.6:0", address).dial.early_port = false;
        }
        for (const char* address : {"2001:db8:9::9", "::1", kClientV6}) {
            from(own6 + "0", address);
            from(own6 + std::to_string(++port), address);
            from("[::]:" + std::to_string(++port), address);
            auto& flow = from("[::6]:0", address);
            flow.dial.early_port = false;
            if (address != std::string("::1") && address != std::string(kClientV6))
                give_up_soon(flow);  // nobody out there can answer ::6
        }
        from("127.0.0.1:0", "127.0.0.1", kProxyPort);
        from("127.10.1.2:0", "127.3.0.80", kProxyPort);
        from("127.10.1.2:0", "127.3.0.80");
        for (const char* address : {"10.9.9.9", kClientV4, "127.0.0.1", kClientV6})
            add(address, 80).dial.freebind = true;
    }

    void random() {
        std::mt19937 engine(kSeed);  // the same numbers everywhere, unlike the distributions of the library
        const auto pick = [&](const auto& list) { return list[engine() % list.size()]; };
        Words pool{"127.0.0.1", "192.0.2.2", "2001:db8:ffff::2", "2001:db8:9::77", "2001:db9::1"};
        for (const auto* list : {&set_.include, &set_.exclude}) {
            for (const auto& range : *list) {
                if (range == "*") continue;
                const auto edge = borders(range);
                pool.insert(pool.end(), edge.begin(), edge.end());
            }
        }
        for (int i = 0; i < 12; ++i) {
            Bytes v4("10.0.0.0");
            for (auto& byte : v4.value) byte = static_cast<unsigned char>(engine());
            if (v4.dialable()) pool.push_back(v4.text());
        }
        const std::vector<unsigned> ports{22, 80, 443, 8005, 9003, 9080, kProxyPort};
        const Ids ids{0, 1000, 1001, 1337, 2000, 2001, 3000};
        for (std::size_t i = 0; i < kRandomFlows; ++i) {
            const auto euid = pick(ids), egid = pick(ids), uid = pick(ids), gid = pick(ids);
            const auto address = pick(pool);
            const auto port = pick(ports);
            auto& flow = add(address, port, {.uid = uid, .euid = euid, .gid = gid, .egid = egid},
                             engine() % 3 == 0 ? Family::kMapped : Family::kV4);
            if (engine() % 3 == 0) flow.connects = {};
        }
    }

    // What a redirect through lo cannot serve.
    void slow() {
        for (const char* address : {"10.9.9.9", "2001:db8:9::9"}) add(address, 80).dial.device = "eth0";
        add("fe80::1%eth0", 80);
        for (auto flow = flows_.end() - 3; flow != flows_.end(); ++flow) give_up_soon(*flow);
    }

    static void give_up_soon(Flow& flow) {
        flow.dial.nonblocking = true;
        flow.dial.timeout_ms = 300;
    }

    const RuleSet& set_;
    std::vector<Flow> flows_;
};

}  // namespace

std::vector<Flow> flows_of(const RuleSet& set) { return Maker(set).all(); }

std::vector<std::uint16_t> ports_of(const std::vector<Flow>& flows) {
    std::set<std::uint16_t> ports;
    for (const auto& flow : flows) {
        const auto& text = flow.dial.destination;
        ports.insert(static_cast<std::uint16_t>(std::stoul(text.substr(text.rfind(':') + 1))));
    }
    return {ports.begin(), ports.end()};
}

std::string to_text(const Flow& flow) {
    const auto owner = [](const Owner& o) {
        return std::to_string(o.uid) + "/" + std::to_string(o.euid) + ":" + std::to_string(o.gid) + "/" +
               std::to_string(o.egid);
    };
    const char* families[] = {"v4", "v6", "mapped"};
    auto text =
        flow.dial.destination + " " + families[static_cast<int>(flow.dial.family)] + " ids " + owner(flow.creates);
    if (!(flow.creates == flow.connects)) text += " connecting as " + owner(flow.connects);
    if (!flow.dial.source.empty()) text += " from " + flow.dial.source;
    if (!flow.dial.device.empty()) text += " on " + flow.dial.device;
    if (flow.dial.freebind) text += " freebind";
    return text;
}

}  // namespace shunt::parity
