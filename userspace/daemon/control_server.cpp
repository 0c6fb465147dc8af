// SPDX-License-Identifier: Apache-2.0
#include "daemon/control_server.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "daemon/mender.h"
#include "daemon/peer_checked_server.h"
#include "daemon/reloader.h"

namespace shunt::daemon {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kJsonType = "application/json";
constexpr std::size_t kMaxBody = std::size_t{64} * 1024;

base::Status make_run_dir(const std::string& run_dir) {
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(run_dir).parent_path(), error);
    if (mkdir(run_dir.c_str(), 0700) != 0 && errno != EEXIST)
        return tl::unexpected<base::Error>(base::errno_error("run directory " + run_dir, errno));
    struct stat entry {};
    if (lstat(run_dir.c_str(), &entry) != 0)
        return tl::unexpected<base::Error>(base::errno_error("run directory " + run_dir, errno));
    if (!S_ISDIR(entry.st_mode) || entry.st_uid != geteuid())
        return base::fail("run directory " + run_dir + ": not a directory of our own user; refusing to use it");
    if ((entry.st_mode & 0077) != 0 && chmod(run_dir.c_str(), 0700) != 0)
        return tl::unexpected<base::Error>(base::errno_error("run directory " + run_dir + ": chmod 0700", errno));
    return {};
}

// A lock on the directory itself tells a living controller's socket from a dead one's, which a connect() cannot do
// without a race, and leaves no file behind.
base::Result<int> lock(const std::string& run_dir) {
    const int fd = open(run_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return tl::unexpected<base::Error>(base::errno_error("run directory " + run_dir, errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    const int error = errno;
    close(fd);
    if (error == EWOULDBLOCK)
        return base::fail("another controller is running: it holds " + run_dir +
                          "; stop it first, or name another --run-dir");
    return tl::unexpected<base::Error>(base::errno_error("run directory " + run_dir + ": lock", error));
}

Json to_json(const sync::ApplyReport& report) {
    return {{"generation", report.generation},
            {"entries", report.entries},
            {"changed", report.changed},
            {"warnings", report.warnings}};
}

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string control_socket(const std::string& run_dir) { return run_dir + "/control.sock"; }

ControlServer::ControlServer(std::string socket_path, int lock_fd)
    : socket_path_(std::move(socket_path)), lock_fd_(lock_fd), server_(std::make_unique<PeerCheckedServer>()) {}

base::Result<std::unique_ptr<ControlServer>> ControlServer::bind(const std::string& run_dir) {
    const std::string path = control_socket(run_dir);
    if (path.size() >= sizeof(sockaddr_un{}.sun_path))
        return base::fail("control socket " + path + ": longer than the " +
                          std::to_string(sizeof(sockaddr_un{}.sun_path) - 1) +
                          " bytes a socket's path may have; choose a shorter --run-dir");
    if (auto made = make_run_dir(run_dir); !made) return tl::unexpected<base::Error>(made.error());
    auto lock_fd = lock(run_dir);
    if (!lock_fd) return tl::unexpected<base::Error>(lock_fd.error());
    std::unique_ptr<ControlServer> control(new ControlServer(path, *lock_fd));
    if (unlink(path.c_str()) != 0 && errno != ENOENT)
        return tl::unexpected<base::Error>(base::errno_error("control socket " + path, errno));
    httplib::Server& server = *control->server_;
    server.set_address_family(AF_UNIX);
    server.set_payload_max_length(kMaxBody);
    server.new_task_queue = [] { return new httplib::ThreadPool(2); };  // the server deletes it
    const mode_t before = umask(0177);
    errno = 0;
    const bool bound = server.bind_to_port(path, 80);  // a port is asked for, and has no meaning on AF_UNIX
    const int error = errno;
    umask(before);
    if (!bound) return tl::unexpected<base::Error>(base::errno_error("control socket " + path + ": bind", error));
    return control;
}

void ControlServer::serve(Reloader& reloader, const Mender& mender) {
    server_->Post("/v1/reload", [&reloader](const httplib::Request&, httplib::Response& response) {
        spdlog::info("reload asked for: reading {} again", reloader.config_file());
        if (const auto report = reloader.reload()) {
            response.set_content(dump(to_json(*report)), kJsonType);
        } else {
            const base::Error& error = report.error();
            response.status = 422;
            response.set_content(
                dump({{"error", error.message}, {"exitCode", static_cast<int>(error.code)}, {"detail", error.detail}}),
                kJsonType);
        }
    });
    server_->Get("/v1/status", [&](const httplib::Request&, httplib::Response& response) {
        auto status = reloader.status();
        mender.add_to(status);
        response.set_content(dump(status), kJsonType);
    });
    thread_.start(*server_, "control socket " + socket_path_);
}

void ControlServer::stop() {
    thread_.stop();
    if (lock_fd_ < 0) return;
    unlink(socket_path_.c_str());
    close(lock_fd_);
    lock_fd_ = -1;
}

ControlServer::~ControlServer() { stop(); }

}  // namespace shunt::daemon
