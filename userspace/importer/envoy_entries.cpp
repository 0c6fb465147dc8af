// SPDX-License-Identifier: Apache-2.0
#include "importer/envoy_entries.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/text.h"

namespace shunt::importer {
namespace {

// Everything else in an entry is dropped while it is read: metadata and TLS settings are most of a dump.
constexpr std::string_view kFields[] = {"@type",
                                        "active_state",
                                        "additional_addresses",
                                        "address",
                                        "address_prefix",
                                        "application_protocols",
                                        "bind_to_port",
                                        "cluster",
                                        "cluster_header",
                                        "cluster_name",
                                        "cluster_type",
                                        "clusters",
                                        "default_filter_chain",
                                        "deprecated_v1",
                                        "destination_port",
                                        "direct_response",
                                        "domains",
                                        "eds_cluster_config",
                                        "endpoint",
                                        "endpoint_config",
                                        "endpoints",
                                        "envoy_internal_address",
                                        "filter_chain_match",
                                        "filter_chains",
                                        "filters",
                                        "headers",
                                        "health_status",
                                        "id",
                                        "ipv4_compat",
                                        "lb_endpoints",
                                        "listener",
                                        "listener_filters",
                                        "load_assignment",
                                        "load_balancing_weight",
                                        "match",
                                        "name",
                                        "path",
                                        "pipe",
                                        "port_value",
                                        "prefix",
                                        "prefix_len",
                                        "prefix_ranges",
                                        "priority",
                                        "protocol",
                                        "query_parameters",
                                        "rds",
                                        "redirect",
                                        "route",
                                        "route_config",
                                        "route_config_name",
                                        "routes",
                                        "server_names",
                                        "service_name",
                                        "socket_address",
                                        "traffic_direction",
                                        "transport_protocol",
                                        "type",
                                        "typed_config",
                                        "use_original_dst",
                                        "virtual_hosts",
                                        "weight",
                                        "weighted_clusters"};

struct Array {
    std::string_view name;
    EntryKind kind;
    bool used;  // warming ones are not in force
};
constexpr Array kArrays[] = {
    {"static_listeners", EntryKind::kListener, true},         {"dynamic_listeners", EntryKind::kListener, true},
    {"static_clusters", EntryKind::kCluster, true},           {"dynamic_active_clusters", EntryKind::kCluster, true},
    {"dynamic_warming_clusters", EntryKind::kCluster, false}, {"static_route_configs", EntryKind::kRoute, true},
    {"dynamic_route_configs", EntryKind::kRoute, true},       {"static_endpoint_configs", EntryKind::kEndpoints, true},
    {"dynamic_endpoint_configs", EntryKind::kEndpoints, true}};

// Parts of a dump that have nothing to say here.
constexpr std::string_view kKnownParts[] = {"BootstrapConfigDump", "ClustersConfigDump", "EndpointsConfigDump",
                                            "ListenersConfigDump", "RoutesConfigDump",   "ScopedRoutesConfigDump",
                                            "SecretsConfigDump",   "EcdsConfigDump"};

constexpr int kMostLevels = 200;  // within an entry

std::string camel_case(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool upper = name[i] == '_' && i + 1 < name.size();
        out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(name[++i]))) : name[i];
    }
    return out;
}

// Both spellings -> the field in snake_case.
const std::unordered_map<std::string, std::string>& fields() {
    static const auto table = [] {
        std::unordered_map<std::string, std::string> names;
        for (const auto name : kFields) {
            names.emplace(name, name);
            names.emplace(camel_case(name), name);
        }
        return names;
    }();
    return table;
}

const Array* find_array(const std::string& key) {
    for (const auto& array : kArrays)
        if (key == array.name || key == camel_case(array.name)) return &array;
    return nullptr;
}

// Builds the value of one entry from events, without the fields that nobody looks at.
class Builder {
public:
    void begin() {
        root_ = nullptr;
        stack_.clear();
        key_ = nullptr;
        skipped_ = 0;
        skip_next_ = false;
    }
    bool finished() const { return stack_.empty() && skipped_ == 0; }
    bool too_deep() const { return stack_.size() > kMostLevels; }
    EnvoyJson take() { return std::move(root_); }

