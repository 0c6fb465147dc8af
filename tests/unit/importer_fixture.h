// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/loader.h"
#include "importer/istio_convert.h"
#include "importer/istio_flags.h"
#include "importer/write_mesh.h"

namespace shunt::test {

// A machine with one user and two groups.
inline importer::Accounts accounts() {
    return {[](const std::string& name) { return name == "envoy" ? std::optional<std::uint32_t>(101) : std::nullopt; },
            [](const std::string& name) {
                return name == "envoy"  ? std::optional<std::uint32_t>(102)
                       : name == "java" ? std::optional<std::uint32_t>(202)
                                        : std::nullopt;
            }};
}

inline base::Result<importer::Imported> import_flags(const std::vector<std::string>& words,
                                                     const importer::Environment& environment = {},
                                                     importer::PodFamily family = importer::PodFamily::kV4OrDual) {
    const auto settings = importer::read_istio_flags(words, environment);
    if (!settings) return tl::unexpected<base::Error>(settings.error());
    return importer::convert_istio(*settings, {{"/mesh"}, "", {}}, family, accounts());
}

// What the configuration says under a key of capture or proxy, as it is written; fails where it is not valid.
inline std::string line_of(const base::Result<importer::Imported>& imported, const std::string& key) {
    if (!imported) return "refused: " + imported.error().message;
    const auto text = importer::write_yaml(imported->mesh, {}, "");
    if (const auto loaded = config::load_text(text, "t.yaml"); !loaded) return "invalid: " + loaded.error().message;
    const auto at = text.find(" " + key + ": ");
    if (at == std::string::npos) return "missing";
    const auto from = at + key.size() + 3;
    return text.substr(from, text.find('\n', from) - from);
}

inline std::string remarks_of(const importer::Imported& imported) {
    std::string text;
    for (const auto& remark : imported.remarks) text += (remark.differs ? "! " : "- ") + remark.text + "\n";
    return text;
}

}  // namespace shunt::test
