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

using BpfObject = std::unique_ptr<bpf_object, decltype(&bpf_object__close)>;

BpfObject open_object() {
    std::size_t size = 0;
    const void* const bytes = shunt_iter_bpf__elf_bytes(&size);
    return {bpf_object__open_mem(bytes, size, nullptr), &bpf_object__close};
}

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
    const auto object = open_object();
    if (!object) return failed("open", errno, log);
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object.get()) {
        if (bpf_map__is_internal(map)) continue;
        const std::string path = maps + "/" + bpf_map__name(map);
        if (const int error = bpf_map__set_pin_path(map, path.c_str())) return failed("pin path " + path, -error, log);
    }
    if (const int error = bpf_object__load(object.get())) return failed("load", -error, log);
    const auto* tcp = bpf_object__find_program_by_name(object.get(), "shunt_iter_tcp");
    const auto* sk = bpf_object__find_program_by_name(object.get(), "shunt_iter_sk");
    const int storage = bpf_object__find_map_fd_by_name(object.get(), "shunt_socks");
    if (!tcp || !sk || storage < 0) return base::fail("iterators: not all of them are built in");
    if (auto done = pin(tcp, -1, directory + "/connections", log); !done) return done;
    return pin(sk, storage, directory + "/records", log);
}

bool has_iterators() {
    const LogCapture quiet;
    const auto object = open_object();
    return object && bpf_object__load(object.get()) == 0;
}

}  // namespace shunt::kernel
