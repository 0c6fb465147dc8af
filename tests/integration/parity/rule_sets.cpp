// SPDX-License-Identifier: Apache-2.0
// Each flag of istio-iptables alone, and the combinations in which flags meet.
#include "parity/rules.h"

namespace shunt::parity {

namespace {

std::vector<RuleSet> make() {
    const Words nested{"10.0.0.0/8", "2001:db8:9::/48"}, inside{"10.9.0.0/16", "10.9.9.8/30", "2001:db8:9:1::/64"};
    return {
        {.name = "standard", .slow_flows = true},
        {.name = "standard_record", .lane = "record"},
        {.name = "standard_client_address", .client_address = true},
        {.name = "record_client_address", .client_address = true, .lane = "record"},
        {.name = "v4_only", .v6 = false},
        {.name = "exclude_cidrs", .exclude = {"198.51.100.0/24", "10.9.9.9/32", "2001:db8:1::/48"}},
        {.name = "exclude_odd_prefixes",
         .exclude = {"10.0.0.0/9", "172.16.0.0/12", "203.0.113.128/25", "2001:db8::/33"}},
        {.name = "exclude_all_v4", .exclude = {"0.0.0.0/0"}},
        {.name = "exclude_all_v6", .exclude = {"::/0"}},
        {.name = "include_cidrs", .include = {"10.9.0.0/16", "203.0.113.5/32", "2001:db8:9::/48"}},
        {.name = "include_zero_v4", .include = {"0.0.0.0/0"}},
        {.name = "include_zero_both", .include = {"0.0.0.0/0", "::/0"}},
        {.name = "include_nothing", .include = {}},
        {.name = "nested_exclude_inside", .include = nested, .exclude = inside},
        {.name = "nested_include_inside", .include = inside, .exclude = nested},
        {.name = "nested_three_deep",
         .include = {"10.0.0.0/8", "10.9.9.0/24"},
         .exclude = {"10.9.0.0/16", "10.9.9.128/25"}},
        {.name = "host_bits", .include = {"10.9.9.9/16"}, .exclude = {"10.9.1.2/24"}},
        {.name = "exclude_ports", .exclude_ports = {"22", "80", "8000-8010", "65535"}},
        {.name = "include_ports", .include = {}, .include_ports = {"80", "9080", "1-3", "65535"}},
        {.name = "include_ports_and_cidrs", .include = {"203.0.113.0/24"}, .include_ports = {"9080", "8000-8010"}},
        {.name = "include_ports_excluded_cidrs",
         .include = {},
         .exclude = {"10.9.0.0/16", "198.51.100.0/24", "2001:db8:1::/48"},
         .include_ports = {"80", "8000-8010"}},
        {.name = "ports_overlap", .include_ports = {"8005", "9000-9010"}, .exclude_ports = {"8000-8010", "9005-9020"}},
        {.name = "ports_overlap_narrow",
         .include = {"203.0.113.0/24"},
         .include_ports = {"8005", "9000-9010"},
         .exclude_ports = {"8000-8010", "9005-9020"}},
        {.name = "port_of_the_proxy_excluded", .exclude_ports = {"15001"}},
        {.name = "loopback_included", .include = {"127.0.0.1/32"}},
        {.name = "loopback_net_included", .include = {"127.0.0.0/8", "10.0.0.0/8"}, .client_address = true},
        {.name = "loopback_v6_included", .include = {"::1/128", "2001:db8::/32", "192.0.2.0/24"}},
        {.name = "loopback_included_with_all", .include = {"127.0.0.1/32", "0.0.0.0/0", "::/0"}},
        {.name = "loopback_included_cidr_given",
         .include = {"127.0.0.0/8", "0.0.0.0/0"},
         .loopback_cidr = "127.0.0.0/30"},
        {.name = "loopback_included_ports",
         .include = {"127.0.0.1/32"},
         .exclude = {"192.0.2.2/32"},
         .include_ports = {"80"},
         .exclude_ports = {"9080"}},
        {.name = "loopback_cidr_given", .loopback_cidr = "127.1.0.0/16"},
        {.name = "several_ids", .uids = {1337, 2000, 2002}, .gids = {1337, 3000}},
        {.name = "uid_only", .uids = {1337}, .gids = {}},
        {.name = "gid_only", .uids = {}, .gids = {1337}},
        {.name = "root_is_the_proxy", .uids = {0}, .gids = {1337}},
        {.name = "several_ids_loopback", .include = {"127.0.0.0/8"}, .uids = {1337, 2000}, .gids = {3000}},
        {.name = "groups_include", .include_groups = Ids{1000, 2001}},
        {.name = "groups_include_ports", .include = {}, .include_ports = {"80"}, .include_groups = Ids{1000, 2001}},
        {.name = "groups_exclude", .exclude_groups = {1000, 2001}},
        {.name = "groups_exclude_ports",
         .include = {"10.0.0.0/8"},
         .include_ports = {"9080"},
         .exclude_groups = {1000, 2001}},
        {.name = "groups_include_beats_exclude", .include_groups = Ids{1000, 2001}, .exclude_groups = {2002, 1001}},
        {.name = "groups_none", .include_groups = Ids{}},
        {.name = "groups_of_the_proxy", .include_groups = Ids{1337}},
        {.name = "everything",
         .include = {"10.0.0.0/8", "2001:db8::/32", "192.0.2.0/24", "127.0.0.0/8"},
         .exclude = {"10.9.9.0/24", "2001:db8:1::/48", "127.0.0.2/32"},
         .include_ports = {"9080", "7000-7002"},
         .exclude_ports = {"22", "7001"},
         .uids = {1337, 2000},
         .gids = {1337, 3000},
         .exclude_groups = {2001},
         .client_address = true},
    };
}

}  // namespace

const std::vector<RuleSet>& rule_sets() {
    static const auto sets = make();
    return sets;
}

}  // namespace shunt::parity
