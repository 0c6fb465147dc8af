// SPDX-License-Identifier: Apache-2.0
#include "config/document.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <tuple>

#include "base/text.h"

namespace shunt::config {
namespace {

class TreeBuilder : public YAML::EventHandler {
public:
    void OnDocumentStart(const YAML::Mark& mark) override {
        ++documents_;
        if (documents_ == 2) second_ = {mark.line + 1, mark.column + 1, ""};
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(Node::Kind::kNull, mark, "", anchor); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { add(Node::Kind::kRefused, mark, "", 0); }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        add(Node::Kind::kScalar, mark, tag, anchor).text = value;
        if (tag == "!") last_quoted_ = mark;
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Node::Kind::kList, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Node::Kind::kMap, mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

    Node take_root() { return std::move(root_); }
    const std::optional<model::Place>& second_document() const { return second_; }
    const YAML::Mark& last_quoted() const { return last_quoted_; }

private:
    // A map under construction keeps its key here until the value is there.
    struct Frame {
        Node node;
        std::optional<Node> key;
    };

    static Node make(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        Node node;
        node.kind = kind;
        node.line = mark.line + 1;
        node.column = mark.column + 1;
        node.anchored = anchor != 0;
        if (tag != "?" && tag != "!") node.tag = tag;  // what yaml-cpp gives to nodes without a tag
        return node;
    }

    Node& add(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        return place(make(kind, mark, tag, anchor));
    }

    void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        frames_.push_back({make(kind, mark, tag, anchor), std::nullopt});
    }

    void close() {
        Node node = std::move(frames_.back().node);
        frames_.pop_back();
        place(std::move(node));
    }

    Node& place(Node node) {
        if (frames_.empty()) {
            if (documents_ > 1) return ignored_ = std::move(node);
            return root_ = std::move(node);
        }
        Frame& frame = frames_.back();
        if (frame.node.kind == Node::Kind::kList) return frame.node.items.emplace_back(std::move(node));
        if (!frame.key) return frame.key.emplace(std::move(node));
        frame.node.entries.push_back({std::move(*frame.key), std::move(node)});
        frame.key.reset();
        return frame.node.entries.back().value;
    }

    std::vector<Frame> frames_;
    Node root_;
    Node ignored_;
    int documents_ = 0;
    std::optional<model::Place> second_;
    YAML::Mark last_quoted_ = YAML::Mark::null_mark();
};

// yaml-cpp takes the end of the file for a missing closing quote; only the last quoted text can lack one.
bool closes_quote(std::string_view text, const YAML::Mark& mark) {
    if (mark.is_null() || static_cast<std::size_t>(mark.pos) >= text.size()) return true;
    const char quote = text[mark.pos];
    if (quote != '"' && quote != '\'') return true;  // a tag or an anchor comes first, and is refused anyway
    for (std::size_t at = mark.pos + 1; at < text.size(); ++at) {
        if (text[at] == quote) return true;
        if (quote == '"' && text[at] == '\\') ++at;
    }
    return false;
}

// yaml-cpp puts single bytes of the file into its words, also half a character, or the end of the file as a NUL.
std::string printable(const std::string& words) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    for (const char c : words) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f)
            out += c;
        else
            out += std::string("\\x") + kHex[byte >> 4] + kHex[byte & 15];
    }
    return out;
}

// What yaml-cpp's words leave open, said for the mistakes people make.
std::string explain_syntax(const YAML::Exception& error, const std::string& text) {
    std::size_t at = 0;
    for (int line = 0; line < error.mark.line && at != std::string::npos; ++line) {
        at = text.find('\n', at);
        if (at != std::string::npos) ++at;
    }
    std::string_view rest = at == std::string::npos ? std::string_view() : std::string_view(text).substr(at);
    rest = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min<std::size_t>(rest.size(), error.mark.column > 0 ? error.mark.column : 0));
    const bool star = rest.starts_with('*') || error.msg.find("alias") != std::string::npos;
    if (star) return "YAML: * begins an alias, which is not supported; expected \"*\" in quotes";
    static const std::pair<std::string_view, const char*> kWords[] = {
        {YAML::ErrorMsg::END_OF_MAP,
         "this does not continue the map above; expected a key in the column of its first key, or the end of the line"},
        {YAML::ErrorMsg::END_OF_SEQ,
         "this does not continue the list above; expected \"- \" in the column of its first item"},
        {YAML::ErrorMsg::END_OF_MAP_FLOW, "the map is not closed; expected } or a comma"},
        {YAML::ErrorMsg::END_OF_SEQ_FLOW, "the list is not closed; expected ] or a comma"},
        {YAML::ErrorMsg::UNKNOWN_TOKEN, "a character that begins no value; expected the text in quotes"},
    };
    for (const auto& [words, better] : kWords) {
        if (error.msg == words) return std::string("YAML: ") + better;
    }
    return "YAML: " + printable(error.msg) + "; expected well-formed YAML";
}

