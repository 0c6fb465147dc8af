// SPDX-License-Identifier: Apache-2.0
#include "config/fields.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace shunt::config {
namespace {

std::string joined(const std::vector<std::string_view>& names) {
    std::string out;
    for (std::size_t i = 0; i < names.size(); ++i)
        out += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + std::string(names[i]);
    return out;
}

// The name that may have been meant, or the section in which this one would be right: most of those are wrong
// indentation.
std::string hint(const std::string& key, const std::vector<std::string_view>& names) {
    std::string near = base::did_you_mean(key, names);
    if (!near.empty()) return near;
    const std::pair<const char*, std::span<const std::string_view>> sections[] = {
        {"the top level", kRootKeys},
        {"proxy", kProxyKeys},
        {"proxy.identity", kIdentityKeys},
        {"capture", kCaptureKeys},
        {"outboundTrafficPolicy", kPolicyKeys},
        {"metrics", kMetricsKeys},
        {"a scope", kScopeKeys}};
    for (const auto& [section, keys] : sections) {
        if (std::find(keys.begin(), keys.end(), key) != keys.end())
            return std::string(" (it belongs to ") + section + ")";
    }
    return {};
}

}  // namespace

std::string kind_of(const Node& node) {
    switch (node.kind) {
        case Node::Kind::kNull: return "no value";
        case Node::Kind::kScalar: return base::quoted(node.text);
        case Node::Kind::kList: return "a list";
        case Node::Kind::kMap: return "a map";
        case Node::Kind::kRefused: break;
    }
    return "a refused value";
}

MapReader::MapReader(Problems& problems, const Value& value, std::span<const std::string_view> keys)
    : problems_(problems), value_(value), map_(value.node->kind == Node::Kind::kMap) {
    const std::vector<std::string_view> names(keys.begin(), keys.end());
    if (!map_) {
        if (value.node->kind != Node::Kind::kRefused)
            problems.error(value.place(), kind_of(*value.node) + "; expected a map with " + joined(names));
        return;
    }
    for (const auto& [key, unused] : value.node->entries) {
        if (key.kind != Node::Kind::kScalar || std::find(names.begin(), names.end(), key.text) != names.end()) continue;
        problems.error({key.line, key.column, child_path(value.path, key.text)},
                       "unknown key" + hint(key.text, names) + "; expected " + joined(names));
    }
}

std::optional<Value> MapReader::get(std::string_view key) const {
    if (!map_) return std::nullopt;
    for (const auto& entry : value_.node->entries) {
        if (entry.key.kind != Node::Kind::kScalar || entry.key.text != key) continue;
        Value found{&entry.value, child_path(value_.path, entry.key.text)};
        return found;
    }
    return std::nullopt;
}

std::optional<Value> MapReader::require(std::string_view key, const std::string& expected) const {
    auto value = get(key);
    if (!value && map_) problems_.error(place(key), "missing; expected " + expected);
    return value;
}

std::optional<std::string> read_text(Problems& problems, const Value& value, const std::string& expected) {
    if (value.node->kind == Node::Kind::kScalar && !value.node->text.empty()) return value.node->text;
    if (value.node->kind == Node::Kind::kScalar)
        problems.error(value.place(), "empty text; expected " + expected);
    else if (value.node->kind != Node::Kind::kRefused)
        problems.error(value.place(), kind_of(*value.node) + "; expected " + expected);
    return std::nullopt;
}

std::optional<std::uint32_t> read_number(Problems& problems, const Value& value, std::uint32_t least,
                                         std::uint32_t most, const std::string& expected) {
    const auto text = read_text(problems, value, expected);
    if (!text) return std::nullopt;
    const bool hex = text->starts_with("0x") || text->starts_with("0X");
    const std::string_view digits = std::string_view(*text).substr(hex ? 2 : 0);
    std::uint32_t number = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number, hex ? 16 : 10);
    // A leading zero would be octal to one reader and decimal to the next.
    const bool octal = !hex && digits.size() > 1 && digits[0] == '0';
    const bool whole = end == digits.data() + digits.size() && failure != std::errc::invalid_argument && !octal;
    if (whole && failure == std::errc{} && number >= least && number <= most) return number;
    problems.error(
        value.place(),
        base::quoted(*text) + (whole ? " is out of range; expected " : " is not a number; expected ") + expected);
    return std::nullopt;
}

std::optional<bool> read_bool(Problems& problems, const Value& value) {
    const auto text = read_text(problems, value, "true or false");
    if (!text) return std::nullopt;
    if (*text == "true") return true;
    if (*text == "false") return false;
    problems.error(value.place(), base::quoted(*text) + " is not a truth value; expected true or false");
    return std::nullopt;
}

std::vector<Value> read_list(Problems& problems, const Value& value, const std::string& expected) {
    std::vector<Value> out;
    if (value.node->kind == Node::Kind::kList) {
        out.reserve(value.node->items.size());
        for (std::size_t i = 0; i < value.node->items.size(); ++i)
            out.push_back({&value.node->items[i], child_path(value.path, i)});
    } else if (value.node->kind != Node::Kind::kRefused) {
        problems.error(value.place(), kind_of(*value.node) + "; expected " + expected);
    }
    return out;
}

void report_unknown_choice(Problems& problems, const Value& value, const std::string& text,
                           const std::vector<std::string_view>& names) {
    problems.error(value.place(), base::quoted(text) + " is unknown" + base::did_you_mean(text, names) + "; expected " +
                                      joined(names));
}

}  // namespace shunt::config
