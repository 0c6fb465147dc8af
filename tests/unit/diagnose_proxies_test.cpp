// SPDX-License-Identifier: Apache-2.0
// Whose proxy is which, and findings that come by the thousand.
#include <gtest/gtest.h>

#include "diagnose/alike.h"
#include "diagnose/proxies.h"

namespace shunt::diagnose {
namespace {

Proxy proxy(const std::string& listen, const std::string& cgroup = "") {
    return {base::parse_socket_address(listen).value(), std::nullopt, cgroup};
}

TEST(Proxies, TheDeepestScopeCounts) {
    const auto base = proxy("0.0.0.0:15001", "/c/proxy"), own = proxy("0.0.0.0:15101", "/c/pod/proxy");
    Proxies proxies;
    proxies.add("", base);
    proxies.add("/c/pod", own);
    proxies.add("/c/pod/deep", base);
    EXPECT_EQ(proxies.all(), (std::vector{base, own}));
    EXPECT_EQ(proxies.serving({"/c/other"}), std::vector{base});
    EXPECT_EQ(proxies.serving({"/c/podling"}), std::vector{base}) << "a name that begins alike is another cgroup";
    EXPECT_EQ(proxies.serving({"/c/pod/app"}), std::vector{own});
    EXPECT_EQ(proxies.serving({"/c/pod/deep/er"}), std::vector{base});
    EXPECT_EQ(proxies.serving({"/c/pod", "/c"}), (std::vector{base, own}));
}

TEST(Proxies, AProxyIsNotItsOwnClient) {
    const auto base = proxy("0.0.0.0:15001", "/c/proxy"), own = proxy("0.0.0.0:15101", "/c/sidecar");
    Proxies proxies;
    proxies.add("", base);
    proxies.add("/c/pod", own);
    EXPECT_TRUE(proxies.is_proxys("/c/sidecar/worker"));
    EXPECT_FALSE(proxies.is_proxys("/c/sidecars"));
    // The sidecar lies in no scope but the base one, whose proxy nobody in this network namespace asks for.
    EXPECT_EQ(proxies.serving({"/c/sidecar", "/c/pod"}), std::vector{own});
    EXPECT_EQ(proxies.serving({"/c/sidecar"}), std::vector{own}) << "nobody else is there";
    EXPECT_EQ(proxies.serving({}), proxies.all());
}

TEST(Proxies, AThousandEqualOnesAreOne) {
    Proxies proxies;
    proxies.add("", proxy("0.0.0.0:15001"));
    for (int i = 0; i < 1000; ++i) proxies.add("/c/pod" + std::to_string(i), proxy("0.0.0.0:15001"));
    EXPECT_EQ(proxies.all().size(), 1u);
}

TEST(Alike, AFewAreToldTheOthersCounted) {
    Findings findings;
    {
        Alike alike(findings);
        for (int i = 0; i < 1000; ++i)
            alike.add({"proxy.listening", State::kBroken, "here " + std::to_string(i), "start it"},
                      "nothing listens on p", "");
        alike.add({"proxy.listening", State::kOk, "there", ""}, "all is well on p", "");
    }
    ASSERT_EQ(findings.size(), Alike::kTold + 2);
    EXPECT_EQ(findings[0].detail, "here 0");
    EXPECT_EQ(findings.back().detail, "nothing listens on p, in 997 more network namespace(s)");
    EXPECT_EQ(findings.back().state, State::kBroken);
    EXPECT_EQ(findings.back().remedy, "start it");
}

TEST(Alike, TooManyKindsAreOne) {
    Findings findings;
    {
        Alike alike(findings);
        for (int i = 0; i < 1000; ++i)
            alike.add({"c", State::kBroken, "d", ""}, "nothing on " + std::to_string(i), "nothing on an address");
    }
    EXPECT_EQ(findings.size(), Alike::kKinds + Alike::kTold + 1);
    EXPECT_EQ(findings.back().detail, "nothing on an address, in " +
                                          std::to_string(1000 - Alike::kKinds - Alike::kTold) +
                                          " more network namespace(s)");
}

}  // namespace
}  // namespace shunt::diagnose
