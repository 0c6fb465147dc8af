// SPDX-License-Identifier: Apache-2.0
// Typed reading of an entry's fields. What is absent, or null, is its default, as in protobuf; the first field of a
// wrong type is kept as the error.
#pragma once

#include <optional>
#include <string>

#include "base/net.h"
#include "importer/envoy_entries.h"

namespace shunt::importer {

class Fields {
public:
    explicit Fields(std::string place) : place_(std::move(place)) {}

    const EnvoyJson* object(const EnvoyJson& in, const char* key);  // null where absent
    const EnvoyJson& list(const EnvoyJson& in, const char* key);    // of objects or texts; empty where absent
    std::string text(const EnvoyJson& in, const char* key);
    // A text that may be shown and referred to: at most 1024 bytes, no control characters.
    std::string name(const EnvoyJson& in, const char* key);
    std::uint64_t number(const EnvoyJson& in, const char* key, std::uint64_t otherwise, std::uint64_t most);
    bool flag(const EnvoyJson& in, const char* key, bool otherwise);

    // in[key].socket_address, TCP with an IP address; nothing, and no error, for pipes, names and other protocols.
    std::optional<base::SocketAddress> socket_address(const EnvoyJson& in, const char* key);

    void wrong(const char* key, const std::string& what);
    const std::string& error() const { return error_; }

private:
    std::string place_;
    std::string error_;
};

}  // namespace shunt::importer
