// SPDX-License-Identifier: Apache-2.0
#include "importer/sidecar_envoy.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "harness/error.h"

namespace shunt::importer_test {
namespace {

namespace fs = std::filesystem;
using harness::check;

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

}  // namespace

SidecarEnvoy::SidecarEnvoy(const harness::Sandbox& sandbox, const std::string& catch_all) : sandbox_(sandbox) {
    std::string name = "/tmp/shunt-t-sidecar-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) harness::fail_errno(name);
    directory_ = name;
    for (const auto& file : fs::directory_iterator(SHUNT_BOOKINFO_DIR)) {
        const auto text = replace_all(read_file(file.path()), "@CATCHALL@", catch_all);
        std::ofstream(directory_ + "/" + file.path().filename().string()) << replace_all(text, "@DIR@", directory_);
    }
    auto binary = harness::run_command({}, {SHUNT_SOURCE_DIR "/scripts/envoy.sh", SHUNT_BUILD_DIR});
    while (!binary.empty() && binary.back() == '\n') binary.pop_back();
    child_.emplace(sandbox.proxy(), [&](int) {
        const auto output =
            check(open((directory_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), "log");
        check(dup2(output, STDOUT_FILENO), "dup2");
        check(dup2(output, STDERR_FILENO), "dup2");
        const std::string config = directory_ + "/envoy.yaml";
        execl(binary.c_str(), binary.c_str(), "-c", config.c_str(), "--concurrency", "1", "--disable-hot-restart",
              "--log-level", "warning", nullptr);
        harness::fail_errno(binary);
    });
    wait_until_ready();
}

SidecarEnvoy::~SidecarEnvoy() {
    child_.reset();
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
}

std::string SidecarEnvoy::get(const std::string& path) const {
    return harness::run_command(sandbox_.client_side(),
                                {"curl", "-s", "--max-time", "10", "--noproxy", "*", kAdmin + path});
}

void SidecarEnvoy::wait_until_ready() const {
    for (int i = 0; i < 500; ++i) {
        try {
            if (get("/ready").find("LIVE") != std::string::npos) return;
        } catch (const std::exception&) {  // nobody listens yet
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    throw std::runtime_error("Envoy is not ready after 10 s:\n" + log());
}

std::string SidecarEnvoy::dump() const { return get("/config_dump?include_eds"); }

std::string SidecarEnvoy::log() const { return read_file(directory_ + "/log"); }

void SidecarEnvoy::edit(const std::string& file, const std::string& from, const std::string& to) const {
    const std::string path = directory_ + "/" + file;
    const auto before = read_file(path);
    const auto after = replace_all(before, from, to);
    if (after == before) throw std::runtime_error(file + ": nothing to replace: " + from);
    std::ofstream(path + ".new") << after;
    fs::rename(path + ".new", path);
}

}  // namespace shunt::importer_test
