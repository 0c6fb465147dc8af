// SPDX-License-Identifier: Apache-2.0
#include "promises.h"

#include <algorithm>
#include <fstream>
#include <regex>
#include <stdexcept>

namespace shunt::soak {
namespace {

using namespace std::chrono_literals;

constexpr char kHeading[] = "## What a connection that fails says";
constexpr auto kAfter = 500ms;  // a fault explains errors for so long after its end

std::string trimmed(const std::string& text) {
    const auto begin = text.find_first_not_of(' ');
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// "`ECONNREFUSED`; `EPERM` where ..." and "end of stream".
std::set<std::string> errors_in(const std::string& cell) {
    static const std::regex name("`(E[A-Z]+)`");
    std::set<std::string> errors;
    for (std::sregex_iterator at(cell.begin(), cell.end(), name), end; at != end; ++at) errors.insert((*at)[1]);
    if (cell.find(Promises::kCut) != std::string::npos) errors.insert(Promises::kCut);
    return errors;
}

}  // namespace

Promises::Promises(const std::string& readme) {
    std::ifstream file(readme);
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("## ")) inside = line == kHeading;
        if (!inside || !line.starts_with("| ")) continue;
        const auto second = line.find('|', 1);
        const auto third = line.find('|', second + 1);
        table_[trimmed(line.substr(1, second - 1))] = errors_in(line.substr(second + 1, third - second - 1));
    }
    if (table_.empty()) throw std::runtime_error(readme + " has no table \"" + kHeading + "\"");
}

void Promises::begin(const std::string& fault, const std::vector<std::string>& states) {
    Fault next{fault, {}, Clock::time_point::max()};
    for (const auto& state : states) {
        const auto row = table_.find(state);
        if (row == table_.end() || row->second.empty())
            throw std::runtime_error("the README promises no errno where \"" + state + "\"");
        next.errors.insert(row->second.begin(), row->second.end());
    }
    const std::lock_guard lock(mutex_);
    faults_.push_back(std::move(next));
    if (faults_.size() > 64) faults_.pop_front();
}

void Promises::end() {
    const std::lock_guard lock(mutex_);
    faults_.back().end = Clock::now() + kAfter;
}

void Promises::judge(const std::string& stream, const std::string& error, std::uint64_t times,
                     Clock::time_point since) {
    const std::lock_guard lock(mutex_);
    const auto cause = std::find_if(faults_.rbegin(), faults_.rend(), [&](const auto& fault) {
        return fault.end >= since && fault.errors.contains(error);
    });
    if (cause != faults_.rend()) {
        explained_[error + " while " + cause->name] += times;
        return;
    }
    std::string around;
    for (const auto& fault : faults_)
        if (fault.end >= since) around += (around.empty() ? " while " : ", ") + fault.name;
    unexplained_[stream + ": " + error + (around.empty() ? " while nothing was wrong" : around)] += times;
}

std::map<std::string, std::uint64_t> Promises::explained() const {
    const std::lock_guard lock(mutex_);
    return explained_;
}

std::vector<std::string> Promises::unexplained() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> lines;
    for (const auto& [line, times] : unexplained_) lines.push_back(line + ", " + std::to_string(times) + " times");
    return lines;
}

}  // namespace shunt::soak
