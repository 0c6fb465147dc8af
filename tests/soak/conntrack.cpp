// SPDX-License-Identifier: Apache-2.0
#include "conntrack.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <fstream>
#include <vector>

#include "harness/error.h"
#include "harness/fd.h"
#include "harness/netns.h"

namespace shunt::soak {
namespace {

constexpr char kMost[] = "/proc/sys/net/netfilter/nf_conntrack_max";
constexpr std::uint32_t kTooMany = 600'000;  // some 200 MB of the kernel's memory
constexpr std::uint32_t kRoom = 500;
constexpr std::uint32_t kAtOnce = 100;  // messages in one call

// Netlink attributes, nested, at the end of a message that grows.
class Message {
public:
    Message(std::uint16_t type, std::uint16_t flags) {
        put(nlmsghdr{0, static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | type), flags, 0, 0});
        put(nfgenmsg{AF_INET, NFNETLINK_V0, 0});
    }
    template <class Value>
    void attribute(std::uint16_t type, const Value& value) {
        put(nlattr{static_cast<std::uint16_t>(sizeof(nlattr) + sizeof value), type});
        put(value);
        bytes_.resize((bytes_.size() + 3) / 4 * 4);
    }
    template <class Body>
    void nest(std::uint16_t type, Body body) {
        const auto at = bytes_.size();
        put(nlattr{0, static_cast<std::uint16_t>(type | NLA_F_NESTED)});
        body();
        const auto length = static_cast<std::uint16_t>(bytes_.size() - at);
        std::memcpy(bytes_.data() + at, &length, sizeof length);
    }
    const std::vector<char>& done() {
        const auto length = static_cast<std::uint32_t>(bytes_.size());
        std::memcpy(bytes_.data(), &length, sizeof length);
        return bytes_;
    }

private:
    template <class Value>
    void put(const Value& value) {
        const auto* begin = reinterpret_cast<const char*>(&value);
        bytes_.insert(bytes_.end(), begin, begin + sizeof value);
    }
    std::vector<char> bytes_;
};

// The nth flow, of UDP between addresses of the documentation ranges: 2^24 of them are told apart.
void add_tuple(Message& message, std::uint16_t type, std::uint32_t n, bool reply) {
    const std::uint32_t here = htonl(0xc0000200u | (n >> 16 & 0xff)), there = htonl(0xc6336401u);
    const std::uint16_t port = htons(static_cast<std::uint16_t>(n)), other = htons(9);
    message.nest(type, [&] {
        message.nest(CTA_TUPLE_IP, [&] {
            message.attribute(CTA_IP_V4_SRC, reply ? there : here);
            message.attribute(CTA_IP_V4_DST, reply ? here : there);
        });
        message.nest(CTA_TUPLE_PROTO, [&] {
            message.attribute(CTA_PROTO_NUM, static_cast<std::uint8_t>(IPPROTO_UDP));
            message.attribute(CTA_PROTO_SRC_PORT, reply ? other : port);
            message.attribute(CTA_PROTO_DST_PORT, reply ? port : other);
        });
    });
}

// An entry that the kernel does not give up for another one: seen in both directions.
std::vector<char> make_entry(std::uint32_t n) {
    Message message(IPCTNL_MSG_CT_NEW, NLM_F_REQUEST | NLM_F_CREATE);
    add_tuple(message, CTA_TUPLE_ORIG, n, false);
    add_tuple(message, CTA_TUPLE_REPLY, n, true);
    message.attribute(CTA_STATUS, htonl(IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED));
    message.attribute(CTA_TIMEOUT, htonl(86400));
    return message.done();
}

std::vector<char> remove_entry(std::uint32_t n) {
    Message message(IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST);
    add_tuple(message, CTA_TUPLE_ORIG, n, false);
    return message.done();
}

class Table {
public:
    Table() : fd_(harness::check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), "netlink")) {}

    void fill() {
        while (made_ < kTooMany) {
            std::vector<char> some;
            for (std::uint32_t i = 0; i < kAtOnce; ++i) append(some, make_entry(made_ + i));
            made_ += kAtOnce;
            const auto error = ask(some);
            if (error == ENOMEM) return;
            if (error != 0) throw std::runtime_error(std::string("an entry cannot be made: ") + std::strerror(error));
        }
        throw std::runtime_error("the table does not get full");
    }
    // The oldest ones, which are all there.
    void make_room() {
        for (std::uint32_t done = 0; done < kRoom; done += kAtOnce) {
            std::vector<char> some;
            for (std::uint32_t i = 0; i < kAtOnce; ++i) append(some, remove_entry(removed_ + i));
            removed_ += kAtOnce;
            if (const auto error = ask(some); error != 0)
                throw std::runtime_error(std::string("an entry cannot be removed: ") + std::strerror(error));
        }
    }

private:
    static void append(std::vector<char>& all, const std::vector<char>& one) {
        all.insert(all.end(), one.begin(), one.end());
    }
    // The kernel answers within the call, and where nobody asked for a word of success, with errors only.
    int ask(const std::vector<char>& messages) const {
        harness::check(static_cast<int>(send(fd_.get(), messages.data(), messages.size(), 0)), "netlink: send");
        int first = 0;
        alignas(nlmsghdr) std::array<char, 65536> buffer{};
        for (ssize_t got = 0; (got = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;) {
            nlmsghdr header{};
            nlmsgerr error{};
            std::memcpy(&header, buffer.data(), sizeof header);
            std::memcpy(&error, buffer.data() + NLMSG_HDRLEN, sizeof error);
            if (header.nlmsg_type == NLMSG_ERROR && first == 0) first = -error.error;
        }
        return first;
    }

    harness::Fd fd_;
    std::uint32_t made_ = 0, removed_ = 0;
};

void serve(int control) {
    Table table;
    for (std::string word; !(word = harness::receive_text(control)).empty();) {
        if (word == "room")
            table.make_room();
        else
            table.fill();
        harness::send_text(control, "done");
    }
}

}  // namespace

// One rule that asks for the state of a connection has the kernel track all of that namespace.
FullConntrack::FullConntrack(const std::string& netns) : netns_(netns) {
    harness::remove_netns(netns_);
    harness::create_netns(netns_);
    const harness::Placement there{.netns = netns_};
    harness::run_command(there, {"ip", "link", "set", "lo", "up"});
    harness::run_command(there, {"iptables", "-A", "OUTPUT", "-m", "conntrack", "--ctstate", "NEW", "-j", "ACCEPT"});
    child_ = std::make_unique<harness::Child>(there, serve);
    fill();
}

FullConntrack::~FullConntrack() {
    child_.reset();
    harness::remove_netns(netns_);
}

std::unique_ptr<FullConntrack> FullConntrack::make(const std::string& netns, std::string& why_not) {
    std::uint32_t most = 0;
    std::ifstream(kMost) >> most;
    if (most != 0 && most <= kTooMany / 2) return std::unique_ptr<FullConntrack>(new FullConntrack(netns));
    why_not = most == 0 ? "no connection tracking in this kernel"
                        : "connection tracking takes " + std::to_string(most) + " entries, too many to make";
    return nullptr;
}

void FullConntrack::fill() const { child_->ask("fill"); }
void FullConntrack::make_room() const { child_->ask("room"); }

}  // namespace shunt::soak
