// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics_server.h"

#include <httplib.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernel/fd.h"

namespace shunt::daemon {
namespace {

constexpr const char* kType = "text/plain; version=0.0.4; charset=utf-8";
constexpr int kThreads = 2;
constexpr int kPatienceSeconds = 2;  // with a slow reader, and how long a stop may wait for one

// Only what a controller that ended has left: a file of another kind is somebody's, and a served socket too.
base::Status remove_stale(const std::string& path) {
    struct stat entry {};
    if (lstat(path.c_str(), &entry) != 0) return {};
    if (!S_ISSOCK(entry.st_mode)) return base::fail("metrics at " + path + ": something that is no socket is there");
    const kernel::Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (probe && connect(probe.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
        return base::fail("metrics at " + path + ": another process serves this socket");
    if (unlink(path.c_str()) != 0)
        return tl::unexpected<base::Error>(base::errno_error("metrics at " + path + ": remove the old socket", errno));
    return {};
}

// httplib's default shares the port with whoever asks for it next (SO_REUSEPORT), who would then get half the scrapes.
void set_socket_options(socket_t fd) {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

bool bind_to(httplib::Server& server, const model::MetricsListener& listener) {
    if (!listener.address) {
        server.set_address_family(AF_UNIX);
        const mode_t before = umask(0177);
        const bool bound = server.bind_to_port(listener.path, 80);  // a port is asked for, and has no meaning here
        const int error = errno;
        umask(before);
        errno = error;
        return bound;
    }
    server.set_address_family(listener.address->address.is_v4() ? AF_INET : AF_INET6);
    return server.bind_to_port(base::to_string(listener.address->address), listener.address->port);
}

}  // namespace

std::string to_string(const model::MetricsListener& listener) {
    return listener.address ? "http://" + base::to_string(*listener.address) + "/metrics" : "unix:" + listener.path;
}

MetricsServer::MetricsServer(model::MetricsListener listener, std::unique_ptr<httplib::Server> server)
    : listener_(std::move(listener)), server_(std::move(server)) {}

base::Result<std::unique_ptr<MetricsServer>> MetricsServer::bind(const model::MetricsListener& listener,
                                                                 Render render) {
    if (!listener.address)
        if (auto free = remove_stale(listener.path); !free) return tl::unexpected<base::Error>(free.error());
    auto server = std::make_unique<httplib::Server>();
    server->set_socket_options(set_socket_options);
    server->set_read_timeout(kPatienceSeconds);
    server->set_write_timeout(kPatienceSeconds);
    server->set_payload_max_length(0);
    server->new_task_queue = [] { return new httplib::ThreadPool(kThreads); };  // the server deletes it
    server->Get("/metrics", [render = std::move(render)](const httplib::Request&, httplib::Response& response) {
        if (const auto text = render()) {
            response.set_content(*text, kType);
        } else {
            response.status = 503;
            response.set_content(text.error().message + "\n", "text/plain; charset=utf-8");
        }
    });
    errno = 0;
    if (!bind_to(*server, listener))
        return tl::unexpected<base::Error>(base::errno_error("metrics at " + to_string(listener) + ": bind", errno));
    return std::unique_ptr<MetricsServer>(new MetricsServer(listener, std::move(server)));
}

void MetricsServer::serve() { thread_.start(*server_, "metrics at " + to_string(listener_)); }

MetricsServer::~MetricsServer() {
    thread_.stop();
    if (!listener_.address) unlink(listener_.path.c_str());
}

}  // namespace shunt::daemon
