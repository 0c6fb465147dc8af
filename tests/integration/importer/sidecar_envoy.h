// SPDX-License-Identifier: Apache-2.0
// A real Envoy with bookinfo's configuration, as Istio would give it: discovery by files, admin on 127.0.0.1:15000.
#pragma once

#include <optional>
#include <string>

#include "harness/child.h"
#include "harness/sandbox.h"

namespace shunt::importer_test {

inline constexpr char kAdmin[] = "http://127.0.0.1:15000";

class SidecarEnvoy {
public:
    // `catch_all`: PassthroughCluster or BlackHoleCluster. Returns once Envoy says that it has all of its
    // configuration.
    SidecarEnvoy(const harness::Sandbox& sandbox, const std::string& catch_all);
    SidecarEnvoy(const SidecarEnvoy&) = delete;
    ~SidecarEnvoy();

    std::string dump() const;  // /config_dump?include_eds
    std::string log() const;
    // Envoy sees a file that was replaced by rename. `from` must be in it.
    void edit(const std::string& file, const std::string& from, const std::string& to) const;
    void kill() { child_.reset(); }
    const std::string& directory() const { return directory_; }

private:
    std::string get(const std::string& path) const;
    void wait_until_ready() const;

    const harness::Sandbox& sandbox_;
    std::string directory_;
    std::optional<harness::Child> child_;
};

}  // namespace shunt::importer_test
