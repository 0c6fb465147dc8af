// SPDX-License-Identifier: Apache-2.0
// Findings that may come once for each of a thousand network namespaces: a few are told, the others counted.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "diagnose/finding.h"

namespace shunt::diagnose {

class Alike {
public:
    explicit Alike(Findings& out) : out_(out) {}
    Alike(const Alike&) = delete;
    Alike& operator=(const Alike&) = delete;
    ~Alike();  // tells how many were only counted

    // `kind` says in words what such findings have in common ("nothing listens on 0.0.0.0:15001"); `wider` the same
    // without particulars, taken where there are too many kinds to tell apart.
    void add(const Finding& finding, const std::string& kind, const std::string& wider);

    static constexpr std::size_t kTold = 3;    // of a kind
    static constexpr std::size_t kKinds = 32;  // told apart

private:
    struct Kind {
        Finding last;
        std::size_t count = 0;
    };
    Findings& out_;
    std::map<std::string, Kind> kinds_;
};

}  // namespace shunt::diagnose