bool plain_name(const std::string& key) {
    return !key.empty() &&
           std::all_of(key.begin(), key.end(), [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
}

void check_node(Node& node, const std::string& path, Problems& problems);

void check_properties(const Node& node, const model::Place& place, Problems& problems) {
    if (node.anchored) problems.error(place, "YAML anchors are not supported; expected no &NAME");
    if (!node.tag.empty())
        problems.error(place, "YAML tag " + base::quoted(node.tag) + " is not supported; expected no tag");
}

void check_keys(Node& node, const std::string& path, Problems& problems) {
    std::map<std::string, int> seen;  // key -> line
    for (auto& [key, value] : node.entries) {
        const model::Place place{key.line, key.column, path};
        if (key.kind != Node::Kind::kScalar) {
            problems.error(place, key.kind == Node::Kind::kRefused
                                      ? "YAML aliases are not supported; expected a name as key"
                                      : "a key that is not text; expected a name");
            key.kind = value.kind = Node::Kind::kRefused;
            continue;
        }
        const model::Place named{key.line, key.column, child_path(path, key.text)};
        check_properties(key, named, problems);
        // yaml-cpp gives a missing value the place of whatever comes next.
        if (value.kind == Node::Kind::kNull) std::tie(value.line, value.column) = std::pair(key.line, key.column);
        if (key.text == "<<") {
            problems.error(named, "merge keys are not supported; expected every key written out");
            key.kind = Node::Kind::kRefused;
        } else if (const auto [first, is_new] = seen.emplace(key.text, key.line); !is_new) {
            problems.error(named, "duplicate key, first given in line " + std::to_string(first->second) +
                                      "; expected each key once");
            key.kind = Node::Kind::kRefused;
        }
        check_node(value, named.path, problems);
    }
}

void check_node(Node& node, const std::string& path, Problems& problems) {
    const model::Place place{node.line, node.column, path};
    if (node.kind == Node::Kind::kRefused)
        problems.error(place,
                       "YAML aliases are not supported; expected the value written out (the text \"*\" needs quotes)");
    check_properties(node, place, problems);
    for (std::size_t i = 0; i < node.items.size(); ++i) check_node(node.items[i], child_path(path, i), problems);
    check_keys(node, path, problems);
}

}  // namespace

std::string child_path(const std::string& path, const std::string& key) {
    const std::string shown = plain_name(key) ? key : base::quoted(key);
    return path.empty() ? shown : path + "." + shown;
}

std::string child_path(const std::string& path, std::size_t index) { return path + "[" + std::to_string(index) + "]"; }

std::optional<Node> parse_document(const std::string& text, Problems& problems) {
    std::istringstream stream(text);
    TreeBuilder builder;
    try {
        YAML::Parser parser(stream);
        while (!builder.second_document() && parser.HandleNextDocument(builder)) {
        }
    } catch (const YAML::DeepRecursion& error) {
        problems.error({error.mark.line + 1, error.mark.column + 1, ""},
                       "YAML: nested too deeply; expected at most 500 levels");
        return std::nullopt;
    } catch (const YAML::Exception& error) {
        problems.error({error.mark.line + 1, error.mark.column + 1, ""}, explain_syntax(error, text));
        return std::nullopt;
    }
    if (const auto& mark = builder.last_quoted(); !closes_quote(text, mark)) {
        problems.error({mark.line + 1, mark.column + 1, ""},
                       "YAML: the quote is not closed; expected the same quote again");
        return std::nullopt;
    }
    Node root = builder.take_root();
    if (builder.second_document())
        problems.error(*builder.second_document(), "a second YAML document; expected one document in a file");
    check_node(root, "", problems);
    return root;
}

}  // namespace shunt::config
