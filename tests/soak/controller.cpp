// SPDX-License-Identifier: Apache-2.0
#include "faults.h"

#include <bpf/bpf.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "lifecycle_fixture.h"

namespace shunt::soak {

namespace fs = std::filesystem;

namespace {

bool is_attached(const std::string& pin) {
    const harness::Fd link(bpf_obj_get(pin.c_str()));
    bpf_link_info info{};
    __u32 size = sizeof info;
    return link && bpf_obj_get_info_by_fd(link.get(), &info, &size) == 0 && info.cgroup.cgroup_id != 0;
}

}  // namespace

void Faults::controller_killed() {
    shunt_.kill9();
    rest(200);
    shunt_.start();
}

// At any instruction between exec and "ready", and some after; of either build, so that a takeover is cut short too.
void Faults::controller_killed_starting() {
    shunt_.kill9();
    {
        auto words = shunt_.command_line({"run", "-c", shunt_.config_path()});
        if (upto(1)) words.front() = SHUNT_OTHER_LAYOUT_BINARY;
        const harness::Process half(words);
        std::this_thread::sleep_for(std::chrono::microseconds(upto(250000)));
        half.signal(SIGKILL);
    }
    shunt_.start();
}

// Links and maps stay. The usual layout has two builds, which take turns.
void Faults::controller_replaced() {
    shunt_.stop();
    if (!other_layout_) {
        other_code_ = !other_code_;
        shunt_.use(other_code_ ? SHUNT_OTHER_CODE_BINARY : harness::shunt_binary());
    }
    shunt_.start();
}

// The whole way: its own directory beside the old one, hooks taken over one by one, the old one gone after its last
// connection; and the same way back.
void Faults::upgraded() {
    shunt_.stop();
    other_layout_ = !other_layout_;
    other_code_ = false;
    shunt_.use(other_layout_ ? SHUNT_OTHER_LAYOUT_BINARY : harness::shunt_binary());
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

// While a connect hook is detached its cgroup is not captured, so nothing is dialled until it is back.
void Faults::link_detached() {
    std::vector<std::string> links;
    for (const auto& entry : fs::directory_iterator(pins() + "/links")) links.push_back(entry.path());
    const auto& pin = links[upto(static_cast<unsigned>(links.size()) - 1)];
    const auto paused = load_.pause();
    harness::run_process({"bpftool", "link", "detach", "pinned", pin});
    longest_detached_ = std::max(longest_detached_, await([&] { return is_attached(pin); }, pin + " stays detached"));
    await([&] { return code({"status"}) == 0; }, "a link was detached, and status stays red");
}

void Faults::pin_removed() {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(pins()))
        if (!entry.is_directory()) files.push_back(entry.path());
    const auto file = files[upto(static_cast<unsigned>(files.size()) - 1)];
    unlink(file.c_str());
    longest_unpinned_ =
        std::max(longest_unpinned_, await([&] { return fs::exists(file); }, "pin " + file + " did not come back"));
}

}  // namespace shunt::soak
