// SPDX-License-Identifier: Apache-2.0
#include "kernel/program_stats.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <fstream>

#include "kernel/fd.h"
#include "kernel/pins.h"

namespace shunt::kernel {

base::Result<std::vector<ProgramStats>> read_program_stats(const std::string& directory) {
    std::vector<ProgramStats> all;
    const auto names = entries(directory);
    if (!names) return tl::unexpected(names.error());
    for (const auto& name : *names) {
        const std::string pin = directory + "/" + name;
        const Fd fd(bpf_obj_get(pin.c_str()));
        if (!fd) return tl::unexpected(base::errno_error("program " + pin, errno));
        bpf_prog_info info{};
        __u32 size = sizeof info;
        if (bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0)
            return tl::unexpected(base::errno_error("program " + pin + ": info", errno));
        all.push_back({name, info.run_cnt, info.run_time_ns, info.jited_prog_len});
    }
    return all;
}

bool program_stats_enabled() {
    std::ifstream file("/proc/sys/kernel/bpf_stats_enabled");
    int value = 0;
    return file >> value && value != 0;
}

base::Result<Fd> count_program_runs() {
    Fd fd(bpf_enable_stats(BPF_STATS_RUN_TIME));
    if (!fd) return tl::unexpected(base::errno_error("statistics of BPF programs", errno));
    return fd;
}

}  // namespace shunt::kernel
