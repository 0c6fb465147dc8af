// SPDX-License-Identifier: Apache-2.0
#include "importer/istio_flags.h"

#include <algorithm>

#include "base/text.h"

namespace shunt::importer {
namespace {

std::string nearest_flag(const std::string& written) {
    std::vector<std::string> names;
    for (const auto& setting : istio_settings()) {
        if (!setting.flag) continue;
        names.push_back("--" + std::string(setting.name));
        if (setting.short_flag != 0) names.push_back(std::string("-") + setting.short_flag);
    }
    return base::did_you_mean(written, {names.begin(), names.end()});
}

std::string nearest_variable(const std::string& written) {
    std::vector<std::string> names;
    for (const auto& setting : istio_settings()) names.push_back(environment_name(setting));
    return base::did_you_mean(written, {names.begin(), names.end()});
}

class Reader {
public:
    explicit Reader(const std::vector<std::string>& words) : words_(words) {}

    void read() {
        skip_command();
        for (; at_ < words_.size(); ++at_) {
            const std::string& word = words_[at_];
            if (word == "--")
                error("unexpected \"--\"; expected flags alone");
            else if (word.starts_with("--"))
                long_flag(word);
            else if (word.size() > 1 && word[0] == '-')
                short_flags(word);
            else
                variable(word);
        }
    }

    std::string errors;
    IstioSettings flags;
    IstioSettings variables;

private:
    void error(const std::string& text) { errors += (errors.empty() ? "" : "\n") + text; }

    void skip_command() {
        const auto is = [&](std::string_view name) {
            if (at_ >= words_.size()) return false;
            const std::string_view word = words_[at_];
            return word == name || word.ends_with("/" + std::string(name));
        };
        if (is("pilot-agent")) ++at_;
        if (is("istio-iptables") || is("istio-iptables.sh")) ++at_;
    }

    // Takes the value from `inlined`, or the next word.
    void give(const IstioSetting& setting, const std::string& written, const std::optional<std::string>& inlined) {
        if (setting.boolean) {
            const auto value = inlined ? parse_go_bool(*inlined) : true;
            if (!value) return error(written + ": " + base::quoted(*inlined) + "; expected true or false");
            flags.give(setting, {*value ? "true" : "false", written});
        } else if (inlined) {
            flags.give(setting, {*inlined, written});
        } else if (at_ + 1 < words_.size()) {
            flags.give(setting, {words_[++at_], written});
        } else {
            error(written + ": its value is missing");
        }
    }

    void long_flag(const std::string& word) {
        const auto equals = word.find('=');
        const std::string written = word.substr(0, equals);
        const IstioSetting* setting = find_flag(std::string_view(written).substr(2));
        if (!setting) {
            error("unknown flag " + base::quoted(written) + nearest_flag(written));
            // Its value is not wrong too.
            if (equals == std::string::npos && at_ + 1 < words_.size() && !words_[at_ + 1].starts_with('-')) ++at_;
            return;
        }
        give(*setting, written,
             equals == std::string::npos ? std::nullopt : std::optional<std::string>(word.substr(equals + 1)));
    }

    // -p15001, -p=15001, -p 15001, and -nf for two booleans.
    void short_flags(const std::string& word) {
        for (std::size_t i = 1; i < word.size(); ++i) {
            const std::string written = std::string("-") + word[i];
            const IstioSetting* setting = find_flag(word[i]);
            if (!setting) return error("unknown flag " + base::quoted(written) + nearest_flag(written));
            const std::string rest = word.substr(i + 1);
            if (rest.starts_with('=')) return give(*setting, written, rest.substr(1));
            if (!setting->boolean) return give(*setting, written, rest.empty() ? std::nullopt : std::optional(rest));
            give(*setting, written, std::nullopt);
        }
    }

    void variable(const std::string& word) {
        const auto equals = word.find('=');
        if (equals == std::string::npos || equals == 0)
            return error("unexpected argument " + base::quoted(word) +
                         "; expected a flag of istio-iptables, or NAME=VALUE for its environment");
        const std::string name = word.substr(0, equals);
        const IstioSetting* setting = find_environment(name);
        if (!setting) return error("unknown variable " + base::quoted(name) + nearest_variable(name));
        give_variable(variables, *setting, name, word.substr(equals + 1));
    }

public:
    void give_variable(IstioSettings& to, const IstioSetting& setting, const std::string& name,
                       const std::string& value) {
        if (!setting.boolean) return to.give(setting, {value, name});
        if (value.empty()) return;  // as if it were not set
        const auto meaning = parse_go_bool(value);
        if (!meaning) return error(name + ": " + base::quoted(value) + "; expected true or false");
        to.give(setting, {*meaning ? "true" : "false", name});
    }

private:
    const std::vector<std::string>& words_;
    std::size_t at_ = 0;
};

}  // namespace

base::Result<IstioSettings> read_istio_flags(const std::vector<std::string>& words, const Environment& environment) {
    Reader reader(words);
    reader.read();
    IstioSettings from_environment;
    if (environment) {
        for (const auto& setting : istio_settings()) {
            const std::string name = environment_name(setting);
            if (const auto value = environment(name)) reader.give_variable(from_environment, setting, name, *value);
        }
    }
    if (!reader.errors.empty()) return base::fail(std::move(reader.errors), base::ExitCode::kUsage);
    IstioSettings all = std::move(from_environment);
    for (const auto* layer : {&reader.variables, &reader.flags})
        for (const auto& [name, given] : layer->all()) all.give(*find_setting(name), given);
    return all;
}

}  // namespace shunt::importer
