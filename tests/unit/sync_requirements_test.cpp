// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/net.h"
#include "sync/requirements.h"

namespace shunt::sync {
namespace {

constexpr kernel::Features kEverything{.set_retval = true, .sockops_cookie = true, .btf = true, .links = true};

model::Mesh v4_wildcard() {
    model::Mesh mesh;
    mesh.proxy.listen_v4 = {base::parse_socket_address("0.0.0.0:15001").value(), {}};
    return mesh;
}

model::Mesh record() {
    auto mesh = v4_wildcard();
    mesh.proxy.lane = model::LaneMode::kRecord;
    return mesh;
}

TEST(Requirements, AllThere) {
    EXPECT_TRUE(check_features(kEverything, v4_wildcard()));
    EXPECT_TRUE(check_features(kEverything, record()));
}

TEST(Requirements, LinksAlways) {
    auto features = kEverything;
    features.links = false;
    const auto checked = check_features(features, v4_wildcard());
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, base::ExitCode::kFeatureMissing);
    EXPECT_EQ(checked.error().message, "this kernel lacks BPF links on cgroups");
}

// Either tells network namespaces apart in sockops; the address lane needs neither.
TEST(Requirements, NamespacesForTheRecordLaneOnly) {
    auto features = kEverything;
    features.set_retval = false;
    features.sockops_cookie = false;
    EXPECT_TRUE(check_features(features, record()));
    features.btf = false;
    EXPECT_TRUE(check_features(features, v4_wildcard()));
    auto v6 = v4_wildcard();
    v6.proxy.listen_v6 = {base::parse_socket_address("[::]:15001").value(), {}};
    auto one_address = v4_wildcard();
    one_address.proxy.listen_v4->value = base::parse_socket_address("127.0.0.1:15001").value();
    for (const auto& mesh : {record(), v6, one_address}) {
        const auto checked = check_features(features, mesh);
        ASSERT_FALSE(checked);
        EXPECT_EQ(checked.error().code, base::ExitCode::kFeatureMissing);
        EXPECT_NE(checked.error().message.find("cookies in sockops and BTF"), std::string::npos);
    }
    features.sockops_cookie = true;
    EXPECT_TRUE(check_features(features, v6));
}

}  // namespace
}  // namespace shunt::sync
