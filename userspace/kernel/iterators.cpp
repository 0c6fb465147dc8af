// SPDX-License-Identifier: Apache-2.0
#include "kernel/iterators.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include <shunt_iter.skel.h>

#include "kernel/log_capture.h"
#include "kernel/pins.h"

namespace shunt::kernel {
namespace {

using Skeleton = std::unique_ptr<shunt_iter_bpf, decltype(&shunt_iter_bpf__destroy)>;

tl::unexpected<base::Error> failed(const std::string& what, int error_number, const LogCapture& log) {
    auto error = base::errno_error("iterators: " + what, error_number);
    error.detail = log.text();
    return tl::unexpected(error);
}

base::Status pin(const bpf_program* program, int map, const std::string& path, const LogCapture& log) {
    if (auto removed = unpin(path); !removed) return removed;
    LIBBPF_OPTS(bpf_iter_attach_opts, opts);
    bpf_iter_link_info over{};
    if (map >= 0) {
        over.map.map_fd = static_cast<__u32>(map);
        opts.link_info = &over;
        opts.link_info_len = sizeof over;
    }
    const std::unique_ptr<bpf_link, decltype(&bpf_link__destroy)> link(bpf_program__attach_iter(program, &opts),
                                                                       &bpf_link__destroy);
    if (!link) return failed("attach for " + path, errno, log);
    // The pin holds the link; what goes here is this process's share of it.
    if (const int error = bpf_link__pin(link.get(), path.c_str())) return failed("pin " + path, -error, log);
    return {};
}

}  // namespace

base::Status pin_iterators(const std::string& maps, const std::string& directory) {
    const LogCapture log;
    const Skeleton skeleton(shunt_iter_bpf__open(), &shunt_iter_bpf__destroy);
    if (!skeleton) return failed("open", errno, log);
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, skeleton->obj) {
        if (bpf_map__is_internal(map)) continue;
        const std::string path = maps + "/" + bpf_map__name(map);
        if (const int error = bpf_map__set_pin_path(map, path.c_str())) return failed("pin path " + path, -error, log);
    }
    if (const int error = shunt_iter_bpf__load(skeleton.get())) return failed("load", -error, log);
    if (auto done = pin(skeleton->progs.shunt_iter_tcp, -1, directory + "/connections", log); !done) return done;
    return pin(skeleton->progs.shunt_iter_sk, bpf_map__fd(skeleton->maps.shunt_socks), directory + "/records", log);
}

bool has_iterators() {
    const LogCapture quiet;
    const Skeleton skeleton(shunt_iter_bpf__open(), &shunt_iter_bpf__destroy);
    return skeleton && shunt_iter_bpf__load(skeleton.get()) == 0;
}

}  // namespace shunt::kernel
