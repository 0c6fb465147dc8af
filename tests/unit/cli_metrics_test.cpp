// SPDX-License-Identifier: Apache-2.0
// The server that publishes metrics, without a kernel behind it; and what --metrics may be.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <thread>

#include "cli_fixture.h"
#include "config/metrics_listener.h"
#include "daemon/metrics_server.h"

namespace shunt::test {
namespace {

class MetricsServerTest : public CliTest {
protected:
    base::Result<std::unique_ptr<daemon::MetricsServer>> bind(const model::MetricsListener& listener) {
        return daemon::MetricsServer::bind(listener, [this] { return answer_; });
    }

    // What a whole connection brings back for this request.
    static std::string ask(const model::MetricsListener& listener, const std::string& request) {
        sockaddr_un path{};
        path.sun_family = AF_UNIX;
        std::strncpy(path.sun_path, listener.path.c_str(), sizeof path.sun_path - 1);
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        if (listener.address) {
            v4.sin_addr.s_addr = htonl(listener.address->address.v4_host_order());
            v4.sin_port = htons(listener.address->port);
        }
        const bool inet = listener.address.has_value();
        const int fd = socket(inet ? AF_INET : AF_UNIX, SOCK_STREAM, 0);
        const auto* address = inet ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&path);
        if (connect(fd, address, inet ? sizeof v4 : sizeof path) != 0) {
            close(fd);
            return "no connection";
        }
        const std::string whole = request + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        EXPECT_EQ(send(fd, whole.data(), whole.size(), MSG_NOSIGNAL), static_cast<ssize_t>(whole.size()));
        std::string text;
        char buffer[4096];
        for (ssize_t size = 0; (size = recv(fd, buffer, sizeof buffer, 0)) > 0;)
            text.append(buffer, static_cast<std::size_t>(size));
        close(fd);
        return text;
    }

    // A port of 127.0.0.1 that was free a moment ago.
    static std::uint16_t free_port() {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
        close(fd);
        return ntohs(address.sin_port);
    }

    const model::MetricsListener socket_{dir_ + "/metrics.sock", std::nullopt};
    base::Result<std::string> answer_ = std::string("shunt_generation 7\n");
};

TEST_F(MetricsServerTest, ServesASocketOfItsOwnerAndRemovesIt) {
    {
        auto server = bind(socket_);
        ASSERT_TRUE(server) << server.error().message;
        (*server)->serve();
        struct stat entry {};
        ASSERT_EQ(stat(socket_.path.c_str(), &entry), 0);
        EXPECT_EQ(entry.st_mode & 07777, 0600u);
        const auto text = ask(socket_, "GET /metrics");
        EXPECT_TRUE(text.starts_with("HTTP/1.1 200 ")) << text;
        EXPECT_NE(text.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"), std::string::npos) << text;
        EXPECT_TRUE(text.ends_with("\r\n\r\nshunt_generation 7\n")) << text;
    }
    EXPECT_FALSE(std::filesystem::exists(socket_.path));
}

TEST_F(MetricsServerTest, ReadsOnlyAndOnlyMetrics) {
    auto server = bind(socket_);
    ASSERT_TRUE(server);
    (*server)->serve();
    for (const char* request : {"GET /", "GET /v1/status", "POST /metrics", "POST /v1/reload", "DELETE /metrics"})
        EXPECT_TRUE(ask(socket_, request).starts_with("HTTP/1.1 404 ")) << request << ask(socket_, request);
}

TEST_F(MetricsServerTest, AFailureIsNoEmptyAnswer) {
    auto server = bind(socket_);
    ASSERT_TRUE(server);
    (*server)->serve();
    answer_ = base::fail("map shunt_state: gone");
    const auto text = ask(socket_, "GET /metrics");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 503 ")) << text;
    EXPECT_TRUE(text.ends_with("map shunt_state: gone\n")) << text;
}

TEST_F(MetricsServerTest, LoopbackPortIsNotShared) {
    const model::MetricsListener listener{{}, base::SocketAddress{base::Address::v4(0x7f000001), free_port()}};
    auto server = bind(listener);
    ASSERT_TRUE(server) << server.error().message;
    (*server)->serve();
    EXPECT_TRUE(ask(listener, "GET /metrics").ends_with("shunt_generation 7\n"));
    const auto second = bind(listener);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("Address already in use"), std::string::npos) << second.error().message;
    server->reset();
    EXPECT_TRUE(bind(listener)) << "and free again at once";
}

TEST_F(MetricsServerTest, OnlyAStaleSocketIsReplaced) {
    std::ofstream(socket_.path) << "somebody's";
    const auto file = bind(socket_);
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().message.find("no socket"), std::string::npos) << file.error().message;
    EXPECT_TRUE(std::filesystem::exists(socket_.path));
    std::filesystem::remove(socket_.path);
    auto first = bind(socket_);
    ASSERT_TRUE(first);
    (*first)->serve();
    const auto second = bind(socket_);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("another process serves"), std::string::npos) << second.error().message;
    first->reset();
    // As a controller that was killed leaves it: bound by nobody.
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_.path.c_str(), sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    close(fd);
    EXPECT_TRUE(bind(socket_));
}

