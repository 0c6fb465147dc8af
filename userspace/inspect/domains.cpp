// SPDX-License-Identifier: Apache-2.0
#include "inspect/domains.h"

#include <algorithm>
#include <cctype>
#include <tuple>

namespace shunt::inspect {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
    return out;
}

// How well a domain matches: its kind, then its length; kind 0 is no match.
std::pair<int, std::size_t> rank(const std::string& domain, const std::string& host) {
    if (domain == "*") return {1, 0};
    if (domain == host) return {4, 0};
    if (host.size() < domain.size()) return {0, 0};  // "*" stands for one character at least
    const std::string_view view(domain);
    if (view.front() == '*' && host.ends_with(view.substr(1))) return {3, domain.size()};
    if (view.back() == '*' && host.starts_with(view.substr(0, view.size() - 1))) return {2, domain.size()};
    return {0, 0};
}

}  // namespace

DomainMatch match_domain(const model::Route& route, std::string_view host) {
    const std::string sought = lower(host);
    DomainMatch best;
    std::pair<int, std::size_t> best_rank{0, 0};
    for (const auto& virtual_host : route.virtual_hosts) {
        for (const auto& domain : virtual_host.domains) {
            if (domain.empty()) continue;
            const auto found = rank(lower(domain), sought);
            if (found.first == 0 || found <= best_rank) continue;
            best_rank = found;
            best = {&virtual_host, domain};
        }
    }
    return best;
}

}  // namespace shunt::inspect
