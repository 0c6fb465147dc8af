// SPDX-License-Identifier: Apache-2.0
// An error that run.sh must find: the fuzzer has to guess three bytes one after the other.
#include <cstddef>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t size) {
    if (size > 2 && bytes[0] == 'b' && bytes[1] == 'u' && bytes[2] == 'g') std::abort();
    return 0;
}
