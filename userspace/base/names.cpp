// SPDX-License-Identifier: Apache-2.0
#include "base/names.h"

namespace shunt::base {

std::string_view name(shunt_verdict value) {
    switch (value) {
        case SHUNT_VERDICT_UNSET: return "unset";
        case SHUNT_VERDICT_BYPASS: return "bypass";
        case SHUNT_VERDICT_REDIRECT: return "redirect";
        case SHUNT_VERDICT_BALANCE: return "balance";
        case SHUNT_VERDICT_REFUSE: return "refuse";
    }
    return "unknown";
}

std::string_view name(shunt_reason value) {
    switch (value) {
        case SHUNT_REASON_UNSET: return "unset";
        case SHUNT_REASON_NOT_TCP: return "not_tcp";
        case SHUNT_REASON_FAMILY_MISMATCH: return "family_mismatch";
        case SHUNT_REASON_PORT_ZERO: return "port_zero";
        case SHUNT_REASON_MULTICAST: return "multicast";
        case SHUNT_REASON_BROADCAST: return "broadcast";
        case SHUNT_REASON_FORGED: return "forged";
        case SHUNT_REASON_LOOPING: return "looping";
        case SHUNT_REASON_EXCLUDED_PORT: return "excluded_port";
        case SHUNT_REASON_PROXY_CGROUP: return "proxy_cgroup";
        case SHUNT_REASON_PROXY_MARK: return "proxy_mark";
        case SHUNT_REASON_PROXY_UID: return "proxy_uid";
        case SHUNT_REASON_PROXY_GID: return "proxy_gid";
        case SHUNT_REASON_OWN_ADDRESS: return "own_address";
        case SHUNT_REASON_OWNER_NOT_INCLUDED: return "owner_not_included";
        case SHUNT_REASON_OWNER_EXCLUDED: return "owner_excluded";
        case SHUNT_REASON_LOOPBACK: return "loopback";
        case SHUNT_REASON_EXCLUDED_CIDR: return "excluded_cidr";
        case SHUNT_REASON_NOT_INCLUDED: return "not_included";
        case SHUNT_REASON_LINK_LOCAL: return "link_local";
        case SHUNT_REASON_IPV6_BYPASS: return "ipv6_bypass";
        case SHUNT_REASON_IPV6_REFUSE: return "ipv6_refuse";
        case SHUNT_REASON_BOUND_DEVICE: return "bound_device";
        case SHUNT_REASON_LOOPBACK_SOURCE: return "loopback_source";
        case SHUNT_REASON_LISTENER: return "listener";
        case SHUNT_REASON_PORT_LISTENER: return "port_listener";
        case SHUNT_REASON_UNMATCHED: return "unmatched";
        case SHUNT_REASON_PASSTHROUGH_CLUSTER: return "passthrough_cluster";
        case SHUNT_REASON_BLACK_HOLE_CLUSTER: return "black_hole_cluster";
        case SHUNT_REASON_PROXY_DOWN_REFUSE: return "proxy_down_refuse";
        case SHUNT_REASON_PROXY_DOWN_BYPASS: return "proxy_down_bypass";
        case SHUNT_REASON_INTERNAL_REFUSE: return "internal_refuse";
        case SHUNT_REASON_INTERNAL_BYPASS: return "internal_bypass";
        case SHUNT_REASON_DIRECT: return "direct";
        case SHUNT_REASON_NO_ENDPOINT_REFUSE: return "no_endpoint_refuse";
        case SHUNT_REASON_NO_ENDPOINT_BYPASS: return "no_endpoint_bypass";
        case SHUNT_REASON_MAX: break;
    }
    return "unknown";
}

std::string_view name(shunt_lane value) {
    switch (value) {
        case SHUNT_LANE_NONE: return "none";
        case SHUNT_LANE_ADDRESS: return "address";
        case SHUNT_LANE_DICT_PORT: return "dict_port";
        case SHUNT_LANE_DICT_ADDRESS: return "dict_address";
        case SHUNT_LANE_DICT_RANGE: return "dict_range";
        case SHUNT_LANE_DICT_BIND: return "dict_bind";
        case SHUNT_LANE_RECORD_SETTING: return "record_setting";
        case SHUNT_LANE_RECORD_IPV6: return "record_ipv6";
        case SHUNT_LANE_RECORD_PROXY: return "record_proxy";
        case SHUNT_LANE_MAX: break;
    }
    return "unknown";
}

std::string_view name(shunt_event value) {
    switch (value) {
        case SHUNT_EVENT_UNSET: return "unset";
        case SHUNT_EVENT_ORIGDST_ADDRESS: return "origdst_address";
        case SHUNT_EVENT_ORIGDST_DICT: return "origdst_dict";
        case SHUNT_EVENT_ORIGDST_RECORD: return "origdst_record";
        case SHUNT_EVENT_ORIGDST_NONE: return "origdst_none";
        case SHUNT_EVENT_ORIGDST_SHORT: return "origdst_short";
        case SHUNT_EVENT_ORIGDST_SELF: return "origdst_self";
        case SHUNT_EVENT_RECORDED: return "recorded";
        case SHUNT_EVENT_RECORD_TAKEN: return "record_taken";
        case SHUNT_EVENT_RECORD_DROPPED: return "record_dropped";
        case SHUNT_EVENT_RECORD_HELD: return "record_held";
        case SHUNT_EVENT_PEERNAME: return "peername";
        case SHUNT_EVENT_CLIENT_ADDRESS: return "client_address";
        case SHUNT_EVENT_UNDO: return "undo";
        case SHUNT_EVENT_FAIL_STATE: return "fail_state";
        case SHUNT_EVENT_FAIL_STORAGE: return "fail_storage";
        case SHUNT_EVENT_FAIL_PENDING: return "fail_pending";
        case SHUNT_EVENT_FAIL_DICT: return "fail_dict";
        case SHUNT_EVENT_FAIL_BIND: return "fail_bind";
        case SHUNT_EVENT_FAIL_NETNS: return "fail_netns";
        case SHUNT_EVENT_FAIL_ENDPOINT: return "fail_endpoint";
        case SHUNT_EVENT_BIND_REFUSED: return "bind_refused";
        case SHUNT_EVENT_MAX: break;
    }
    return "unknown";
}

shunt_verdict verdict_of(shunt_reason reason) { return shunt_verdict_of(reason); }

bool is_failure(shunt_event event) { return event >= SHUNT_EVENT_FAIL_STATE && event < SHUNT_EVENT_MAX; }

}  // namespace shunt::base
