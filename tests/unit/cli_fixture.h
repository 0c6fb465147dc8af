// SPDX-License-Identifier: Apache-2.0
// Runs commands as main() does, and keeps what they print.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "base/log.h"
#include "cli/app.h"

namespace shunt::test {

struct Ran {
    int code = -1;
    std::string out;
    std::string err;
    cli::Json json() const { return cli::Json::parse(out); }
};

inline Ran shunt(const std::vector<std::string>& arguments, const std::string& input = "") {
    cli::CaptureOutput out;
    std::istringstream in(input);
    std::ostringstream err;
    Ran ran;
    ran.code = cli::run(arguments, {out, in, err});
    base::setup_log(std::cerr, base::LogStyle::kCommand, 0);  // `err` ends here, a server's thread may log later
    ran.out = out.printed;
    ran.err = err.str();
    return ran;
}

// A directory that goes with the test.
class CliTest : public testing::Test {
protected:
    CliTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "shunt-t-XXXXXX").string();
        dir_ = mkdtemp(pattern.data());
    }
    ~CliTest() override { std::filesystem::remove_all(dir_); }

    std::string file(const std::string& name, const std::string& text) const {
        std::ofstream(dir_ + "/" + name) << text;
        return dir_ + "/" + name;
    }

    std::string dir_;
};

inline constexpr const char* kGoodConfig = R"(proxy:
  listen: 0.0.0.0:15001
  identity: { uids: [1337] }
capture:
  cgroups: [/shunt-t-no-such-cgroup]
  excludeOutboundPorts: [22]
listeners:
  - { name: web, address: 0.0.0.0, port: 9080, routeConfigName: "9080" }
  - { name: db, address: 192.0.2.7, port: 3306, cluster: mysql }
routes:
  - name: "9080"
    virtualHosts:
      - { name: details, domains: ["192.0.2.1:9080"], cluster: details }
      - name: reviews
        domains: [reviews, 192.0.2.2]
        weightedClusters: [{ name: v1, weight: 10 }, { name: v2, weight: 90 }]
clusters:
  - { name: mysql, type: EDS }
  - { name: details, type: EDS }
  - { name: v1, type: EDS }
  - { name: v2, type: EDS }
  - { name: PassThrough, type: ORIGINAL_DST }
)";

inline constexpr const char* kBadConfig = R"(proxy:
  lisen: 0.0.0.0:15001
capture:
  cgroups: [/mesh]
)";

}  // namespace shunt::test