    void key(const std::string& name) {
        if (skipped_ > 0) return;
        const auto found = fields().find(name);
        skip_next_ = found == fields().end();
        if (!skip_next_) key_ = &found->second;
    }
    template <class T>
    void value(T&& value) {
        if (skipped_ > 0) return;
        if (skip_next_)
            skip_next_ = false;
        else
            place(std::forward<T>(value));
    }
    void open(EnvoyJson::value_t kind) {
        if (skipped_ > 0 || skip_next_) {
            ++skipped_;
            skip_next_ = false;
        } else {
            stack_.push_back(place(EnvoyJson(kind)));
        }
    }
    void close() {
        if (skipped_ > 0)
            --skipped_;
        else
            stack_.pop_back();
    }

private:
    template <class T>
    EnvoyJson* place(T&& value) {
        if (stack_.empty()) {
            root_ = std::forward<T>(value);
            return &root_;
        }
        EnvoyJson& parent = *stack_.back();
        if (parent.is_array()) {
            parent.push_back(std::forward<T>(value));
            return &parent.back();
        }
        EnvoyJson& slot = parent[*key_];
        slot = std::forward<T>(value);
        return &slot;
    }

    EnvoyJson root_;
    std::vector<EnvoyJson*> stack_;  // open containers; the innermost is the only one that grows, so none moves
    const std::string* key_ = nullptr;
    std::size_t skipped_ = 0;  // open containers within what is skipped
    bool skip_next_ = false;
};

// { "configs": [ { "@type": ..., "dynamic_listeners": [ ENTRY, ... ] } ] }: depth 1, 2, 3, 4 and the entry at 5.
class Splitter {
public:
    using number_integer_t = EnvoyJson::number_integer_t;
    using number_unsigned_t = EnvoyJson::number_unsigned_t;
    using number_float_t = EnvoyJson::number_float_t;
    using string_t = EnvoyJson::string_t;
    using binary_t = EnvoyJson::binary_t;

    explicit Splitter(const EntrySink& sink) : sink_(sink) {}

    bool null() { return scalar(nullptr); }
    bool boolean(bool value) { return scalar(value); }
    bool number_integer(number_integer_t value) { return scalar(value); }
    bool number_unsigned(number_unsigned_t value) { return scalar(value); }
    bool number_float(number_float_t value, const string_t&) { return scalar(value); }
    bool binary(binary_t&) { return true; }
    bool string(string_t& value) {
        if (!building_ && depth_ == 3 && part_ == "@type") type(value);
        if (!building_ && depth_ == 3 && (part_ == "version_info" || part_ == "versionInfo") && value.size() < 256)
            facts.versions[kind_] = value;
        return scalar(std::move(value));
    }
    bool start_object(std::size_t) { return open(EnvoyJson::value_t::object); }
    bool start_array(std::size_t) { return open(EnvoyJson::value_t::array); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }

    bool key(string_t& name) {
        if (building_) {
            builder_.key(name);
        } else if (depth_ == 1) {
            in_configs_ = name == "configs";
        } else if (depth_ == 3 && in_configs_) {
            part_ = name;
            array_ = find_array(name);
            index_ = 0;
        } else if (depth_ == 4) {
            node_ = part_ == "bootstrap" && name == "node";
        }
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& exception) {
        position_ = position;
        // "[json...] parse error at line 1, column 2: what; last read: '...'", the last part as long as the token.
        std::string_view text = exception.what();
        if (const auto from = text.find(": "); from != std::string_view::npos) text.remove_prefix(from + 2);
        error = std::string(text.substr(0, std::min<std::size_t>(text.find("; last read"), 200)));
        return false;
    }

    std::string error;
    std::size_t position_ = 0;
    DumpFacts facts;
    bool saw_configs = false;

private:
    template <class T>
    bool scalar(T&& value) {
        if (building_) {
            builder_.value(std::forward<T>(value));
            return true;
        }
        if (depth_ == 0) return fail("a lone value; expected Envoy's config_dump, an object with \"configs\"");
        if (depth_ == 4 && array_ && array_->used) return fail(place() + ": no object; expected an entry");
        return true;
    }

