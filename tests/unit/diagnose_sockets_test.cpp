// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "diagnose/sockets.h"

namespace shunt::diagnose {
namespace {

constexpr const char* kHeading =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

std::string v4_line(const std::string& local, const std::string& remote, const std::string& state) {
    return "   0: " + local + " " + remote + " " + state +
           " 00000000:00000000 00:00000000 00000000  1337        0 4711 1 0000000000000000 100 0 0 10 0\n";
}

constexpr const char* kNobody = "00000000:0000";

std::vector<Socket> v4_listener(const std::string& local) {
    return parse_sockets(kHeading + v4_line(local, kNobody, "0A"), false);
}

std::vector<Socket> v6_listener(const std::string& address) {
    return parse_sockets(kHeading + v4_line(address + ":3A99", "00000000000000000000000000000000:0000", "0A"), true);
}

Serving serving(const std::vector<Socket>& sockets, const std::string& configured) {
    return judge_listeners(sockets, *base::parse_socket_address(configured)).how;
}

const std::string kV6Wildcard(32, '0');
const std::string kV6Loopback = "00000000000000000000000001000000";

TEST(Sockets, ParsesLines) {
    const auto sockets = parse_sockets(kHeading + v4_line("0100007F:3A99", kNobody, "0A") +
                                           v4_line("020200C0:9C40", "0764 33C6:01BB", "01") +
                                           v4_line("020200C0:9C40", "076433C6:01BB", "01") +
                                           v4_line("020200C0:9C41", "076433C6:01BB", "06") + "rubbish\n\n",
                                       false);
    ASSERT_EQ(sockets.size(), 2u) << "TIME_WAIT and what is no line are left out";
    EXPECT_TRUE(sockets[0].listening);
    EXPECT_EQ(base::to_string(sockets[0].local), "127.0.0.1:15001");
    EXPECT_EQ(sockets[0].uid, 1337u);
    EXPECT_EQ(sockets[0].inode, 4711u);
    EXPECT_FALSE(sockets[1].listening);
    EXPECT_EQ(base::to_string(sockets[1].remote), "198.51.100.7:443");
}

TEST(Sockets, ParsesV6AndMapped) {
    const auto sockets = parse_sockets(
        kHeading + v4_line(kV6Loopback + ":3A99", kV6Wildcard + ":0000", "0A") +
            v4_line("0000000000000000FFFF00000100007F:3A99", "0000000000000000FFFF00000200007F:1000", "01"),
        true);
    ASSERT_EQ(sockets.size(), 2u);
    EXPECT_EQ(base::to_string(sockets[0].local), "[::1]:15001");
    EXPECT_EQ(base::to_string(sockets[1].local), "127.0.0.1:15001");
}

TEST(Sockets, WhoServesV4Wildcard) {
    EXPECT_EQ(serving({}, "0.0.0.0:15001"), Serving::kNotAtAll);
    EXPECT_EQ(serving(v4_listener("00000000:3A98"), "0.0.0.0:15001"), Serving::kNotAtAll) << "another port";
    EXPECT_EQ(serving(v4_listener("00000000:3A99"), "0.0.0.0:15001"), Serving::kYes);
    EXPECT_EQ(serving(v4_listener("0100007F:3A99"), "0.0.0.0:15001"), Serving::kElsewhere);
    EXPECT_EQ(serving(v6_listener(kV6Wildcard), "0.0.0.0:15001"), Serving::kMaybeV6Only);
    EXPECT_EQ(serving(v6_listener(kV6Loopback), "0.0.0.0:15001"), Serving::kElsewhere);
}

TEST(Sockets, WhoServesOneAddress) {
    EXPECT_EQ(serving(v4_listener("0100007F:3A99"), "127.0.0.1:15001"), Serving::kYes);
    EXPECT_EQ(serving(v4_listener("00000000:3A99"), "127.0.0.1:15001"), Serving::kYes);
    EXPECT_EQ(serving(v4_listener("0200007F:3A99"), "127.0.0.1:15001"), Serving::kElsewhere);
}

TEST(Sockets, WhoServesV6) {
    EXPECT_EQ(serving(v6_listener(kV6Wildcard), "[::]:15001"), Serving::kYes);
    EXPECT_EQ(serving(v6_listener(kV6Loopback), "[::]:15001"), Serving::kElsewhere);
    EXPECT_EQ(serving(v4_listener("00000000:3A99"), "[::]:15001"), Serving::kElsewhere);
}

TEST(Sockets, TheOneThatServesIsNamed) {
    auto sockets = v4_listener("0100007F:3A99");
    for (const auto& socket : v4_listener("00000000:3A99")) sockets.push_back(socket);
    const auto served = judge_listeners(sockets, *base::parse_socket_address("0.0.0.0:15001"));
    ASSERT_EQ(served.listeners.size(), 1u);
    EXPECT_EQ(base::to_string(served.listeners[0].local), "0.0.0.0:15001");
}

}  // namespace
}  // namespace shunt::diagnose
