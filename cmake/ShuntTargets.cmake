# SPDX-License-Identifier: Apache-2.0
# Warnings and sanitizers as INTERFACE targets, and the one way to add a userspace folder.

add_library(shunt_warnings INTERFACE)
target_compile_options(shunt_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers -Werror>)

if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  # libstdc++ 12 uses in its own headers what it deprecates, and libbpf's LIBBPF_OPTS is C; clang says both at our lines.
  target_compile_options(shunt_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-deprecated-declarations
    -Wno-gnu-statement-expression-from-macro-expansion -Wno-c99-extensions>)
endif()

add_library(shunt_sanitizers INTERFACE)
if(SHUNT_SANITIZE)
  target_compile_options(shunt_sanitizers INTERFACE -fsanitize=address,undefined -fsanitize-undefined-trap-on-error -fno-omit-frame-pointer)
  target_link_options(shunt_sanitizers INTERFACE -fsanitize=address,undefined)
elseif(SHUNT_FUZZ)
  set(sanitizers -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all)
  target_compile_options(shunt_sanitizers INTERFACE ${sanitizers} -fno-omit-frame-pointer)
  target_link_options(shunt_sanitizers INTERFACE ${sanitizers})
endif()

# The kernel ABI, usable from everywhere.
add_library(shunt_abi INTERFACE)
target_include_directories(shunt_abi INTERFACE ${PROJECT_SOURCE_DIR}/include)

# shunt_component(NAME SOURCES ... PUBLIC ... PRIVATE ...): a static library per folder of userspace/. Headers are
# included as "folder/header.h", and only those of linked targets are found through targets: PUBLIC and PRIVATE state
# the direction of dependencies (docs/architecture.md), tests/lint checks the includes themselves.
function(shunt_component name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(shunt_${name} STATIC ${ARG_SOURCES})
  target_include_directories(shunt_${name} PUBLIC ${PROJECT_SOURCE_DIR}/userspace)
  target_link_libraries(shunt_${name} PUBLIC shunt_abi shunt_sanitizers ${ARG_PUBLIC} PRIVATE shunt_warnings ${ARG_PRIVATE})
endfunction()
