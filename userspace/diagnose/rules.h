// SPDX-License-Identifier: Apache-2.0
// Packet filter rules that break redirected connections, in what iptables-save and nft list print.
#pragma once

#include <string>
#include <vector>

namespace shunt::diagnose {

struct BreakingRule {
    std::string rule;  // as listed
    std::string why;
    std::string remedy;
};

std::vector<BreakingRule> judge_iptables(const std::string& saved);  // iptables-save
std::vector<BreakingRule> judge_nft(const std::string& listed);      // nft list ruleset

}  // namespace shunt::diagnose
