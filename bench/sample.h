// SPDX-License-Identifier: Apache-2.0
// A configuration of a given size, and the one way a benchmark ends where something fails.
#pragma once

#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>

#include "base/result.h"
#include "model/mesh.h"

namespace shunt::micro_bench {

// Google Benchmark itself reports errors with exit code 0, so a benchmark that cannot run would read as a pass.
template <class T>
T or_die(base::Result<T> result) {
    if (result) return std::move(*result);
    std::cerr << "shunt_micro_bench: " << result.error().message << "\n";
    std::exit(1);
}
inline void or_die(const base::Status& status) {
    if (status) return;
    std::cerr << "shunt_micro_bench: " << status.error().message << "\n";
    std::exit(1);
}

// Direct listeners with a cluster of `each` endpoints; `endpoints` is a multiple of that, at most 1,000,000. `port` is
// that of one endpoint in the middle, the others have 8080.
std::string sample_text(int endpoints, int port = 8080, int each = 100);
model::Mesh sample_mesh(const std::string& text);

}  // namespace shunt::micro_bench