    bool open(EnvoyJson::value_t kind) {
        ++depth_;
        if (building_) {
            builder_.open(kind);
            return !builder_.too_deep() || fail(place() + ": nested too deeply; expected at most 200 levels");
        }
        const bool object = kind == EnvoyJson::value_t::object;
        if (depth_ == 1 && !object) return fail("a list; expected Envoy's config_dump, an object with \"configs\"");
        if (depth_ == 2 && in_configs_ && object) return fail("configs: an object; expected a list");
        if (depth_ == 2 && in_configs_) saw_configs = true;
        if (depth_ == 3 && in_configs_) {
            ++config_;
            if (!object) return fail("configs[" + std::to_string(config_) + "]: a list; expected an object");
            part_.clear();
            array_ = nullptr;
        }
        if (depth_ == 4) node_ = false;
        if (depth_ == 4 && array_ && object) return fail(place() + ": an object; expected a list");
        if (depth_ != 5 || !in_configs_ || !((array_ && array_->used) || node_)) return true;
        if (array_ && !object) return fail(place() + ": a list; expected an entry");
        building_ = true;
        builder_.begin();
        builder_.open(kind);
        return true;
    }

    bool close() {
        --depth_;
        if (!building_) return true;
        builder_.close();
        if (!builder_.finished()) return true;
        building_ = false;
        Entry entry{array_ ? array_->kind : EntryKind::kNode, place(), builder_.take()};
        ++facts.entries;
        if (array_) ++index_;
        node_ = false;
        const std::string wrong = sink_(std::move(entry));
        return wrong.empty() || fail(wrong);
    }

    void type(const std::string& url) {
        const auto name = url.substr(std::min(url.size(), url.find_last_of("./") + 1));
        kind_ = std::string(name.substr(0, name.find("ConfigDump")));
        const bool known = std::find(std::begin(kKnownParts), std::end(kKnownParts), name) != std::end(kKnownParts);
        if (!known || url.find(".v2") != std::string::npos) facts.unknown_types.push_back(url);
    }

    std::string place() const {
        std::string text = "configs[" + std::to_string(config_) + "]." + part_;
        return array_ ? text + "[" + std::to_string(index_) + "]" : text + ".node";
    }

    bool fail(std::string text) {
        error = std::move(text);
        return false;
    }

    const EntrySink& sink_;
    Builder builder_;
    bool building_ = false;
    int depth_ = 0;
    bool in_configs_ = false;
    int config_ = -1;
    std::string kind_;              // of configs[i]: "Listeners"
    std::string part_;              // key within configs[i]
    const Array* array_ = nullptr;  // the list of entries that is open
    std::size_t index_ = 0;
    bool node_ = false;
};

// What nlohmann wants to read from.
class Cursor {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    Cursor() = default;
    explicit Cursor(ByteSource& source) : source_(&source) { ++*this; }
    reference operator*() const { return byte_; }
    Cursor& operator++() {
        const int next = source_->next();
        if (next < 0) source_ = nullptr;
        byte_ = static_cast<char>(next);
        return *this;
    }
    Cursor operator++(int) {
        Cursor before = *this;
        ++*this;
        return before;
    }
    friend bool operator!=(const Cursor& a, const Cursor& b) { return a.source_ != b.source_; }

private:
    ByteSource* source_ = nullptr;
    char byte_ = 0;
};

}  // namespace

base::Result<DumpFacts> read_entries(ByteSource& source, const std::string& name, const EntrySink& sink) {
    const auto invalid = [&](const std::string& text) {
        return base::fail(name + ": " + text, base::ExitCode::kConfigInvalid);
    };
    Splitter splitter(sink);
    const Cursor begin(source);
    if (begin != Cursor() && *begin == '<') return invalid("HTML; expected Envoy's config_dump, which is JSON");
    const bool whole = EnvoyJson::sax_parse(begin, Cursor(), &splitter);
    if (!source.error().empty()) return invalid(source.error());
    if (!whole && splitter.position_ > 0)
        return invalid("JSON, byte " + std::to_string(splitter.position_) + ": " + splitter.error);
    if (!whole) return invalid(splitter.error);
    if (!splitter.saw_configs) return invalid("no \"configs\"; expected Envoy's config_dump");
    return std::move(splitter.facts);
}

}  // namespace shunt::importer
