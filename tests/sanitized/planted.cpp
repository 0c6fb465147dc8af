// SPDX-License-Identifier: Apache-2.0
// planted overflow|undefined|leak [unseen]: makes the error named; unseen: in a child whose end nobody looks at.
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

volatile int one = 1;
void* volatile lost = nullptr;

int make(std::string_view error) {
    if (error == "overflow") {
        char* bytes = static_cast<char*>(std::malloc(8));
        bytes[7 + one] = 1;
        std::free(bytes);
    } else if (error == "undefined") {
        int most = INT_MAX;
        most += one;
        one = most;
    } else if (error == "leak") {
        lost = std::malloc(100);
        lost = nullptr;
    }
    return 0;
}

}  // namespace

int main(int count, char** words) {
    if (count < 2) return 2;
    if (count < 3) return make(words[1]);
    const pid_t child = fork();
    if (child == 0) return make(words[1]);
    waitpid(child, nullptr, 0);
    return 0;
}