TEST_F(MetricsServerTest, AClientThatSaysNothingDoesNotKeepOthersOrTheEnd) {
    auto server = bind(socket_);
    ASSERT_TRUE(server);
    (*server)->serve();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_.path.c_str(), sizeof address.sun_path - 1);
    const int silent = socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(connect(silent, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_TRUE(ask(socket_, "GET /metrics").starts_with("HTTP/1.1 200 "));
    server->reset();
    close(silent);
}

TEST(MetricsListener, LoopbackUnlessSaidOtherwise) {
    const auto parse = [](const char* text, config::Reach reach) {
        const auto listener = config::parse_metrics_listener(text, reach, "PERMISSION");
        return listener ? daemon::to_string(*listener) : "error: " + listener.error().message;
    };
    using config::Reach;
    EXPECT_EQ(parse("127.0.0.1:9464", Reach::kLoopback), "http://127.0.0.1:9464/metrics");
    EXPECT_EQ(parse("127.9.9.9:9464", Reach::kLoopback), "http://127.9.9.9:9464/metrics");
    EXPECT_EQ(parse("[::1]:9464", Reach::kLoopback), "http://[::1]:9464/metrics");
    EXPECT_EQ(parse("/run/m.sock", Reach::kLoopback), "unix:/run/m.sock");
    for (const char* far : {"0.0.0.0:9464", "192.0.2.1:9464", "[::]:9464", "[2001:db8::1]:9464"}) {
        EXPECT_NE(parse(far, Reach::kLoopback).find("is not loopback"), std::string::npos) << far;
        EXPECT_NE(parse(far, Reach::kLoopback).find("PERMISSION"), std::string::npos) << far;
        EXPECT_EQ(parse(far, Reach::kBeyond), std::string("http://") + far + "/metrics");
    }
    for (const char* wrong : {"", "9464", "localhost:9464", "metrics.sock", "/run/", "127.0.0.1:0", "127.0.0.1"})
        EXPECT_TRUE(parse(wrong, Reach::kBeyond).starts_with("error: ")) << wrong;
}

TEST(MetricsOption, IsRefusedBeforeAnythingElse) {
    for (const auto& [arguments, word] : std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{"run", "--metrics", "0.0.0.0:9464"}, "--metrics-beyond-loopback"},
             {{"run", "--metrics", "nonsense"}, "path of a socket"},
             {{"run", "--metrics", ""}, "path of a socket"},
             {{"run", "--metrics-beyond-loopback"}, "--metrics"}}) {
        const Ran ran = shunt(arguments);
        EXPECT_EQ(ran.code, 2) << ran.err;
        EXPECT_NE(ran.err.find(word), std::string::npos) << ran.err;
    }
}

}  // namespace
}  // namespace shunt::test
