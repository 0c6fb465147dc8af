// SPDX-License-Identifier: Apache-2.0
#include "base/accounts.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <vector>

namespace shunt::base {
namespace {

constexpr std::size_t kMostBytes = 1u << 20;  // a group with thousands of members needs a large buffer

// `look_up` is getpwnam_r or getgrnam_r.
template <class Entry, class LookUp>
bool find(const std::string& name, Entry& entry, LookUp look_up) {
    Entry* found = nullptr;
    std::vector<char> buffer(1024);
    int failure = look_up(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    while (failure == ERANGE && buffer.size() < kMostBytes) {
        buffer.resize(buffer.size() * 2);
        failure = look_up(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    }
    return found != nullptr;
}

}  // namespace

std::optional<std::uint32_t> find_user(const std::string& name) {
    passwd entry{};
    return find(name, entry, getpwnam_r) ? std::optional<std::uint32_t>(entry.pw_uid) : std::nullopt;
}

std::optional<std::uint32_t> find_group(const std::string& name) {
    group entry{};
    return find(name, entry, getgrnam_r) ? std::optional<std::uint32_t>(entry.gr_gid) : std::nullopt;
}

}  // namespace shunt::base
