// SPDX-License-Identifier: Apache-2.0
// The comma separated lists of istio-iptables -> values. Everything that is wrong is collected.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "importer/imported.h"
#include "importer/istio_settings.h"

namespace shunt::importer {

// Who has a name, on the machine that imports; nothing where nobody has.
struct Accounts {
    std::function<std::optional<std::uint32_t>(const std::string&)> user;
    std::function<std::optional<std::uint32_t>(const std::string&)> group;
};

class ListReader {
public:
    explicit ListReader(const Accounts& accounts) : accounts_(accounts) {}

    std::vector<std::string> items(const Given& given) const;  // blanks around and empty items are dropped
    std::uint16_t port(const Given& given);
    std::vector<model::Placed<base::PortRange>> ports(const Given& given);
    model::RangeList ranges(const Given& given, bool star_allowed);
    std::vector<model::Placed<std::uint32_t>> users(const Given& given) { return ids(given, "user", accounts_.user); }
    std::vector<model::Placed<std::uint32_t>> groups(const Given& given) {
        return ids(given, "group", accounts_.group);
    }
    std::optional<base::Cidr> range(const Given& given, const std::string& item);
    void error(const std::string& origin, const std::string& text);

    std::string errors;  // a line each
    std::vector<Remark> remarks;

private:
    std::vector<model::Placed<std::uint32_t>> ids(
        const Given& given, const std::string& what,
        const std::function<std::optional<std::uint32_t>(const std::string&)>& find);

    const Accounts& accounts_;
};

}  // namespace shunt::importer
