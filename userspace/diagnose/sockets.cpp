// SPDX-License-Identifier: Apache-2.0
#include "diagnose/sockets.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

namespace shunt::diagnose {
namespace {

constexpr const char* kEstablished = "01";
constexpr const char* kListen = "0A";

// "0100007F:3A99": each 32-bit word of the address as the machine reads it, so bytes are in memory order.
std::optional<base::SocketAddress> parse_end(const std::string& text, bool v6) {
    const std::size_t digits = v6 ? 32 : 8;
    if (text.size() != digits + 5 || text[digits] != ':') return std::nullopt;
    const auto hex = [&](std::size_t from, std::size_t length, std::uint32_t& value) {
        const auto* end = text.data() + from + length;
        const auto read = std::from_chars(text.data() + from, end, value, 16);
        return read.ec == std::errc() && read.ptr == end;
    };
    base::SocketAddress end;
    std::uint32_t port = 0;
    for (std::size_t word = 0; word < digits / 8; ++word) {
        std::uint32_t value = 0;
        if (!hex(word * 8, 8, value)) return std::nullopt;
        std::memcpy(end.address.bytes.data() + (v6 ? word * 4 : 12), &value, 4);
    }
    if (!v6) end.address.bytes[10] = end.address.bytes[11] = 0xff;
    if (!hex(digits + 1, 4, port)) return std::nullopt;
    end.port = static_cast<std::uint16_t>(port);
    return end;
}

// sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode ...
std::optional<Socket> parse_line(const std::string& line, bool v6) {
    std::istringstream words(line);
    std::string number, local, remote, state, skipped;
    Socket socket;
    words >> number >> local >> remote >> state >> skipped >> skipped >> skipped >> socket.uid >> skipped >>
        socket.inode;
    if (!words || (state != kEstablished && state != kListen)) return std::nullopt;
    const auto from = parse_end(local, v6), to = parse_end(remote, v6);
    if (!from || !to) return std::nullopt;
    socket.local = *from;
    socket.remote = *to;
    socket.listening = state == kListen;
    socket.v6 = v6;
    return socket;
}

void read_table(const std::string& path, bool v6, std::vector<Socket>& sockets) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    const auto parsed = parse_sockets(text.str(), v6);
    sockets.insert(sockets.end(), parsed.begin(), parsed.end());
}

}  // namespace

std::vector<Socket> parse_sockets(const std::string& text, bool v6) {
    std::vector<Socket> sockets;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (const auto socket = parse_line(line, v6)) sockets.push_back(*socket);
    return sockets;
}

std::vector<Socket> listeners_of(pid_t pid) {
    std::vector<Socket> listeners;
    for (const bool v6 : {false, true}) {
        std::ifstream file("/proc/" + std::to_string(pid) + (v6 ? "/net/tcp6" : "/net/tcp"));
        std::string line;
        std::getline(file, line);  // the heading
        while (std::getline(file, line)) {
            const auto socket = parse_line(line, v6);
            if (!socket || !socket->listening) break;
            listeners.push_back(*socket);
        }
    }
    return listeners;
}

std::vector<Socket> sockets_of(pid_t pid) {
    std::vector<Socket> sockets;
    const auto net = "/proc/" + std::to_string(pid) + "/net/";
    read_table(net + "tcp", false, sockets);
    read_table(net + "tcp6", true, sockets);
    return sockets;
}

Served judge_listeners(const std::vector<Socket>& sockets, const base::SocketAddress& configured) {
    Served served;
    std::vector<Socket> exact, dual;
    for (const auto& socket : sockets) {
        if (!socket.listening || socket.local.port != configured.port) continue;
        served.listeners.push_back(socket);
        const bool v4 = configured.address.is_v4();
        // A wildcard listener takes connections to every address, a configured single one among them.
        const bool wildcard = socket.local.address.is_unspecified();
        if (socket.v6 != v4 && (wildcard || socket.local.address == configured.address))
            exact.push_back(socket);
        else if (v4 && socket.v6 && (wildcard || socket.local.address == configured.address))
            (wildcard ? dual : exact).push_back(socket);
    }
    if (served.listeners.empty()) return served;
    served.how = !exact.empty() ? Serving::kYes : !dual.empty() ? Serving::kMaybeV6Only : Serving::kElsewhere;
    if (!exact.empty() || !dual.empty()) served.listeners = exact.empty() ? dual : exact;
    return served;
}

}  // namespace shunt::diagnose
