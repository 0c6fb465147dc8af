# SPDX-License-Identifier: Apache-2.0
# add_bpf_skeleton(NAME SOURCES a.bpf.c b.bpf.c ... [TARGET name] [FOLDER folder] [INCLUDES ...])
#   clang -target bpf (one object per source, with depfiles) -> bpftool gen object -> bpftool gen skeleton.
#   Gives the INTERFACE target NAME_skeleton with <NAME.skel.h>; a second build of the same sources has another TARGET,
#   the FOLDER they are in, and INCLUDES that come first.

find_program(SHUNT_BPF_CLANG_PATH NAMES ${SHUNT_BPF_CLANG} REQUIRED)
find_program(SHUNT_BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)

# The UAPI headers of the build host; -target bpf does not search the multiarch folder by itself.
set(SHUNT_MULTIARCH ${CMAKE_LIBRARY_ARCHITECTURE})

set(SHUNT_BPF_FLAGS
  -target bpf -mcpu=v2 -O2 -g -std=gnu11
  -Wall -Wextra -Wtype-limits -Werror
  -I${PROJECT_SOURCE_DIR}/include -I${PROJECT_SOURCE_DIR}/bpf -isystem /usr/include/${SHUNT_MULTIARCH})

function(add_bpf_skeleton name)
  cmake_parse_arguments(ARG "" "TARGET;FOLDER" "SOURCES;INCLUDES" ${ARGN})
  if(NOT ARG_TARGET)
    set(ARG_TARGET ${name})
    set(ARG_FOLDER ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
  list(TRANSFORM ARG_INCLUDES PREPEND -I)
  set(objects)
  foreach(source IN LISTS ARG_SOURCES)
    get_filename_component(stem ${source} NAME_WLE)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${stem}.o)
    add_custom_command(
      OUTPUT ${object}
      COMMAND ${SHUNT_BPF_CLANG_PATH} ${ARG_INCLUDES} ${SHUNT_BPF_FLAGS} -MD -MF ${object}.d -MT ${object}
              -c ${ARG_FOLDER}/${source} -o ${object}
      DEPENDS ${ARG_FOLDER}/${source}
      DEPFILE ${object}.d
      COMMENT "BPF ${source}"
      VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  set(linked ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.linked.o)
  set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/skeleton/${name}.skel.h)
  add_custom_command(
    OUTPUT ${linked}
    COMMAND ${SHUNT_BPFTOOL} gen object ${linked} ${objects}
    DEPENDS ${objects}
    VERBATIM)
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/skeleton
    COMMAND sh -c "\"$1\" gen skeleton \"$2\" name ${name}_bpf > \"$3.tmp\" && mv \"$3.tmp\" \"$3\"" sh
            ${SHUNT_BPFTOOL} ${linked} ${skeleton}
    DEPENDS ${linked}
    VERBATIM)
  add_custom_target(${ARG_TARGET}_skeleton_files DEPENDS ${skeleton})
  add_library(${ARG_TARGET}_skeleton INTERFACE)
  add_dependencies(${ARG_TARGET}_skeleton ${ARG_TARGET}_skeleton_files)
  target_include_directories(${ARG_TARGET}_skeleton SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR}/skeleton)
endfunction()
