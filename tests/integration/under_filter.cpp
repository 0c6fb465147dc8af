// SPDX-License-Identifier: Apache-2.0
// under_filter NAMES COMMAND...: runs it where any system call but those, separated by spaces, ends the process with
// SIGSYS. Names that this architecture does not have are passed over, as systemd does.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

const std::map<std::string, unsigned> kNumbers{
#include "system_call_numbers.inc"
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    std::vector<sock_filter> code{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    std::istringstream names(argv[1]);
    for (std::string name; names >> name;)
        if (const auto known = kNumbers.find(name); known != kNumbers.end()) {
            code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, known->second, 0, 1));
            code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
        }
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    const sock_fprog filter{static_cast<unsigned short>(code.size()), code.data()};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) {
        std::perror("seccomp");
        return 126;
    }
    execv(argv[2], argv + 2);
    std::perror(argv[2]);
    return 127;
}
