// SPDX-License-Identifier: Apache-2.0
#include "load.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "harness/address.h"
#include "harness/error.h"

namespace shunt::soak {
namespace {

using namespace std::chrono_literals;
using harness::BatchResult;

constexpr unsigned kHaproxyBatch = 25;

// "direct <local> from <peer>": is that the destination, and did HAProxy make the connection?
void judge(const std::string& line, const std::string& destination, const std::string& source, BatchResult& result) {
    const auto begin = "direct " + destination + " from " + source + ":";
    if (line.empty())
        ++result.silent;
    else if (line.rfind(begin, 0) == 0)
        ++result.ok;
    else if (result.wrong++ == 0)
        result.first_wrong = destination + ": " + line;
}

std::string haproxy_batch(const std::string& source, unsigned& next) {
    BatchResult result;
    for (unsigned i = 0; i < kHaproxyBatch; ++i, ++next) {
        const auto destination = "10." + std::to_string(next % 200 + 1) + ".4." + std::to_string(next % 250 + 1) +
                                 (next % 2 == 0 ? ":80" : ":9080");
        const harness::Dial dial{.destination = destination,
                                 .family = next % 3 == 0 ? harness::Family::kMapped : harness::Family::kV4};
        const harness::Fd fd(harness::open_socket(dial));
        if (!fd) {
            ++result.errors["socket " + harness::error_name(errno)];
            continue;
        }
        const auto outcome = harness::talk(fd.get(), dial, harness::connect_socket(fd.get(), dial));
        if (outcome.error != 0) {
            ++result.errors["connect " + harness::error_name(outcome.error)];
            continue;
        }
        ++result.connected;
        judge(outcome.line, destination, source, result);
    }
    return nlohmann::json{{"connected", result.connected}, {"ok", result.ok},         {"wrong", result.wrong},
                          {"silent", result.silent},       {"errors", result.errors}, {"first", result.first_wrong}}
        .dump();
}

BatchResult from_text(const std::string& text) {
    const auto json = nlohmann::json::parse(text);
    BatchResult result;
    result.connected = json.at("connected");
    result.ok = json.at("ok");
    result.wrong = json.at("wrong");
    result.silent = json.at("silent");
    result.errors = json.at("errors");
    result.first_wrong = json.at("first");
    return result;
}

}  // namespace

pid_t Load::add_probe(const std::string& name, const harness::Placement& place, const harness::Batch& batch) {
    auto& dialer = dialers_.emplace_back(place);
    const auto pid = dialer.pid();
    start(name, [&dialer, batch] { return dialer.run(batch); });
    return pid;
}

void Load::add_haproxy(const std::string& name, const harness::Placement& place, const std::string& source) {
    auto& child = children_.emplace_back(place, [source](int control) {
        for (unsigned next = 0; !harness::receive_text(control).empty();)
            harness::send_text(control, haproxy_batch(source, next));
    });
    start(name, [&child] { return from_text(child.ask("next")); });
}

void Load::start(const std::string& name, Step step) {
    auto& stream = streams_.emplace_back();
    stream.name = name;
    threads_.emplace_back([this, &stream, step = std::move(step)] { run(stream, step); });
}

void Load::run(Stream& stream, const Step& step) {
    auto last = std::chrono::steady_clock::now();
    unsigned pauses = pauses_;
    while (!stop_) {
        while (pausing_ && !stop_) std::this_thread::sleep_for(1ms);
        const std::shared_lock running(gate_);
        const auto begin = Promises::Clock::now();
        BatchResult result;
        try {
            result = step();
        } catch (const std::exception& error) {
            ++result.errors[std::string("harness: ") + error.what()];
            stop_ = true;
        }
        const auto now = std::chrono::steady_clock::now();
        if (result.ok > 0) {
            const auto gap = std::chrono::duration_cast<std::chrono::milliseconds>(now - last);
            if (pauses == pauses_) stream.worst_gap = std::max(stream.worst_gap, gap);
            last = now;
        }
        pauses = pauses_;
        answered_ += result.ok;
        judge(stream, result, begin);
        stream.sum += result;
        // A connect() that is refused at once shall not become a busy loop.
        if (result.ok == 0) std::this_thread::sleep_for(5ms);
    }
}

// "connect ECONNREFUSED" is what the promise is about, without the call.
void Load::judge(const Stream& stream, const BatchResult& result, Promises::Clock::time_point since) {
    for (const auto& [error, times] : result.errors)
        promises_.judge(stream.name, error.starts_with("harness: ") ? error : error.substr(error.rfind(' ') + 1), times,
                        since);
    if (result.silent > 0) promises_.judge(stream.name, Promises::kCut, result.silent, since);
}

std::unique_lock<std::shared_mutex> Load::pause() {
    pausing_ = true;
    std::unique_lock held(gate_);
    ++pauses_;
    pausing_ = false;
    return held;
}

const std::list<Stream>& Load::finish() {
    stop_ = true;
    for (auto& thread : threads_)
        if (thread.joinable()) thread.join();
    return streams_;
}

}  // namespace shunt::soak
