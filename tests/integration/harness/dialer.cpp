// SPDX-License-Identifier: Apache-2.0
#include "harness/dialer.h"

#include <nlohmann/json.hpp>

#include "harness/error.h"

namespace shunt::harness {

namespace {

struct Target {
    SockAddr address;
    std::string token;
};

struct Held {
    Fd fd;
    std::string token;
};

// One connection from begin to end; what went wrong is counted, never thrown.
void connect_once(const Batch& batch, const Target& target, const SockAddr& source, std::vector<Held>& held,
                  BatchResult& result) {
    Fd fd(socket(target.address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto failed = [&](const char* what) { ++result.errors[std::string(what) + " " + error_name(errno)]; };
    if (!fd) return failed("socket");
    const timeval timeout{60, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (source.length != 0) {
        const int one = 1;
        setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(fd.get(), source.get(), source.length) < 0) return failed("bind");
    }
    if (batch.reset) {
        const linger now{1, 0};
        setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    if (connect(fd.get(), target.address.get(), target.address.length) < 0) return failed("connect");
    ++result.connected;
    if (!batch.verify) return;
    if (send(fd.get(), target.token.data(), target.token.size(), MSG_NOSIGNAL) < 0) return failed("send");
    char buffer[256];
    const auto got = recv(fd.get(), buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return failed("recv");  // nobody has ended it: not `silent`
    const std::string answer(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
    if (answer == "ok\n") {
        ++result.ok;
        if (batch.hold) held.push_back({std::move(fd), target.token});
    } else if (answer.rfind("missing", 0) == 0) {
        ++result.missing;
    } else if (answer.empty()) {
        ++result.silent;
    } else if (result.wrong++ == 0) {
        result.first_wrong = target.token + answer;
    }
}

BatchResult perform(const Batch& batch, std::vector<Held>& held) {
    std::vector<Target> targets;
    for (const auto& text : batch.destinations) {
        const auto address = for_family(parse(text), batch.family);
        targets.push_back({address, to_text(address) + "\n"});
    }
    SockAddr source;
    if (!batch.source.empty()) source = for_family(parse(batch.source), batch.family);
    const unsigned first_port = source.length != 0 ? source.port() : 0;
    BatchResult result;
    for (std::uint64_t i = 0; i < batch.count; ++i) {
        if (first_port != 0) source.set_port(first_port + static_cast<unsigned>(i % batch.source_ports));
        connect_once(batch, targets[i % targets.size()], source, held, result);
    }
    return result;
}

BatchResult check_held(const std::vector<Held>& held) {
    BatchResult result;
    result.connected = held.size();
    constexpr std::size_t kAtOnce = 256;  // a byte on its way costs a buffer at either end
    for (std::size_t begin = 0; begin < held.size(); begin += kAtOnce) {
        const auto end = std::min(begin + kAtOnce, held.size());
        for (auto i = begin; i < end; ++i) {
            if (send(held[i].fd.get(), "?", 1, MSG_NOSIGNAL) < 0) ++result.errors["send " + error_name(errno)];
        }
        for (auto i = begin; i < end; ++i) {
            char byte = 0;
            if (recv(held[i].fd.get(), &byte, 1, 0) != 1 || byte != '?') {
                ++result.silent;
            } else if (const auto peer = peer_text(held[i].fd.get()) + "\n"; peer == held[i].token) {
                ++result.ok;
            } else if (result.wrong++ == 0) {
                result.first_wrong = held[i].token + "getpeername " + peer;
            }
        }
    }
    return result;
}

BatchResult close_held(std::vector<Held>& held) {
    BatchResult result;
    result.connected = held.size();
    held.clear();
    return result;
}

nlohmann::json to_json(const BatchResult& r) {
    return {{"connected", r.connected},    {"ok", r.ok},         {"wrong", r.wrong},
            {"missing", r.missing},        {"silent", r.silent}, {"errors", r.errors},
            {"first_wrong", r.first_wrong}};
}

void serve(int control) {
    std::vector<Held> held;
    send_text(control, "ready");
    for (;;) {
        const auto text = receive_text(control);
        if (text.empty()) return;
        const auto json = nlohmann::json::parse(text);
        if (json.contains("held")) {
            send_text(control, to_json(json.at("held") == "check" ? check_held(held) : close_held(held)).dump());
            continue;
        }
        Batch batch;
        batch.destinations = json.at("destinations");
        batch.count = json.at("count");
        batch.family = static_cast<Family>(json.at("family").get<int>());
        batch.source = json.at("source");
        batch.source_ports = json.at("source_ports");
        batch.reset = json.at("reset");
        batch.hold = json.at("hold");
        batch.verify = json.at("verify");
        send_text(control, to_json(perform(batch, held)).dump());
    }
}

}  // namespace

BatchResult& BatchResult::operator+=(const BatchResult& other) {
    connected += other.connected;
    ok += other.ok;
    wrong += other.wrong;
    missing += other.missing;
    silent += other.silent;
    for (const auto& [name, count] : other.errors) errors[name] += count;
    if (first_wrong.empty()) first_wrong = other.first_wrong;
    return *this;
}

std::string to_text(const BatchResult& result) { return to_json(result).dump(); }

Dialer::Dialer(const Placement& place) : child_(place, serve) {
    const auto ready = receive_text(child_.control());
    if (ready != "ready") throw std::runtime_error("dialer: " + ready);
}

void Dialer::start(const Batch& batch) {
    send_text(child_.control(), nlohmann::json{{"destinations", batch.destinations},
                                               {"count", batch.count},
                                               {"family", static_cast<int>(batch.family)},
                                               {"source", batch.source},
                                               {"source_ports", batch.source_ports},
                                               {"reset", batch.reset},
                                               {"hold", batch.hold},
                                               {"verify", batch.verify}}
                                    .dump());
}

void Dialer::start_check_held() { send_text(child_.control(), R"({"held": "check"})"); }
void Dialer::start_close_held() { send_text(child_.control(), R"({"held": "close"})"); }

BatchResult Dialer::wait() {
    const auto text = receive_text(child_.control());
    if (text.empty() || text[0] != '{') throw std::runtime_error("dialer: " + text);
    const auto json = nlohmann::json::parse(text);
    BatchResult result;
    result.connected = json.at("connected");
    result.ok = json.at("ok");
    result.wrong = json.at("wrong");
    result.missing = json.at("missing");
    result.silent = json.at("silent");
    result.errors = json.at("errors");
    result.first_wrong = json.at("first_wrong");
    return result;
}

BatchResult run_in_parallel(const Placement& place, Batch batch, unsigned processes) {
    std::vector<Dialer> dialers;
    const auto total = batch.count;
    for (unsigned i = 0; i < processes; ++i) dialers.emplace_back(place);
    for (unsigned i = 0; i < processes; ++i) {
        batch.count = total / processes + (i < total % processes ? 1 : 0);
        dialers[i].start(batch);
    }
    BatchResult sum;
    for (auto& dialer : dialers) sum += dialer.wait();
    return sum;
}

}  // namespace shunt::harness
