// SPDX-License-Identifier: Apache-2.0
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "harness/address.h"
#include "harness/error.h"
#include "harness/listen.h"
#include "harness/servers.h"

namespace shunt::harness {

namespace {

constexpr int kOriginalDst = 80;  // SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST

// The original destination, or "errno:<number>".
std::string ask_level(int fd, int level, const ProbeOptions& options) {
    const auto buffer = options.buffer;
    std::vector<char> bytes(std::max<std::size_t>(buffer, sizeof(sockaddr_storage)));
    socklen_t length = buffer;
    if (getsockopt(fd, level, kOriginalDst, bytes.data(), &length) < 0) return "errno:" + std::to_string(errno);
    SockAddr answer;
    std::memcpy(&answer.storage, bytes.data(), sizeof answer.storage);
    const auto expected = level == SOL_IP ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (length != expected && !(options.kernel_length && length == buffer)) return "length:" + std::to_string(length);
    return to_text(answer);
}

std::string ask_original(int fd, const ProbeOptions& options) {
    if (options.ask == Ask::kSolIp) return ask_level(fd, SOL_IP, options);
    if (options.ask == Ask::kSolIpv6ThenSolIp) {
        const auto first = ask_level(fd, SOL_IPV6, options);
        return first.rfind("errno:", 0) == 0 ? ask_level(fd, SOL_IP, options) : first;
    }
    const bool v4 = local_text(fd)[0] != '[';  // a v4-mapped local address is a v4 one, as in Envoy
    return ask_level(fd, v4 ? SOL_IP : SOL_IPV6, options);
}

class Proxy {
public:
    Proxy(int control, const ProbeOptions& options) : options_(options), control_(control) {
        for (const auto& address : options.listen) listeners_.push_back(listen_on(address, options.share_port));
        resume();
        loop_.add(control_, [this] { command(receive_text(control_)); });
        send_text(control_, "ready");
        loop_.run();
    }

private:
    void resume() {
        for (const auto& listener : listeners_)
            loop_.add(listener.get(), [this, fd = listener.get()] { accept_some(fd); });
    }

    void command(const std::string& text) {
        if (text.empty()) _exit(0);
        if (text == "pause") {
            for (const auto& listener : listeners_) loop_.remove(listener.get());
        } else if (text == "resume") {
            resume();
        } else if (text.rfind("ask ", 0) == 0) {
            std::istringstream words(text.substr(4));
            int ask = 0;
            words >> ask >> options_.buffer;
            options_.ask = static_cast<Ask>(ask);
        }
        const nlohmann::json counts = {{"accepted", counts_.accepted}, {"ok", counts_.ok},
                                       {"wrong", counts_.wrong},       {"missing", counts_.missing},
                                       {"unread", counts_.unread},     {"first_wrong", counts_.first_wrong},
                                       {"held", counts_.held},         {"destinations", counts_.destinations},
                                       {"peers", counts_.peers}};
        send_text(control_, counts.dump());
    }

    void accept_some(int listener) {
        if (options_.accept_delay.count() > 0) std::this_thread::sleep_for(options_.accept_delay);
        SockAddr peer;
        peer.length = sizeof peer.storage;
        const int fd = accept4(listener, peer.get(), &peer.length, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) return;
        ++counts_.accepted;
        const auto original = ask_original(fd, options_);
        const bool missing = original.rfind("errno:", 0) == 0;
        if (counts_.destinations.size() < 2000) ++counts_.destinations[missing ? "-" : original];
        if (counts_.peers.size() < 300) ++counts_.peers[ip_text(peer)];
        if (!options_.verify) {
            if (missing) ++counts_.missing;
            answer_and_close(fd, "proxy " + original + " peer " + to_text(peer) + " local " + local_text(fd));
            return;
        }
        if (!judge(fd, original)) loop_.add(fd, [this, fd, original] { finish(fd, original); });
    }

    void finish(int fd, const std::string& original) {
        loop_.remove(fd);
        if (judge(fd, original)) return;
        ++counts_.unread;
        close(fd);
    }

    // True once the client's token was there and the connection is dealt with.
    bool judge(int fd, const std::string& original) {
        char buffer[256];
        const auto got = recv(fd, buffer, sizeof buffer, 0);
        if (got <= 0 && !(got < 0 && errno == EAGAIN)) {
            ++counts_.unread;
            close(fd);
            return true;
        }
        if (got < 0) return false;
        std::string dialled(buffer, static_cast<std::size_t>(got));
        dialled.resize(dialled.find('\n') == std::string::npos ? dialled.size() : dialled.find('\n'));
        if (original == dialled) {
            ++counts_.ok;
            options_.hold ? hold(fd) : answer_and_close(fd, "ok");
        } else if (original.rfind("errno:", 0) == 0) {
            ++counts_.missing;
            answer_and_close(fd, "missing " + original);
        } else {
            if (counts_.wrong++ == 0) counts_.first_wrong = "dialled " + dialled + ", told " + original;
            answer_and_close(fd, "wrong " + original);
        }
        return true;
    }

    void hold(int fd) {
        ++counts_.held;
        loop_.add(fd, [this, fd] { send_back(fd); });
        // Where the client is gone already, the next read says so.
        [[maybe_unused]] const auto sent = send(fd, "ok\n", 3, MSG_NOSIGNAL);
    }

    void send_back(int fd) {
        char buffer[256];
        const auto got = recv(fd, buffer, sizeof buffer, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got > 0 && send(fd, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL) == got) return;
        loop_.remove(fd);
        close(fd);
        --counts_.held;
    }

    ProbeOptions options_;
    const int control_;
    Loop loop_;
    std::vector<Fd> listeners_;
    ProbeCounts counts_;
};

}  // namespace

ProbeProxy::ProbeProxy(const Sandbox& sandbox, const ProbeOptions& options) : ProbeProxy(sandbox.proxy(), options) {}

ProbeProxy::ProbeProxy(const Placement& place, const ProbeOptions& options)
    : child_(place, [&](int control) { Proxy proxy(control, options); }) {
    const auto ready = receive_text(child_.control());
    if (ready != "ready") throw std::runtime_error("probe proxy: " + ready);
}

ProbeCounts ProbeProxy::counts() const {
    const auto json = nlohmann::json::parse(child_.ask("counts"));
    ProbeCounts counts;
    counts.accepted = json.at("accepted");
    counts.ok = json.at("ok");
    counts.wrong = json.at("wrong");
    counts.missing = json.at("missing");
    counts.unread = json.at("unread");
    counts.held = json.at("held");
    counts.first_wrong = json.at("first_wrong");
    counts.destinations = json.at("destinations");
    counts.peers = json.at("peers");
    return counts;
}

void ProbeProxy::pause() const { child_.ask("pause"); }
void ProbeProxy::resume() const { child_.ask("resume"); }
void ProbeProxy::ask_as(Ask ask, std::uint32_t buffer) const {
    child_.ask("ask " + std::to_string(static_cast<int>(ask)) + " " + std::to_string(buffer));
}

}  // namespace shunt::harness
