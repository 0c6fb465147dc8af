// SPDX-License-Identifier: Apache-2.0
// YAML text -> one tree with places. The only file that knows yaml-cpp; its Node class would hide duplicate keys,
// anchors and aliases, so the tree is built from the parser's events.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/problems.h"

namespace shunt::config {

struct Entry;

struct Node {
    enum class Kind { kNull, kScalar, kList, kMap, kRefused };  // kRefused: reported already, not to be looked at
    Kind kind = Kind::kNull;
    int line = 0;
    int column = 0;
    bool anchored = false;
    std::string tag;  // only where one was written
    std::string text;
    std::vector<Node> items;
    std::vector<Entry> entries;
};

struct Entry {
    Node key;
    Node value;
};

// "capture" + "cgroups" -> "capture.cgroups"; keys with other characters than letters, digits, _ and - are quoted.
std::string child_path(const std::string& path, const std::string& key);
std::string child_path(const std::string& path, std::size_t index);

// Nothing where the text is not YAML. Duplicate keys, anchors, aliases, tags, merge keys and second documents are
// reported, the rest of the tree is usable.
std::optional<Node> parse_document(const std::string& text, Problems& problems);

}  // namespace shunt::config
