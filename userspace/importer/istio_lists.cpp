// SPDX-License-Identifier: Apache-2.0
#include "importer/istio_lists.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace shunt::importer {
namespace {

constexpr std::uint32_t kMostId = 0xfffffffe;  // 4294967295 is "no id"

// Items that were given before are dropped: they change nothing, and a configuration refuses them.
template <class T>
void add(std::vector<model::Placed<T>>& list, const T& value) {
    if (std::none_of(list.begin(), list.end(), [&](const auto& other) { return other.value == value; }))
        list.push_back({value, {}});
}

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

void ListReader::error(const std::string& origin, const std::string& text) {
    errors += (errors.empty() ? "" : "\n") + origin + ": " + text;
}

std::vector<std::string> ListReader::items(const Given& given) const {
    std::vector<std::string> list;
    std::size_t at = 0;
    while (at <= given.value.size()) {
        const auto end = std::min(given.value.find(',', at), given.value.size());
        if (auto item = trimmed(given.value.substr(at, end - at)); !item.empty()) list.push_back(std::move(item));
        at = end + 1;
    }
    return list;
}

std::uint16_t ListReader::port(const Given& given) {
    const auto parsed = base::parse_port(trimmed(given.value));
    if (!parsed) error(given.origin, parsed.error().message);
    return parsed.value_or(0);
}

std::vector<model::Placed<base::PortRange>> ListReader::ports(const Given& given) {
    std::vector<model::Placed<base::PortRange>> list;
    for (const auto& item : items(given)) {
        const auto parsed = base::parse_port_range(item);
        if (parsed)
            add(list, *parsed);
        else
            error(given.origin, parsed.error().message);
    }
    return list;
}

std::optional<base::Cidr> ListReader::range(const Given& given, const std::string& item) {
    const auto parsed = base::parse_cidr(item);
    if (!parsed) {
        error(given.origin, parsed.error().message);
        return std::nullopt;
    }
    // What decides whether own addresses are captured is the address as it was written, there.
    const auto written = base::parse_address(item.substr(0, item.find('/')));
    if (parsed->had_host_bits && written && written->is_loopback() && !parsed->cidr.address.is_loopback())
        remarks.push_back({true, given.origin + ": " + base::quoted(item) + " is " + base::to_string(parsed->cidr) +
                                     " here, and no loopback range that would capture own addresses"});
    return parsed->cidr;
}

model::RangeList ListReader::ranges(const Given& given, bool star_allowed) {
    model::RangeList list;
    for (const auto& item : items(given)) {
        if (item == "*" && star_allowed)
            list.all = true;
        else if (item == "*")
            error(given.origin, "\"*\" would exclude everything; expected address ranges, such as 10.0.0.0/8");
        else if (const auto cidr = range(given, item))
            add(list.ranges, *cidr);
    }
    if (list.all && !list.ranges.empty()) {
        error(given.origin, "\"*\" besides address ranges; expected \"*\" alone, or ranges");
    }
    return list;
}

std::vector<model::Placed<std::uint32_t>> ListReader::ids(
    const Given& given, const std::string& what,
    const std::function<std::optional<std::uint32_t>(const std::string&)>& find) {
    std::vector<model::Placed<std::uint32_t>> list;
    for (const auto& item : items(given)) {
        std::uint32_t number = 0;
        const char* const end = item.data() + item.size();
        const bool digits = std::all_of(item.begin(), item.end(), [](char c) { return c >= '0' && c <= '9'; });
        const auto parsed = std::from_chars(item.data(), end, number);
        if (digits && parsed.ec == std::errc{} && parsed.ptr == end && number <= kMostId)
            add(list, number);
        else if (digits)
            error(given.origin, base::quoted(item) + " is out of range; expected the number of a " + what);
        else if (const auto id = find(item))
            add(list, *id);
        else
            error(given.origin, what + " " + base::quoted(item) + " is not known on this machine; expected its number");
    }
    return list;
}

}  // namespace shunt::importer
