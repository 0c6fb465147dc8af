// SPDX-License-Identifier: Apache-2.0
#include "importer/envoy_fields.h"

#include <charconv>

#include "base/text.h"

namespace shunt::importer {
namespace {

constexpr std::size_t kMostName = 1024;  // as of names in a configuration

const EnvoyJson* find(const EnvoyJson& in, const char* key) {
    if (!in.is_object()) return nullptr;
    const auto found = in.find(key);
    return found == in.end() || found->is_null() ? nullptr : &*found;
}

std::string shown(const EnvoyJson& value) {
    if (value.is_object()) return "an object";
    if (value.is_array()) return "a list";
    return value.is_string() ? base::quoted(value.get_ref<const std::string&>()) : value.dump();
}

}  // namespace

void Fields::wrong(const char* key, const std::string& what) {
    if (error_.empty()) error_ = place_ + ": " + key + ": " + what;
}

const EnvoyJson* Fields::object(const EnvoyJson& in, const char* key) {
    const auto* value = find(in, key);
    if (!value || value->is_object()) return value;
    wrong(key, shown(*value) + "; expected an object");
    return nullptr;
}

const EnvoyJson& Fields::list(const EnvoyJson& in, const char* key) {
    static const EnvoyJson empty = EnvoyJson::array();
    const auto* value = find(in, key);
    if (!value) return empty;
    if (value->is_array()) return *value;
    wrong(key, shown(*value) + "; expected a list");
    return empty;
}

std::string Fields::text(const EnvoyJson& in, const char* key) {
    const auto* value = find(in, key);
    if (!value) return {};
    if (value->is_string()) return value->get<std::string>();
    wrong(key, shown(*value) + "; expected text");
    return {};
}

std::string Fields::name(const EnvoyJson& in, const char* key) {
    std::string value = text(in, key);
    if (value.size() > kMostName) {
        wrong(key, base::quoted(value) + " is too long; expected at most 1024 bytes");
        return {};
    }
    for (const char c : value) {
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) continue;
        wrong(key, base::quoted(value) + " has control characters; expected a name");
        return {};
    }
    return value;
}

std::uint64_t Fields::number(const EnvoyJson& in, const char* key, std::uint64_t otherwise, std::uint64_t most) {
    const auto* value = find(in, key);
    if (!value) return otherwise;
    std::uint64_t out = 0;
    bool good = value->is_number_unsigned();
    if (good) out = value->get<std::uint64_t>();
    if (value->is_string()) {  // protobuf writes large numbers as text
        const auto& digits = value->get_ref<const std::string&>();
        const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
        good = failure == std::errc{} && end == digits.data() + digits.size() && !digits.empty();
    }
    if (good && out <= most) return out;
    wrong(key, shown(*value) + "; expected a number up to " + std::to_string(most));
    return otherwise;
}

bool Fields::flag(const EnvoyJson& in, const char* key, bool otherwise) {
    const auto* value = find(in, key);
    if (!value) return otherwise;
    if (value->is_boolean()) return value->get<bool>();
    wrong(key, shown(*value) + "; expected true or false");
    return otherwise;
}

std::optional<base::SocketAddress> Fields::socket_address(const EnvoyJson& in, const char* key) {
    const auto* address = object(in, key);
    const auto* socket = address ? object(*address, "socket_address") : nullptr;
    if (!socket || text(*socket, "protocol") == "UDP") return std::nullopt;
    const auto parsed = base::parse_address(text(*socket, "address"));
    const auto port = number(*socket, "port_value", 0, 65535);
    if (!parsed || port == 0) return std::nullopt;
    return base::SocketAddress{*parsed, static_cast<std::uint16_t>(port)};
}

}  // namespace shunt::importer
