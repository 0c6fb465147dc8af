// SPDX-License-Identifier: Apache-2.0
#include "hostile.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <vector>

#include "harness/error.h"
#include "harness/fd.h"

namespace shunt::soak {
namespace {

std::uint16_t checksum(const std::vector<unsigned char>& bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
        sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return htons(static_cast<std::uint16_t>(~sum));
}

template <class Part>
void append(std::vector<unsigned char>& bytes, const Part& part) {
    const auto* begin = reinterpret_cast<const unsigned char*>(&part);
    bytes.insert(bytes.end(), begin, begin + sizeof part);
}

}  // namespace

void flood_with_syns(const std::string& to, unsigned port, unsigned count) {
    const harness::Fd fd(harness::check(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), "raw socket"));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, to.c_str(), &address.sin_addr);
    for (unsigned i = 0; i < count; ++i) {
        iphdr ip{};
        ip.version = 4;
        ip.ihl = 5;
        ip.ttl = 64;
        ip.protocol = IPPROTO_TCP;
        ip.tot_len = htons(sizeof ip + sizeof(tcphdr));
        ip.saddr = htonl(0x64400000u + i % 60000 + 1);  // 100.64.0.0/10
        ip.daddr = address.sin_addr.s_addr;
        tcphdr tcp{};
        tcp.source = htons(static_cast<std::uint16_t>(1024 + i % 60000));
        tcp.dest = htons(static_cast<std::uint16_t>(port));
        tcp.seq = htonl(i);
        tcp.doff = 5;
        tcp.syn = 1;
        tcp.window = htons(1024);
        std::vector<unsigned char> pseudo;
        append(pseudo, ip.saddr);
        append(pseudo, ip.daddr);
        append(pseudo, std::array<std::uint8_t, 2>{0, IPPROTO_TCP});
        append(pseudo, htons(sizeof tcp));
        append(pseudo, tcp);
        tcp.check = checksum(pseudo);
        std::vector<unsigned char> packet;
        append(packet, ip);
        append(packet, tcp);
        // A full queue drops some, as on any machine that is flooded.
        (void)sendto(fd.get(), packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                     sizeof address);
    }
}

harness::Outcome dial_without_option_memory(const harness::Dial& dial) {
    const harness::Fd fd(harness::check(harness::open_socket(dial), "socket"));
    // The largest filter that fits, which lets every packet pass.
    for (std::size_t length = 4096; length > 0; --length) {
        std::vector<sock_filter> program(length, sock_filter{BPF_LD | BPF_IMM, 0, 0, 0});
        program.back() = {BPF_RET | BPF_K, 0, 0, 0xffffffff};
        const sock_fprog filter{static_cast<unsigned short>(length), program.data()};
        if (setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0) break;
    }
    const int error = harness::connect_socket(fd.get(), dial);
    return harness::talk(fd.get(), dial, error);
}

}  // namespace shunt::soak
