// SPDX-License-Identifier: Apache-2.0
// The text format that Prometheus reads, version 0.0.4.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace shunt::telemetry {

using Labels = std::vector<std::pair<std::string, std::string>>;  // names are ours, values may be anything

class Exposition {
public:
    enum class Type { kCounter, kGauge };

    // Samples that follow belong to it. A name may be begun only once: the format wants a family in one piece.
    void family(const std::string& name, Type type, const std::string& help);
    void sample(const Labels& labels, std::integral auto value) { line(labels, std::to_string(value)); }
    void sample(const Labels& labels, double value);

    const std::string& text() const { return text_; }

private:
    void line(const Labels& labels, const std::string& value);

    std::string name_;
    std::string text_;
};

}  // namespace shunt::telemetry
