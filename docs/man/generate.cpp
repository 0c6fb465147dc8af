// SPDX-License-Identifier: Apache-2.0
// generate FRAME.scd CONFIG.md > PAGE.scd
#include <fstream>
#include <iostream>
#include <sstream>

#include "pages.h"

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    std::string texts[2];
    for (int i = 0; i < 2; ++i) {
        std::ifstream file(argv[i + 1], std::ios::binary);
        std::ostringstream text;
        if (!(text << file.rdbuf())) return 1;
        texts[i] = text.str();
    }
    std::cout << shunt::man::fill(texts[0], texts[1]);
    return std::cout.flush() ? 0 : 1;
}
