// SPDX-License-Identifier: Apache-2.0
// verify OBJECT [FEATURES]: loads a BPF object into the running kernel, pins nothing, and prints what the verifier had
// to do:
//   <program> <processed instructions> <total states>
// A kernel gives up at 1,000,000 processed instructions, and each version counts differently: only running it shows how
// near a program is. Exit 1 and the verifier's last words where the object is refused.
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <regex>
#include <string>
#include <vector>

namespace {

constexpr unsigned kLogStatistics = 4;  // BPF_LOG_STATS: counts only, the full log of a big program takes seconds
constexpr std::size_t kLogSize = 1 << 16;

std::string g_words;

int collect(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG) return 0;
    std::vector<char> line(1 << 20);
    const int length = vsnprintf(line.data(), line.size(), format, arguments);
    g_words += line.data();
    return length;
}

// Where a constant stands in .rodata, from the object's BTF; -1: not there.
int offset_of(const btf* types, const char* name) {
    const int section = btf__find_by_name_kind(types, ".rodata", BTF_KIND_DATASEC);
    if (section < 0) return -1;
    const btf_type* type = btf__type_by_id(types, static_cast<std::uint32_t>(section));
    const btf_var_secinfo* variable = btf_var_secinfos(type);
    for (int i = 0; i < btf_vlen(type); ++i, ++variable) {
        const auto* name_here = btf__name_by_offset(types, btf__type_by_id(types, variable->type)->name_off);
        if (std::strcmp(name_here, name) == 0) return static_cast<int>(variable->offset);
    }
    return -1;
}

bool has_features(bpf_object* object) { return offset_of(bpf_object__btf(object), "shunt_features") >= 0; }

// The constant by which the loader tells the programs what the kernel can; branches of absent features are dead code.
bool set_features(bpf_object* object, std::uint32_t features) {
    const int offset = offset_of(bpf_object__btf(object), "shunt_features");
    bpf_map* map = bpf_object__find_map_by_name(object, ".rodata");
    std::size_t size = 0;
    const void* data = map == nullptr ? nullptr : bpf_map__initial_value(map, &size);
    if (offset < 0 || data == nullptr) return false;
    const auto* bytes = static_cast<const char*>(data);
    std::vector<char> value(bytes, bytes + size);
    std::memcpy(value.data() + offset, &features, sizeof(features));
    return bpf_map__set_initial_value(map, value.data(), value.size()) == 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2 && argc != 3) {
        std::fputs("usage: verify OBJECT [FEATURES]\n", stderr);
        return 2;
    }
    libbpf_set_print(collect);
    libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
    bpf_object* object = bpf_object__open(argv[1]);
    if (object == nullptr) {
        std::fprintf(stderr, "%s cannot be opened:\n%s", argv[1], g_words.c_str());
        return 1;
    }
    // The iterators have no such constant: they are whole or not there (doctor's tcpIterators).
    if (argc == 3 && has_features(object) &&
        !set_features(object, static_cast<std::uint32_t>(std::stoul(argv[2], nullptr, 0)))) {
        std::fprintf(stderr, "%s has a constant shunt_features that cannot be set\n", argv[1]);
        return 1;
    }
    std::vector<std::vector<char>> logs;
    std::vector<bpf_program*> programs;
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object) {
        programs.push_back(program);
        logs.emplace_back(kLogSize);
        bpf_program__set_log_level(program, kLogStatistics);
        bpf_program__set_log_buf(program, logs.back().data(), logs.back().size());
    }
    const int result = bpf_object__load(object);
    const std::regex counts("processed (\\d+) insns.*total_states (\\d+)");
    for (std::size_t i = 0; i < programs.size(); ++i) {
        std::cmatch match;
        if (std::regex_search(logs[i].data(), match, counts)) {
            std::printf("%s %s %s\n", bpf_program__name(programs[i]), match.str(1).c_str(), match.str(2).c_str());
        }
    }
    if (result != 0) std::fprintf(stderr, "%s is refused:\n%s", argv[1], g_words.c_str());
    bpf_object__close(object);
    return result == 0 ? 0 : 1;
}
