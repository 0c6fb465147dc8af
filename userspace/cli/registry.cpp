// SPDX-License-Identifier: Apache-2.0
#include "cli/registry.h"

// One line per command: X(name) stands for Command name_command(), which commands/name.cpp defines.
#define SHUNT_COMMANDS(X) \
    X(run)                \
    X(reload)             \
    X(check)              \
    X(explain)            \
    X(pc)                 \
    X(import)             \
    X(status)             \
    X(counters)           \
    X(connections)        \
    X(observe)            \
    X(doctor)             \
    X(exec)               \
    X(bench)              \
    X(uninstall)          \
    X(version)            \
    X(completion)

namespace shunt::cli {

#define SHUNT_DECLARE(name) Command name##_command();
SHUNT_COMMANDS(SHUNT_DECLARE)
#undef SHUNT_DECLARE

std::vector<Command> all_commands() {
#define SHUNT_CALL(name) name##_command(),
    return {SHUNT_COMMANDS(SHUNT_CALL)};
#undef SHUNT_CALL
}

}  // namespace shunt::cli
