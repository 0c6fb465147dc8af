// SPDX-License-Identifier: Apache-2.0
#include "inspect/domains.h"

#include <gtest/gtest.h>

namespace shunt::inspect {
namespace {

model::Route route_of(const std::vector<std::vector<std::string>>& hosts) {
    model::Route route;
    for (const auto& domains : hosts) {
        model::VirtualHost host;
        host.name = domains.front();
        host.domains = domains;
        route.virtual_hosts.push_back(host);
    }
    return route;
}

TEST(Domains, ExactThenSuffixThenPrefixThenStar) {
    const auto route = route_of({{"*"}, {"foo.*"}, {"*.bar"}, {"foo.bar"}});
    EXPECT_EQ(match_domain(route, "foo.bar").domain, "foo.bar");
    EXPECT_EQ(match_domain(route, "x.bar").domain, "*.bar");
    EXPECT_EQ(match_domain(route, "foo.com").domain, "foo.*");
    EXPECT_EQ(match_domain(route, "else").domain, "*");
    EXPECT_EQ(match_domain(route_of({{"foo.*"}, {"*.bar"}}), "foo.bar").domain, "*.bar") << "suffixes first";
}

TEST(Domains, TheLongestWildcardWinsWhereverItStands) {
    const auto route = route_of({{"*.com"}, {"*.example.com"}, {"a.*"}, {"a.b.*"}});
    EXPECT_EQ(match_domain(route, "x.example.com").domain, "*.example.com");
    EXPECT_EQ(match_domain(route, "x.com").domain, "*.com");
    EXPECT_EQ(match_domain(route, "a.b.c").domain, "a.b.*");
}

TEST(Domains, AWildcardIsOneCharacterAtLeast) {
    EXPECT_EQ(match_domain(route_of({{"*.com"}}), ".com").host, nullptr);
    EXPECT_EQ(match_domain(route_of({{"foo.*"}}), "foo.").host, nullptr);
    EXPECT_NE(match_domain(route_of({{"*-bar.com"}}), "x-bar.com").host, nullptr);
}

TEST(Domains, AsSentInAnyCase) {
    const auto route = route_of({{"Reviews", "reviews:9080"}});
    EXPECT_EQ(match_domain(route, "REVIEWS").domain, "Reviews");
    EXPECT_EQ(match_domain(route, "reviews:9080").domain, "reviews:9080");
    EXPECT_EQ(match_domain(route, "reviews:80").host, nullptr);
    EXPECT_EQ(match_domain(route, "").host, nullptr);
}

}  // namespace
}  // namespace shunt::inspect
