// SPDX-License-Identifier: Apache-2.0
#include "diagnose/rules.h"

#include <algorithm>
#include <map>
#include <sstream>

namespace shunt::diagnose {
namespace {

constexpr const char* kMasqueradeWhy = "it rewrites the loopback addresses that carry the original destination";
constexpr const char* kDropWhy = "redirected connections have addresses of 127.0.0.0/8 (IPv6: ::1) at both ends";

using Words = std::vector<std::string>;

Words split(const std::string& line) {
    Words words;
    std::istringstream in(line);
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

bool is_loopback_range(const std::string& text) {
    return text.starts_with("127.") || text == "::1" || text.starts_with("::1/");
}

// One "-A" rule: option -> value, "!" before it kept in front of the option.
std::map<std::string, std::string> options_of(const Words& words) {
    std::map<std::string, std::string> options;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (!words[i].starts_with("-")) continue;
        const bool negated = i > 0 && words[i - 1] == "!";
        options[(negated ? "!" : "") + words[i]] = i + 1 < words.size() ? words[i + 1] : "";
    }
    return options;
}

bool only_on_lo(const std::map<std::string, std::string>& options, const char* option) {
    const auto found = options.find(option);
    return found != options.end() && found->second == "lo";
}

bool rewrites(const std::string& target) { return target == "MASQUERADE" || target == "SNAT"; }
bool drops(const std::string& target) { return target == "DROP" || target == "REJECT"; }

// Anything that picks packets keeps the rule from being one for everything; "-o lo" alone picks just the wrong ones.
bool takes_everything(const std::map<std::string, std::string>& options) {
    for (const char* picks : {"-s", "-d", "!-s", "!-d", "!-o", "-p", "!-p"})
        if (options.contains(picks)) return false;
    if (options.contains("-o") && !only_on_lo(options, "-o")) return false;
    const auto match = options.find("-m");
    return match == options.end() || match->second == "comment";
}

bool hits_loopback(const std::map<std::string, std::string>& options) {
    const auto at = [&](const char* option) {
        const auto found = options.find(option);
        return found == options.end() ? std::string() : found->second;
    };
    // "! -s 127/8 -d 127/8", "! -i lo -d 127/8" and "-i eth0 -d 127/8" are usual, right, and miss what is redirected.
    if (is_loopback_range(at("!-s")) || is_loopback_range(at("!-d")) || at("!-i") == "lo" || at("!-o") == "lo")
        return false;
    for (const char* device : {"-i", "-o"})
        if (options.contains(device) && !only_on_lo(options, device)) return false;
    if (const auto source = at("-s"); !source.empty() && !is_loopback_range(source)) return false;
    return is_loopback_range(at("-d")) || is_loopback_range(at("-s"));
}

// nft's words without counters and comments: they select nothing.
Words selecting(const Words& words) {
    Words kept;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "comment") break;
        if (words[i] == "counter") {
            if (i + 4 < words.size() && words[i + 1] == "packets") i += 4;
            continue;
        }
        kept.push_back(words[i]);
    }
    return kept;
}

bool has(const Words& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

bool nft_accepts_lo(const Words& words) {
    return words.size() == 3 &&
           (words[0] == "iif" || words[0] == "iifname" || words[0] == "oif" || words[0] == "oifname") &&
           words[1] == "\"lo\"" && words[2] == "accept";
}

bool nft_drops_loopback(const Words& words) {
    if (!has(words, "drop") && !has(words, "reject")) return false;
    for (const char* picks : {"!=", "iif", "iifname", "oif", "oifname"})
        if (has(words, picks)) return false;
    return words.size() >= 4 && (words[0] == "ip" || words[0] == "ip6") &&
           (words[1] == "daddr" || words[1] == "saddr") && is_loopback_range(words[2]);
}

}  // namespace

std::vector<BreakingRule> judge_iptables(const std::string& saved) {
    std::vector<BreakingRule> found;
    std::map<std::string, bool> accepted;  // chain -> "-i lo -j ACCEPT" stood before
    std::istringstream lines(saved);
    for (std::string line; std::getline(lines, line);) {
        const auto words = split(line);
        if (words.size() < 4 || words[0] != "-A") {
            if (line.starts_with("*")) accepted.clear();
            continue;
        }
        const auto& chain = words[1];
        const auto options = options_of(words);
        const auto jump = options.find("-j");
        if (jump == options.end()) continue;
        if (chain == "POSTROUTING" && rewrites(jump->second) && takes_everything(options))
            found.push_back(
                {line, kMasqueradeWhy, "exclude lo from it: iptables -t nat ... ! -o lo -j " + jump->second});
        if (chain != "INPUT" && chain != "OUTPUT" && chain != "PREROUTING" && chain != "POSTROUTING") continue;
        if (jump->second == "ACCEPT" && options.size() == 3 && (only_on_lo(options, "-i") || only_on_lo(options, "-o")))
            accepted[chain] = true;
        if (drops(jump->second) && !accepted[chain] && hits_loopback(options))
            found.push_back({line, kDropWhy, "let it spare lo: ! -i lo"});
    }
    return found;
}

std::vector<BreakingRule> judge_nft(const std::string& listed) {
    std::vector<BreakingRule> found;
    bool postrouting = false, base_chain = false, accepted = false;
    std::istringstream lines(listed);
    for (std::string line; std::getline(lines, line);) {
        const auto words = selecting(split(line));
        if (words.empty()) continue;
        if (words[0] == "chain" || words[0] == "table") {
            postrouting = base_chain = accepted = false;
        } else if (words[0] == "type") {
            base_chain = true;
            postrouting = has(words, "nat") && has(words, "postrouting");
        } else if (base_chain) {
            const auto shown = line.substr(line.find_first_not_of(" \t"));
            if (nft_accepts_lo(words)) accepted = true;
            if (postrouting && (words[0] == "masquerade" || words[0] == "snat"))
                found.push_back({shown, kMasqueradeWhy, "exclude lo from it: oifname != \"lo\" " + words[0]});
            if (!accepted && nft_drops_loopback(words))
                found.push_back({shown, kDropWhy, "let it spare lo: iifname != \"lo\""});
        }
    }
    return found;
}

}  // namespace shunt::diagnose
