// SPDX-License-Identifier: Apache-2.0
// What a kernel lets programs do, asked with programs of a few instructions. libbpf's own libbpf_probe_bpf_helper() is
// not used: it takes any refusal in words that it does not know for a yes, and newer kernels (6.12) have such words.
#pragma once

#include <linux/bpf.h>

#include <span>

namespace shunt::kernel {

namespace insn {

constexpr bpf_insn make(int code, int to, int from, int value) {
    return {static_cast<__u8>(code), static_cast<__u8>(to & 0xf), static_cast<__u8>(from & 0xf), 0, value};
}
constexpr bpf_insn set(int to, int value) { return make(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, value); }
constexpr bpf_insn copy(int to, int from) { return make(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0); }
constexpr bpf_insn add(int to, int value) { return make(BPF_ALU64 | BPF_ADD, to, 0, value); }  // BPF_K is 0
constexpr bpf_insn call(bpf_func_id id) { return make(BPF_JMP | BPF_CALL, 0, 0, id); }
constexpr bpf_insn exit() { return make(BPF_JMP | BPF_EXIT, 0, 0, 0); }

}  // namespace insn

// Does "return 1", after these instructions, load as a program of this hook?
bool takes(bpf_prog_type type, bpf_attach_type attach, std::span<const bpf_insn> before = {});

// The same with a call of the helper, whose arguments (r1 is the context already) `arguments` sets up rightly: proof
// that a program may call it.
bool takes_call(bpf_prog_type type, bpf_attach_type attach, std::span<const bpf_insn> arguments, bpf_func_id id);

// For helpers whose arguments are more than a few instructions: no only where the kernel says that it does not know
// the helper or that this type of program may not call it.
bool allows_helper(bpf_prog_type type, bpf_attach_type attach, bpf_func_id id);

}  // namespace shunt::kernel
