// SPDX-License-Identifier: Apache-2.0
// Collects everything that is wrong with one file, to be reported together in the order of the file.
#pragma once

#include <string>
#include <vector>

#include "model/mesh.h"

namespace shunt::config {

class Problems {
public:
    explicit Problems(std::string file) : file_(std::move(file)) {}

    // `message` is "what is wrong; expected ...", in one line.
    void error(const model::Place& place, std::string message) { errors_.push_back({place, std::move(message)}); }
    void warning(const model::Place& place, std::string message) { warnings_.push_back({place, std::move(message)}); }

    bool has_errors() const { return !errors_.empty(); }
    std::vector<std::string> errors() const { return lines(errors_); }
    std::vector<std::string> warnings() const { return lines(warnings_); }

private:
    struct Problem {
        model::Place place;
        std::string message;
    };
    std::vector<std::string> lines(std::vector<Problem> problems) const;

    std::string file_;
    std::vector<Problem> errors_;
    std::vector<Problem> warnings_;
};

}  // namespace shunt::config
