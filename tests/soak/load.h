// SPDX-License-Identifier: Apache-2.0
// Connections without a pause, from processes in several places, each of them judged by who answered it.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "harness/child.h"
#include "harness/dialer.h"
#include "promises.h"

namespace shunt::soak {

struct Stream {
    std::string name;
    harness::BatchResult sum;
    std::chrono::milliseconds worst_gap{0};  // between two batches with an answer, that of a pause left out
};

class Load {
public:
    explicit Load(Promises& promises) : promises_(promises) {}
    Load(const Load&) = delete;
    ~Load() { finish(); }

    // Through a ProbeProxy, which judges; DirectServer's answer counts as wrong. The process that dials.
    pid_t add_probe(const std::string& name, const harness::Placement& place, const harness::Batch& batch);
    // Through HAProxy, whose own connections come from `source`: DirectServer says where a connection came from and
    // what it was dialled at.
    void add_haproxy(const std::string& name, const harness::Placement& place, const std::string& source);

    // No connection is under way while this is held: what passes the proxy now is nobody's.
    std::unique_lock<std::shared_mutex> pause();

    std::uint64_t answered() const { return answered_; }
    const std::list<Stream>& finish();  // stops; what each stream has seen

private:
    using Step = std::function<harness::BatchResult()>;
    void start(const std::string& name, Step step);
    void run(Stream& stream, const Step& step);
    void judge(const Stream& stream, const harness::BatchResult& result, Promises::Clock::time_point since);

    Promises& promises_;
    std::list<harness::Dialer> dialers_;
    std::list<harness::Child> children_;
    std::list<Stream> streams_;
    std::vector<std::thread> threads_;
    std::shared_mutex gate_;
    std::atomic<bool> stop_ = false;
    std::atomic<bool> pausing_ = false;
    std::atomic<std::uint64_t> answered_ = 0;
    std::atomic<unsigned> pauses_ = 0;
};

}  // namespace shunt::soak
