// SPDX-License-Identifier: Apache-2.0
#include "bench/http_client.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string_view>

#include "bench/policy_set.h"

namespace shunt::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";

// Is this a whole response? Its end is told by its length: waiting for the proxy to close would measure how long a
// proxy waits for us.
bool is_whole(std::string_view response) {
    const auto head = response.find("\r\n\r\n");
    if (head == std::string_view::npos) return false;
    for (auto at = response.find("\r\n"); at < head; at = response.find("\r\n", at + 2)) {
        constexpr std::string_view kName = "content-length:";
        const auto line = response.substr(at + 2, kName.size());
        if (!std::equal(line.begin(), line.end(), kName.begin(), kName.end(),
                        [](unsigned char a, unsigned char b) { return std::tolower(a) == b; }))
            continue;
        const auto length = std::strtoul(response.data() + at + 2 + kName.size(), nullptr, 10);
        return response.size() >= head + 4 + length;
    }
    return true;
}

base::Result<std::string> fetch(const base::SocketAddress& to) {
    const kernel::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return tl::unexpected(base::errno_error("socket", errno));
    const linger reset{1, 0};    // no TIME_WAIT on this side
    const timeval limit{10, 0};  // a proxy on a busy machine may be slow; the figure tells
    setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in sa{};
    sa.sin_family = AF_INET;
    sa.sin_port = htons(to.port);
    sa.sin_addr.s_addr = htonl(to.address.v4_host_order());
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&sa), sizeof sa) != 0)
        return tl::unexpected(base::errno_error("connect to " + base::to_string(to), errno));
    if (send(fd.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kRequest.size()))
        return tl::unexpected(base::errno_error("request to " + base::to_string(to), errno));
    std::string response;
    char buffer[2048];
    for (;;) {
        const auto size = recv(fd.get(), buffer, sizeof buffer, 0);
        if (size < 0) return tl::unexpected(base::errno_error("response of " + base::to_string(to), errno));
        response.append(buffer, static_cast<std::size_t>(size));
        if (size == 0 || is_whole(response)) return response;
    }
}

base::SocketAddress destination_of(bool direct, std::uint64_t seed, std::uint64_t n) {
    auto wanted = destination(PolicySize{}, Family::kV4, seed, n);
    if (!direct) return wanted;
    return {base::Address::v4(0x7f000000 | (wanted.address.v4_host_order() & 0xffffff)), kOutboundPort};
}

base::Result<Words> serve(bool direct, const Words& words) {
    Words answer{0};
    for (std::uint64_t i = 0; i < words[1]; ++i) {
        const auto to = destination_of(direct, words[0], i);
        const auto start = Clock::now();
        const auto response = fetch(to);
        answer.push_back(static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count()));
        if (!response) return tl::unexpected(response.error());
        if (response->find("[" + base::to_string(to) + "]") != std::string::npos) ++answer[0];
    }
    return answer;
}

}  // namespace

base::Result<Worker> start_http_client(const Seat& seat, const std::string& arm, bool direct) {
    return Worker::start(seat, arm + ": client", [direct]() -> base::Result<Worker::Serve> {
        const base::SocketAddress proxy{base::Address::v4(0x7f000001), kOutboundPort};
        const auto start = Clock::now();
        for (auto seen = fetch(proxy); !seen || seen->empty(); seen = fetch(proxy)) {
            if (Clock::now() - start > std::chrono::seconds(20))
                return base::fail("the proxy does not serve" + (seen ? "" : ": " + seen.error().message));
            usleep(10000);
        }
        return Worker::Serve([direct](const Words& words) { return serve(direct, words); });
    });
}

}  // namespace shunt::bench
