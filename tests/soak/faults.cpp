// SPDX-License-Identifier: Apache-2.0
#include "faults.h"

#include <bpf/bpf.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "harness/error.h"
#include "harness/netns.h"
#include "hostile.h"
#include "lifecycle_fixture.h"

namespace shunt::soak {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using harness::dial;
using harness::Outcome;
using harness::to_text;

harness::ProbeOptions soak_proxy() { return {.listen = {"0.0.0.0:15001", "[::]:15001"}, .verify = true}; }

std::string soak_config(const std::string& lane, const std::string& more) {
    return "proxy:\n  listen: [0.0.0.0:15001, \"[::]:15001\"]\n  identity: { cgroup: /mesh/proxy }\n  lane: " + lane +
           "\ncapture:\n  cgroups: [/mesh]\n" + more +
           "scopes:\n"
           "  - cgroups: [/mesh/ha]\n"
           "    proxy: { listen: 0.0.0.0:15002, identity: { cgroup: /mesh/haproxy }, lane: " +
           lane + " }\n";
}

Faults::Faults(const harness::Sandbox& sandbox, Load& load, harness::RunningShunt& shunt,
               std::unique_ptr<harness::ProbeProxy>& proxy, std::mt19937& random)
    : sandbox_(sandbox), load_(load), shunt_(shunt), proxy_(proxy), random_(random) {
    const auto add = [&](const char* name, void (Faults::*fault)()) {
        all_.emplace_back(name, [this, fault] { (this->*fault)(); });
        happened_[name] = 0;
    };
    add("controller killed", &Faults::controller_killed);
    add("controller killed while it starts", &Faults::controller_killed_starting);
    add("controller replaced in place", &Faults::controller_upgraded);
    add("second controller", &Faults::second_controller);
    add("reload with another policy", &Faults::reload_other_policy);
    add("reload with a broken file", &Faults::reload_broken);
    add("dictionary full", &Faults::dictionary_full);
    add("proxy killed and started", &Faults::proxy_killed);
    add("proxy stopped and continued", &Faults::proxy_stopped);
    add("cgroup made and removed", &Faults::cgroup_comes_and_goes);
    add("namespace made and removed", &Faults::namespace_comes_and_goes);
    add("link detached", &Faults::link_detached);
    add("pin removed", &Faults::pin_removed);
    add("client's option memory used up", &Faults::option_memory_used_up);
    add("SYN flood on the proxy's port", &Faults::syn_flood);
    add("ephemeral ports used up", &Faults::ports_used_up);
}

void Faults::next() {
    auto& [name, fault] = all_[upto(static_cast<unsigned>(all_.size()) - 1)];
    try {
        fault();
        ++happened_[name];
    } catch (const std::exception& error) {
        complaints_.push_back(name + ": " + error.what());
        if (shunt_.pid() <= 0) shunt_.start();
        if (!proxy_) proxy_ = std::make_unique<harness::ProbeProxy>(sandbox_, soak_proxy());
    }
    rest(300);
}

void Faults::rest(unsigned most_ms) { std::this_thread::sleep_for(std::chrono::milliseconds(upto(most_ms))); }

void Faults::expect(bool good, const std::string& complaint) {
    if (!good) complaints_.push_back(complaint);
}

void Faults::expect_captured(const Outcome& outcome, const std::string& what) {
    const bool good = outcome.error == ECONNREFUSED || (outcome.error == 0 && outcome.line.rfind("direct", 0) != 0);
    expect(good, what + ": " + to_text(outcome));
}

int Faults::code(const std::vector<std::string>& words) const {
    return harness::run_process(shunt_.command_line(words)).code;
}

std::string Faults::pins() const {
    for (const auto& entry : fs::directory_iterator(sandbox_.pin_dir())) return entry.path();
    return {};
}

std::uint64_t Faults::proxy_wrong() const {
    const auto counts = proxy_->counts();
    return wrong_ + counts.wrong + counts.missing;
}

void Faults::controller_killed() {
    shunt_.kill9();
    rest(200);
    shunt_.start();
}

// At any instruction between exec and "ready", and some after.
void Faults::controller_killed_starting() {
    shunt_.kill9();
    {
        const harness::Process half(shunt_.command_line({"run", "-c", shunt_.config_path()}));
        std::this_thread::sleep_for(std::chrono::microseconds(upto(250000)));
        half.signal(SIGKILL);
    }
    shunt_.start();
}

void Faults::controller_upgraded() {
    shunt_.stop();
    shunt_.start();
}

void Faults::second_controller() {
    const auto ran = harness::run_process({harness::shunt_binary(), "--pin-dir", sandbox_.pin_dir(), "--run-dir",
                                           sandbox_.directory() + "/run2", "run", "-c", shunt_.config_path()});
    expect(ran.code == 1, "a second controller: " + to_text(ran));
}

void Faults::reload_other_policy() {
    shunt_.reload(soak_config(upto(1) ? "record" : "auto", upto(1) ? "  excludeOutboundPorts: [22, 8000-8010]\n" : ""));
}

void Faults::reload_broken() {
    shunt_.write_config(soak_config("auto", "  nonsense: true\n"));
    const auto refused = code({"reload"});
    shunt_.write_config(soak_config("auto"));
    expect(refused == 3, "reload of a broken file: exit code " + std::to_string(refused));
}

void Faults::dictionary_full() {
    const auto path = pins() + "/shunt_dests";
    const harness::Fd map(harness::check(bpf_obj_get(path.c_str()), path));
    bpf_map_info info{};
    __u32 size = sizeof info;
    harness::check(bpf_obj_get_info_by_fd(map.get(), &info, &size), path);
    const std::vector<char> value(info.value_size);
    std::uint32_t key = 1, filled = 0;  // 1.0.0.0 and up are no tokens
    while (bpf_map_update_elem(map.get(), &key, value.data(), BPF_NOEXIST) == 0) ++key, ++filled;
    for (int i = 0; i < 5; ++i)
        expect_captured(dial(sandbox_.app(), {.destination = "10.77." + std::to_string(upto(250)) + ".9:80",
                                              .source = "0.0.0.0:" + std::to_string(49600 + made_++ % 1400),
                                              .say_destination = true}),
                        "dictionary full");
    for (key = 1; filled > 0; ++key, --filled) bpf_map_delete_elem(map.get(), &key);
}

void Faults::proxy_killed() {
    const auto counts = proxy_->counts();
    wrong_ += counts.wrong + counts.missing;
    proxy_.reset();
    for (int i = 0; i < 3; ++i) {
        const auto outcome = dial(sandbox_.app(), {.destination = "203.0.113.9:80"});
        expect(outcome.error == ECONNREFUSED, "proxy down: " + to_text(outcome));
    }
    proxy_ = std::make_unique<harness::ProbeProxy>(sandbox_, soak_proxy());
}

void Faults::proxy_stopped() {
    harness::signal_process(proxy_->pid(), SIGSTOP);
    rest(400);
    harness::signal_process(proxy_->pid(), SIGCONT);
}

void Faults::cgroup_comes_and_goes() {
    const harness::ScratchCgroup made(sandbox_.app_cgroup() + "/made" + std::to_string(made_++));
    const auto outcome = dial({.netns = sandbox_.client_netns(), .cgroup = made.path()},
                              {.destination = "203.0.113.9:80", .say_destination = true});
    expect(outcome.line == "ok", "a new cgroup: " + to_text(outcome));
}

// Nothing listens there, and a namespace without a proxy is no way out.
void Faults::namespace_comes_and_goes() {
    const auto path = "/run/netns/" + sandbox_.name() + "-n" + std::to_string(made_++);
    harness::create_netns(path);
    const harness::Placement place{.netns = path, .cgroup = sandbox_.app_cgroup()};
    harness::run_command({.netns = path}, {"ip", "link", "set", "lo", "up"});
    const auto outcome = dial(place, {.destination = "203.0.113.9:80"});
    harness::remove_netns(path);
    expect(outcome.error == ECONNREFUSED, "a namespace without a proxy: " + to_text(outcome));
}

// While a connect hook is detached its cgroup is not captured, so nothing is dialled until it is back.
void Faults::link_detached() {
    std::vector<std::string> links;
    for (const auto& entry : fs::directory_iterator(pins() + "/links")) links.push_back(entry.path());
    const auto paused = load_.pause();
    harness::run_process({"bpftool", "link", "detach", "pinned", links[upto(static_cast<unsigned>(links.size()) - 1)]});
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (code({"status"}) != 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(20ms);
    expect(code({"status"}) == 0, "a detached link was not repaired");
}

void Faults::pin_removed() {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(pins()))
        if (!entry.is_directory()) files.push_back(entry.path());
    const auto file = files[upto(static_cast<unsigned>(files.size()) - 1)];
    unlink(file.c_str());
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!fs::exists(file) && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(20ms);
    expect(fs::exists(file), "pin " + file + " did not come back");
}

void Faults::option_memory_used_up() {
    for (const auto& [destination, family] :
         {std::pair{"203.0.113.9:80", harness::Family::kV4}, std::pair{"[2001:db8:9::9]:80", harness::Family::kV6}}) {
        const auto text = harness::run_in(sandbox_.app(), [destination = destination, family = family] {
            const auto outcome =
                dial_without_option_memory({.destination = destination, .family = family, .say_destination = true});
            return outcome.error != 0 ? harness::error_name(outcome.error) : outcome.line;
        });
        expect(text == "ECONNREFUSED" || text == "ok", std::string("option memory used up: ") + text);
    }
}

void Faults::syn_flood() {
    harness::run_in(sandbox_.client_side(), [] {
        flood_with_syns("192.0.2.2", 15001, 3000);
        return std::string();
    });
}

void Faults::ports_used_up() {
    const auto range = [&](const std::string& text) {
        harness::run_in(sandbox_.client_side(), [&] {
            harness::set_sysctl("net/ipv4/ip_local_port_range", text);
            return text;
        });
    };
    range("40000 40003");
    rest(300);
    range("10000 48000");
}

}  // namespace shunt::soak
