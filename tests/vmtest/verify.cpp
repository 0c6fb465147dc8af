// SPDX-License-Identifier: Apache-2.0
// verify OBJECT: loads a BPF object into the running kernel, pins nothing, and prints what the verifier had to do:
//   <program> <processed instructions> <total states>
// A kernel gives up at 1,000,000 processed instructions, and each version counts differently: only running it shows how
// near a program is. Exit 1 and the verifier's last words where the object is refused.
#include <bpf/libbpf.h>

#include <cstdio>
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

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: verify OBJECT\n", stderr);
        return 2;
    }
    libbpf_set_print(collect);
    libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
    bpf_object* object = bpf_object__open(argv[1]);
    if (object == nullptr) {
        std::fprintf(stderr, "%s cannot be opened:\n%s", argv[1], g_words.c_str());
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
