// SPDX-License-Identifier: Apache-2.0
#include "sample.h"

#include "config/loader.h"

namespace shunt::micro_bench {
namespace {

std::string cluster_name(int i) { return "outbound|3306||s" + std::to_string(i) + ".default.svc.cluster.local"; }
std::string address(int network, int i) {
    return std::to_string(network) + "." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
           std::to_string(i & 255);
}

}  // namespace

std::string sample_text(int endpoints, int port, int each) {
    const int clusters = endpoints / each;
    std::string text =
        "proxy: { listen: 0.0.0.0:15001, identity: { uids: [1337] } }\ncapture: { cgroups: [/mesh] }\nlisteners:\n";
    for (int i = 0; i < clusters; ++i)
        text += "  - { name: \"" + std::to_string(i) + "\", address: " + address(10, i + 1) +
                ", port: 3306, direct: true, cluster: \"" + cluster_name(i) + "\" }\n";
    text += "clusters:\n";
    for (int i = 0; i < clusters; ++i) {
        text += "  - name: \"" + cluster_name(i) + "\"\n    type: EDS\n    endpoints:\n";
        for (int j = 0; j < each; ++j) {
            const int n = i * each + j;
            text += "      - { address: " + address(11, n + 1) + ":" +
                    std::to_string(n == endpoints / 2 ? port : 8080) + ", weight: 1 }\n";
        }
    }
    return text;
}

model::Mesh sample_mesh(const std::string& text) { return or_die(config::load_text(text, "sample.yaml")).mesh; }

}  // namespace shunt::micro_bench
