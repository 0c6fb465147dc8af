// SPDX-License-Identifier: Apache-2.0
// Typed reading of tree nodes. Every function reports what is wrong by itself and then answers with nothing, so that
// one pass finds every problem of a file.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/document.h"
#include "config/keys.h"
#include "config/problems.h"

namespace shunt::config {

// A node and the key path that leads to it.
struct Value {
    const Node* node = nullptr;
    std::string path;
    model::Place place() const { return {node->line, node->column, path}; }
};

// "a list", "no value", "a map", or the text in quotes.
std::string kind_of(const Node& node);

class MapReader {
public:
    // Reports a value that is no map, and every key that is not among `keys`.
    MapReader(Problems& problems, const Value& value, std::span<const std::string_view> keys);
    MapReader(Problems& problems, const Value& value, std::initializer_list<std::string_view> keys)
        : MapReader(problems, value, std::span(keys.begin(), keys.size())) {}

    bool ok() const { return map_; }
    std::optional<Value> get(std::string_view key) const;
    // The same; a key that is absent is an error.
    std::optional<Value> require(std::string_view key, const std::string& expected) const;
    // Where the map begins, with the path of `key` in it.
    model::Place place(std::string_view key) const {
        return {value_.node->line, value_.node->column,
                (value_.path.empty() ? "" : value_.path + ".") + std::string(key)};
    }
    model::Place place() const { return value_.place(); }

private:
    Problems& problems_;
    Value value_;
    bool map_ = false;
};

// `expected` completes "...; expected ".
std::optional<std::string> read_text(Problems& problems, const Value& value, const std::string& expected);
std::optional<std::uint32_t> read_number(Problems& problems, const Value& value, std::uint32_t least,
                                         std::uint32_t most, const std::string& expected);
std::optional<bool> read_bool(Problems& problems, const Value& value);
std::vector<Value> read_list(Problems& problems, const Value& value, const std::string& expected);

// Text through one of base's parsers, whose messages are "what is wrong; expected ...".
template <class Parser>
auto read_parsed(Problems& problems, const Value& value, const std::string& expected, Parser parse) {
    using Parsed = typename decltype(parse(std::string_view{}))::value_type;
    std::optional<Parsed> out;
    if (const auto text = read_text(problems, value, expected)) {
        if (auto parsed = parse(std::string_view(*text)))
            out = std::move(*parsed);
        else
            problems.error(value.place(), parsed.error().message);
    }
    return out;
}

void report_unknown_choice(Problems& problems, const Value& value, const std::string& text,
                           const std::vector<std::string_view>& names);

template <class T>
void read_choice(Problems& problems, const std::optional<Value>& value,
                 std::initializer_list<std::pair<std::string_view, T>> choices, T& out) {
    if (!value) return;
    std::vector<std::string_view> names;
    std::string expected;
    for (const auto& choice : choices) {
        expected += (names.empty()                        ? ""
                     : names.size() + 1 == choices.size() ? " or "
                                                          : ", ") +
                    std::string(choice.first);
        names.push_back(choice.first);
    }
    const auto text = read_text(problems, *value, expected);
    if (!text) return;
    for (const auto& [name, meaning] : choices) {
        if (name == *text) {
            out = meaning;
            return;
        }
    }
    report_unknown_choice(problems, *value, *text, names);
}

// Finds what was given before. `key` is the value in the form in which two of them are the same.
template <class Key>
class Unique {
public:
    explicit Unique(Problems& problems) : problems_(problems) {}
    // False, and reported, where it is not the first.
    bool add(const Key& key, const model::Place& place, const std::string& what) {
        const auto [first, is_new] = seen_.emplace(key, place);
        if (!is_new)
            problems_.error(place, "duplicate of " + first->second.path + ": " + what + "; expected each only once");
        return is_new;
    }

private:
    Problems& problems_;
    std::map<Key, model::Place> seen_;
};

}  // namespace shunt::config
