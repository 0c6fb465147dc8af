// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.h"
#include "config/sections.h"

namespace shunt::config {
namespace {

constexpr std::size_t kNameMost = 1024;

bool has_control_characters(const std::string& text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

// A scope without a name is called after its first cgroup, so what no name may be no cgroup may be.
std::optional<std::string> read_cgroup(Problems& problems, const Value& value) {
    const std::string expected = "a cgroup such as /mesh (below the cgroup2 mount, or absolute)";
    auto text = read_text(problems, value, expected);
    if (!text) return std::nullopt;
    const auto wrong = [&](const char* what) {
        problems.error(value.place(), base::quoted(*text) + what + "; expected " + expected);
        return std::nullopt;
    };
    if (text->front() != '/') return wrong(" does not begin with /");
    if (has_control_characters(*text)) return wrong(" has control characters");
    if (text->size() > kNameMost) return wrong(" is longer than 1024 bytes");
    while (text->size() > 1 && text->back() == '/') text->pop_back();
    // Programs at the root would also see the kernel's own sockets, which cannot be excepted.
    if (*text == "/") return wrong(" is the root cgroup, which is never captured or taken for the proxy");
    const std::string closed = *text + "/";
    for (const char* part : {"//", "/./", "/../"}) {
        if (closed.find(part) != std::string::npos) return wrong(" is not in its shortest form");
    }
    return text;
}

bool check_unicast(Problems& problems, const model::Place& place, const base::Address& address,
                   Unspecified unspecified) {
    const auto wrong = [&](const char* what) {
        problems.error(place, base::to_string(address) + what + "; expected a unicast address");
        return false;
    };
    if (address.is_unspecified() && unspecified == Unspecified::kRefused) return wrong(" is the unspecified address");
    if (address.is_multicast()) return wrong(" is a multicast address");
    if (address.is_v4() && address.v4_host_order() == 0xffffffffu) return wrong(" is the broadcast address");
    if (!address.is_v4() && address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80)
        return wrong(" is link-local, which needs a device");
    return true;
}

std::optional<std::string> read_name(Problems& problems, const Value& value, const std::string& expected) {
    auto text = read_text(problems, value, expected);
    if (text && text->size() > kNameMost) {
        problems.error(value.place(), base::quoted(*text) + " is too long; expected at most 1024 bytes");
        return std::nullopt;
    }
    if (text && has_control_characters(*text)) {
        problems.error(value.place(), base::quoted(*text) + " has control characters; expected " + expected);
        return std::nullopt;
    }
    return text;
}

}  // namespace shunt::config
