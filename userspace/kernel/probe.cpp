// SPDX-License-Identifier: Apache-2.0
#include "kernel/probe.h"

#include <bpf/bpf.h>

#include <array>
#include <string_view>
#include <vector>

#include "kernel/fd.h"

namespace shunt::kernel {
namespace {

Fd load(bpf_prog_type type, bpf_attach_type attach, std::span<const bpf_insn> code, std::span<char> log = {}) {
    LIBBPF_OPTS(bpf_prog_load_opts, opts);
    opts.expected_attach_type = attach;
    opts.log_buf = log.data();
    opts.log_size = static_cast<__u32>(log.size());
    opts.log_level = log.empty() ? 0 : 1;
    return Fd(bpf_prog_load(type, "shunt_probe", "GPL", code.data(), code.size(), &opts));
}

}  // namespace

bool takes(bpf_prog_type type, bpf_attach_type attach, std::span<const bpf_insn> before) {
    std::vector<bpf_insn> code(before.begin(), before.end());
    code.push_back(insn::set(BPF_REG_0, 1));
    code.push_back(insn::exit());
    return static_cast<bool>(load(type, attach, code));
}

bool takes_call(bpf_prog_type type, bpf_attach_type attach, std::span<const bpf_insn> arguments, bpf_func_id id) {
    std::vector<bpf_insn> code(arguments.begin(), arguments.end());
    code.push_back(insn::call(id));
    return takes(type, attach, code);
}

bool allows_helper(bpf_prog_type type, bpf_attach_type attach, bpf_func_id id) {
    const std::array code = {insn::call(id), insn::exit()};
    std::array<char, 4096> log = {};
    if (load(type, attach, code, log)) return true;
    const std::string_view words(log.data());
    // The words of 5.10 and 6.1 (unknown; known, but not for this type), and of newer kernels. Without words the load
    // failed earlier.
    return !words.empty() && words.find("invalid func ") == std::string_view::npos &&
           words.find("unknown func ") == std::string_view::npos &&
           words.find("cannot use helper ") == std::string_view::npos;
}

}  // namespace shunt::kernel
