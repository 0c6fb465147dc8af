// SPDX-License-Identifier: Apache-2.0
// The names of the ABI's enumerators, as counters, explain, status and tests print them: lower case, without prefix.
#pragma once

#include <string_view>

#include "shunt/abi.h"

namespace shunt::base {

std::string_view name(shunt_verdict value);
std::string_view name(shunt_reason value);
std::string_view name(shunt_lane value);
std::string_view name(shunt_event value);

shunt_verdict verdict_of(shunt_reason reason);
bool is_failure(shunt_event event);  // an internal failure, to be shown to whoever asks for status

}  // namespace shunt::base
