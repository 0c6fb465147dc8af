// SPDX-License-Identifier: Apache-2.0
#include "memory_limit.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>
#include <vector>

#include "harness/error.h"

namespace shunt::soak {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLimit = 32u << 20;
constexpr std::size_t kStep = 1u << 20;
constexpr std::size_t kFarBeyond = 16 * kLimit;  // a limit that ends nobody is none

void write_to(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text << std::flush;
    if (!file) throw std::runtime_error("cannot write " + text + " to " + path);
}

std::string content(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// Of the hierarchy of version 1 that has the memory controller; empty where there is none.
std::string v1_mount() {
    std::ifstream mounts("/proc/self/mounts");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string device, point, type, options;
        words >> device >> point >> type >> options;
        if (type == "cgroup" && ("," + options + ",").find(",memory,") != std::string::npos) return point;
    }
    return {};
}

bool lists_memory(const std::string& file) { return (" " + content(file)).find(" memory") != std::string::npos; }

}  // namespace

MemoryLimit::MemoryLimit(std::string directory, bool v2) : directory_(std::move(directory)), v2_(v2) {
    if (mkdir(directory_.c_str(), 0755) < 0 && errno != EEXIST) harness::fail_errno("cgroup " + directory_);
}

MemoryLimit::~MemoryLimit() {
    for (int attempt = 0; rmdir(directory_.c_str()) < 0 && errno == EBUSY && attempt < 200; ++attempt)
        std::this_thread::sleep_for(5ms);
}

std::unique_ptr<MemoryLimit> MemoryLimit::make(const harness::Sandbox& sandbox, std::string& why_not) {
    if (const auto v1 = v1_mount(); !v1.empty()) {
        std::unique_ptr<MemoryLimit> limit(new MemoryLimit(v1 + "/" + sandbox.name(), false));
        write_to(limit->directory_ + "/memory.limit_in_bytes", std::to_string(kLimit));
        return limit;
    }
    // Enabling a controller for the whole machine is not this test's business; below its own cgroup it is.
    if (!lists_memory(harness::cgroup2_mount() + "/cgroup.subtree_control")) {
        why_not = "no memory controller: neither a hierarchy of its own nor enabled below " + harness::cgroup2_mount();
        return nullptr;
    }
    write_to(sandbox.root_cgroup() + "/cgroup.subtree_control", "+memory");
    std::unique_ptr<MemoryLimit> limit(new MemoryLimit(sandbox.root_cgroup() + "/limited", true));
    write_to(limit->directory_ + "/memory.max", std::to_string(kLimit));
    return limit;
}

void MemoryLimit::add(pid_t pid) const { write_to(directory_ + "/cgroup.procs", std::to_string(pid)); }

std::uint64_t MemoryLimit::hits() const {
    if (!v2_) return std::stoull(content(directory_ + "/memory.failcnt"));
    std::istringstream events(content(directory_ + "/memory.events"));
    std::string name;
    for (std::uint64_t count = 0; events >> name >> count;)
        if (name == "max") return count;
    return 0;
}

// While the memory of one that was ended is not free yet, the kernel looks for another one: those that sleep come
// before the process that dials.
std::uint64_t MemoryLimit::hit() const {
    const auto before = hits();
    const auto sacrifice = [&](const std::function<void(int)>& body) {
        return std::make_unique<harness::Child>(harness::Placement{}, [this, body](int control) {
            write_to("/proc/self/oom_score_adj", "1000");
            write_to(directory_ + "/cgroup.procs", "0");
            body(control);
        });
    };
    std::vector<std::unique_ptr<harness::Child>> next;
    for (int i = 0; i < 3; ++i)
        next.push_back(sacrifice([](int control) {
            harness::send_text(control, "there");
            harness::receive_text(control);
        }));
    for (const auto& child : next) harness::receive_text(child->control());
    const auto hog = sacrifice([](int) {
        for (std::size_t taken = 0; taken < kFarBeyond; taken += kStep) {
            void* at = mmap(nullptr, kStep, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (at == MAP_FAILED) return;
            std::memset(at, 1, kStep);
        }
    });
    harness::receive_text(hog->control());  // which ends with the process
    return hits() - before;
}

}  // namespace shunt::soak
