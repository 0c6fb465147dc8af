// SPDX-License-Identifier: Apache-2.0
// An admin port that is slow, silent, broken or something else.
#include "importer/envoy_fetch.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "importer/envoy.h"
#include "importer_fixture.h"

namespace shunt::test {
namespace {

using namespace std::chrono_literals;

// Takes one connection, reads a request, and gives it to `answer` with the socket.
class Admin {
public:
    explicit Admin(std::function<void(int)> answer) {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(listen(listener_, 4), 0);
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this, answer] {
            const int peer = accept(listener_, nullptr, nullptr);
            if (peer < 0) return;
            char request[4096];
            if (recv(peer, request, sizeof request, 0) > 0) answer(peer);
            close(peer);
        });
    }
    ~Admin() {
        shutdown(listener_, SHUT_RDWR);
        thread_.join();
        close(listener_);
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

private:
    int listener_ = -1, port_ = 0;
    std::thread thread_;
};

bool say(int peer, const std::string& text) { return send(peer, text.data(), text.size(), MSG_NOSIGNAL) > 0; }

// Waits until the other side has gone away.
void hold(int peer) {
    char byte;
    while (recv(peer, &byte, 1, 0) > 0) {
    }
}

const importer::FetchLimits kShort{200ms, 1000ms};

std::string failure(const std::string& url) {
    const auto spool = importer::fetch_dump(url, kShort);
    return spool ? "it was taken" : spool.error().message;
}

TEST(ImportFetch, ASourceThatNeverEndsEnds) {
    auto spool = importer::Spool::create(1000);
    ASSERT_TRUE(spool);
    const std::string some(600, ' ');
    EXPECT_TRUE(spool->append(some.data(), some.size()));
    const auto more = spool->append(some.data(), some.size());
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().message, "more than 1000 bytes; expected a config_dump");
    EXPECT_EQ(importer::Spool::kMostBytes, std::uint64_t{4} << 30);
}

TEST(ImportFetch, TakesWhatIsWhole) {
    Admin admin([](int peer) { say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"configs\":[]}"); });
    const auto spool = importer::fetch_dump(admin.url(), kShort);
    ASSERT_TRUE(spool) << spool.error().message;
    auto bytes = spool->read("dump");
    EXPECT_TRUE(importer::read_envoy(*bytes, "dump"));
    EXPECT_EQ(spool->size(), 14u);
}

TEST(ImportFetch, EqualBytesHaveEqualHashes) {
    std::uint64_t hashes[3];
    for (int i = 0; i < 3; ++i) {
        Admin admin([&](int peer) {
            say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\"a" + std::string(i == 2 ? "c" : "b") + "\"");
        });
        const auto spool = importer::fetch_dump(admin.url(), kShort);
        ASSERT_TRUE(spool) << spool.error().message;
        hashes[i] = spool->hash();
    }
    EXPECT_EQ(hashes[0], hashes[1]);
    EXPECT_NE(hashes[0], hashes[2]);
}

TEST(ImportFetch, Silent) {
    Admin admin(hold);
    EXPECT_NE(failure(admin.url()).find("was silent for 200 ms"), std::string::npos) << failure(admin.url());
}

TEST(ImportFetch, OneByteAtATimeNeverEnds) {
    Admin admin([](int peer) {
        say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        while (say(peer, "x")) std::this_thread::sleep_for(20ms);
    });
    EXPECT_NE(failure(admin.url()).find("not all of it came within 1000 ms"), std::string::npos);
}

TEST(ImportFetch, HeadersThatNeverEnd) {
    Admin admin([](int peer) {
        say(peer, "HTTP/1.1 200 OK\r\n");
        while (say(peer, "X-More: 1\r\n")) std::this_thread::sleep_for(20ms);
    });
    EXPECT_NE(failure(admin.url()).find("not all of it came within 1000 ms"), std::string::npos);
}

TEST(ImportFetch, CutShort) {
    Admin admin([](int peer) { say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"configs\":[]}"); });
    EXPECT_NE(failure(admin.url()).find("it closed the connection early"), std::string::npos);
    Admin chunked(
        [](int peer) { say(peer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ne\r\n{\"configs\":[]}\r\n"); });
    EXPECT_NE(failure(chunked.url()).find("it closed the connection early"), std::string::npos);
}

TEST(ImportFetch, SomethingElse) {
    Admin missing([](int peer) { say(peer, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"); });
    EXPECT_NE(failure(missing.url()).find("answered HTTP 404"), std::string::npos);
    Admin redirect(
        [](int peer) { say(peer, "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"); });
    EXPECT_NE(failure(redirect.url()).find("answered HTTP 302"), std::string::npos);
    Admin other([](int peer) { say(peer, "220 mail.example ESMTP\r\n"); });
    EXPECT_NE(failure(other.url()), "it was taken");
    Admin html(
        [](int peer) { say(peer, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"); });
    const auto spool = importer::fetch_dump(html.url(), kShort);
    auto bytes = spool->read("dump");
    EXPECT_NE(importer::read_envoy(*bytes, "dump").error().message.find("HTML"), std::string::npos);
}

TEST(ImportFetch, Nobody) {
    std::string url;
    {
        url = Admin([](int) {}).url();
    }
    EXPECT_NE(failure(url).find("nobody listens there"), std::string::npos) << failure(url);
}

TEST(ImportFetch, Addresses) {
    for (const char* good : {"http://127.0.0.1:15000", "http://[::1]:15000/", "http://localhost/config_dump"})
        EXPECT_TRUE(importer::check_admin_url(good)) << good;
    for (const char* bad :
         {"", "127.0.0.1:15000", "https://127.0.0.1", "http://", "http:///x", "http://a b", "http://a?x"})
        EXPECT_FALSE(importer::check_admin_url(bad)) << bad;
}

TEST(ImportFetch, StopsAtOnceWhenAsked) {
    Admin admin(hold);
    std::stop_source stop;
    std::thread later([&] {
        std::this_thread::sleep_for(50ms);
        stop.request_stop();
    });
    const auto spool = importer::fetch_dump(admin.url(), {60000ms, 60000ms}, stop.get_token());
    later.join();
    EXPECT_NE(spool.error().message.find("given up"), std::string::npos);
}

}  // namespace
}  // namespace shunt::test
