// SPDX-License-Identifier: Apache-2.0
#include "base/net.h"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace shunt::base;

Address at(const char* text) { return parse_address(text).value(); }
Cidr range(const char* text) { return parse_cidr(text).value().cidr; }

TEST(BaseNet, AddressRoundTrip) {
    for (const char* text : {"0.0.0.0", "255.255.255.255", "10.0.3.29", "::", "::1", "2001:db8::1", "fe80::1",
                             "ff02::1", "1:2:3:4:5:6:7:8"})
        EXPECT_EQ(to_string(at(text)), text);
    EXPECT_EQ(to_string(at("2001:DB8:0:0::1")), "2001:db8::1");
}

TEST(BaseNet, MappedIsTheIpv4Address) {
    EXPECT_EQ(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    EXPECT_EQ(at("::ffff:c000:201"), at("192.0.2.1"));
    EXPECT_TRUE(at("::ffff:192.0.2.1").is_v4());
    EXPECT_FALSE(at("::192.0.2.1").is_v4());
    EXPECT_EQ(at("192.0.2.1").v4_host_order(), 0xc0000201u);
    EXPECT_EQ(Address::v4(0xc0000201u), at("192.0.2.1"));
}

TEST(BaseNet, AddressRefused) {
    for (const char* text : {"", " 10.0.0.1", "10.0.0.1 ", "10.0.0", "10.0.0.1.2", "010.0.0.1", "10.0.0.256",
                             "0x7f.0.0.1", "127.1", "2130706433", "+1.0.0.0", ":::", "1::2::3", "fe80::1%lo", "[::1]",
                             "::ffff:10.0.0.256", "12345::", "localhost", "1.2.3.4/32"})
        EXPECT_FALSE(parse_address(text)) << text;
    EXPECT_FALSE(parse_address(std::string_view("10.0.0.1\0", 9)));
    EXPECT_FALSE(parse_address(std::string_view("::1\0x", 5)));
    EXPECT_EQ(parse_address("x").error().message,
              "\"x\" is not an address; expected IPv4 (10.0.0.1) or IPv6 (2001:db8::1)");
}

TEST(BaseNet, Classes) {
    EXPECT_TRUE(at("0.0.0.0").is_unspecified() && at("::").is_unspecified());
    EXPECT_FALSE(at("0.0.0.1").is_unspecified() || at("::1").is_unspecified());
    EXPECT_TRUE(at("127.0.0.0").is_loopback() && at("127.255.255.255").is_loopback() && at("::1").is_loopback());
    EXPECT_FALSE(at("126.255.255.255").is_loopback() || at("128.0.0.0").is_loopback() || at("::2").is_loopback());
    EXPECT_TRUE(at("224.0.0.0").is_multicast() && at("239.255.255.255").is_multicast() && at("ff00::").is_multicast());
    EXPECT_FALSE(at("223.255.255.255").is_multicast() || at("240.0.0.0").is_multicast() || at("fe00::").is_multicast());
}

TEST(BaseNet, AbiRoundTrip) {
    for (const char* text : {"192.0.2.1", "2001:db8::1"}) EXPECT_EQ(Address::from_abi(at(text).to_abi()), at(text));
    const auto ip = at("192.0.2.1").to_abi();
    EXPECT_EQ(ip.words_be[0], 0u);
    EXPECT_EQ(ip.words_be[2], __builtin_bswap32(0xffff));
    EXPECT_EQ(ip.words_be[3], __builtin_bswap32(0xc0000201u));
}

TEST(BaseNet, Port) {
    EXPECT_EQ(parse_port("1").value(), 1);
    EXPECT_EQ(parse_port("65535").value(), 65535);
    for (const char* text :
         {"", "0", "65536", "4294967297", "99999999999999999999", "-1", "+1", " 1", "1 ", "01", "0x50", "1.0", "http"})
        EXPECT_FALSE(parse_port(text)) << text;
}

TEST(BaseNet, PortRange) {
    EXPECT_EQ(parse_port_range("80").value(), (PortRange{80, 80}));
    EXPECT_EQ(parse_port_range("8000-8010").value(), (PortRange{8000, 8010}));
    EXPECT_EQ(parse_port_range("8000:8010").value(), (PortRange{8000, 8010}));
    EXPECT_EQ(parse_port_range("1-65535").value(), (PortRange{1, 65535}));
    EXPECT_EQ(parse_port_range("7-7").value(), (PortRange{7, 7}));
    for (const char* text :
         {"", "-", "0-1", "1-0", "1-65536", "2-1", "1-", "-1", "1--2", "1-2-3", "1:2-3", "1 - 2", "01-2"})
        EXPECT_FALSE(parse_port_range(text)) << text;
    EXPECT_EQ(to_string(PortRange{80, 80}), "80");
    EXPECT_EQ(to_string(PortRange{80, 81}), "80-81");
}

TEST(BaseNet, SocketAddress) {
    EXPECT_EQ(to_string(parse_socket_address("10.0.0.1:1").value()), "10.0.0.1:1");
    EXPECT_EQ(to_string(parse_socket_address("[2001:db8::1]:65535").value()), "[2001:db8::1]:65535");
    EXPECT_EQ(to_string(parse_socket_address("[::ffff:10.0.0.1]:80").value()), "10.0.0.1:80");
    for (const char* text : {"",
                             ":",
                             ":80",
                             "10.0.0.1",
                             "10.0.0.1:",
                             "10.0.0.1:0",
                             "10.0.0.1:65536",
                             "::1:80",
                             "[::1]",
                             "[::1]:",
                             "[::1]80",
                             "[::1",
                             "::1]:80",
                             "[10.0.0.1]:80",
                             "[]:80",
                             "10.0.0.1:80 ",
                             " 10.0.0.1:80",
                             "host:80",
                             "10.0.0.1:80:80",
                             "[[::1]]:80"})
        EXPECT_FALSE(parse_socket_address(text)) << text;
}

TEST(BaseNet, Cidr) {
    EXPECT_EQ(to_string(range("10.0.0.0/8")), "10.0.0.0/8");
    EXPECT_EQ(to_string(range("0.0.0.0/0")), "0.0.0.0/0");
    EXPECT_EQ(to_string(range("192.0.2.1")), "192.0.2.1/32");
    EXPECT_EQ(to_string(range("::/0")), "::/0");
    EXPECT_EQ(to_string(range("2001:db8::1")), "2001:db8::1/128");
    EXPECT_TRUE(range("0.0.0.0/0").is_v4());
    EXPECT_FALSE(range("::/0").is_v4());
    for (const char* text :
         {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8 ", "10.0.0.0/8/8",
          "10.0.0/8", "::/129", "::ffff:10.0.0.0/104", "::ffff:10.0.0.1", "*", "10.0.0.0/255.0.0.0"})
        EXPECT_FALSE(parse_cidr(text)) << text;
}

TEST(BaseNet, CidrHostBits) {
    struct Case {
        const char* text;
        const char* masked;
        bool host_bits;
    };
    for (const auto& [text, masked, host_bits] :
         {Case{"10.1.2.3/8", "10.0.0.0/8", true}, Case{"10.0.0.0/8", "10.0.0.0/8", false},
          Case{"10.0.0.1/32", "10.0.0.1/32", false}, Case{"10.0.0.1/31", "10.0.0.0/31", true},
          Case{"255.255.255.255/0", "0.0.0.0/0", true}, Case{"128.0.0.0/1", "128.0.0.0/1", false},
          Case{"2001:db8::1/127", "2001:db8::/127", true}, Case{"2001:db8:ffff::/33", "2001:db8:8000::/33", true},
          Case{"ffff::/0", "::/0", true}}) {
        const auto parsed = parse_cidr(text).value();
        EXPECT_EQ(to_string(parsed.cidr), masked) << text;
        EXPECT_EQ(parsed.had_host_bits, host_bits) << text;
    }
}

TEST(BaseNet, CidrContains) {
    EXPECT_TRUE(range("10.0.0.0/8").contains(at("10.255.255.255")));
    EXPECT_FALSE(range("10.0.0.0/8").contains(at("11.0.0.0")));
    EXPECT_FALSE(range("10.0.0.0/8").contains(at("9.255.255.255")));
    EXPECT_TRUE(range("10.0.0.0/8").contains(at("::ffff:10.1.2.3")));
    EXPECT_TRUE(range("0.0.0.0/0").contains(at("255.255.255.255")));
    EXPECT_FALSE(range("0.0.0.0/0").contains(at("2001:db8::1")));
    EXPECT_FALSE(range("::/0").contains(at("10.0.0.1")));
    EXPECT_TRUE(range("::/0").contains(at("2001:db8::1")));
    EXPECT_TRUE(range("192.0.2.1").contains(at("192.0.2.1")));
    EXPECT_FALSE(range("192.0.2.1").contains(at("192.0.2.0")));
    EXPECT_TRUE(range("2001:db8:8000::/33").contains(at("2001:db8:ffff::1")));
    EXPECT_FALSE(range("2001:db8:8000::/33").contains(at("2001:db8:7fff::1")));
}

}  // namespace
