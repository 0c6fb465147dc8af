// SPDX-License-Identifier: Apache-2.0
// The settings of istio-iptables, whichever way they are given: as flags, environment variables or annotations.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shunt::importer {

enum class Fate {
    kUsed,
    kIgnored,  // accepted; it has no meaning here
    kDiffers,  // accepted, with a warning: shunt does not do that
    kRefused,  // what it asks for cannot be had: no configuration is made
};

struct IstioSetting {
    std::string_view name;  // the long flag; the environment variable is the same in capitals
    char short_flag = 0;
    bool boolean = false;
    bool flag = true;  // false: an environment variable only
    Fate fate = Fate::kUsed;
    std::string_view why = {};         // for all but kUsed
    std::string_view same_as = {};     // another spelling of that setting
    std::string_view annotation = {};  // a pod's, whole
};

std::span<const IstioSetting> istio_settings();
std::string environment_name(const IstioSetting& setting);

// Null where there is none of that name.
const IstioSetting* find_setting(std::string_view name);
const IstioSetting* find_flag(std::string_view long_name);
const IstioSetting* find_flag(char short_name);
const IstioSetting* find_environment(std::string_view name);
const IstioSetting* find_annotation(std::string_view name);

struct Given {
    std::string value;   // "true" or "false" of a boolean
    std::string origin;  // as it was written: "-p", "PROXY_UID", "traffic.sidecar.istio.io/excludeOutboundPorts"
};

// By the name of the setting that counts (same_as is resolved). A later one takes the place of an earlier one.
class IstioSettings {
public:
    void give(const IstioSetting& setting, Given given);
    const Given* find(std::string_view name) const;
    const std::map<std::string, Given, std::less<>>& all() const { return given_; }

private:
    std::map<std::string, Given, std::less<>> given_;
};

// As Go's strconv.ParseBool.
std::optional<bool> parse_go_bool(std::string_view text);

}  // namespace shunt::importer
