# SPDX-License-Identifier: Apache-2.0
# shunt_embed(TARGET HEADER header.h NAMESPACE a::b PARTS kName=FILE ...): the files' bytes as part of the target. The
# header declares `extern const std::string_view kName;` for each. Also run as a script, where it writes the source.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(SHUNT_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
  function(shunt_embed target)
    cmake_parse_arguments(ARG "" "HEADER;NAMESPACE" "PARTS" ${ARGN})
    set(source ${CMAKE_CURRENT_BINARY_DIR}/${target}_parts.cpp)
    set(files)
    foreach(part IN LISTS ARG_PARTS)
      string(REGEX REPLACE "^[^=]*=" "" file ${part})
      list(APPEND files ${file})
    endforeach()
    add_custom_command(
      OUTPUT ${source}
      COMMAND ${CMAKE_COMMAND} "-DHEADER=${ARG_HEADER}" "-DNAMESPACE=${ARG_NAMESPACE}" "-DPARTS=${ARG_PARTS}"
              "-DOUTPUT=${source}" -P ${SHUNT_EMBED_SCRIPT}
      DEPENDS ${files} ${SHUNT_EMBED_SCRIPT}
      VERBATIM)
    target_sources(${target} PRIVATE ${source})
  endfunction()
  return()
endif()

set(text "#include \"${HEADER}\"\n")
foreach(part IN LISTS PARTS)
  string(REGEX MATCH "^([^=]*)=(.*)$" _ ${part})
  set(name ${CMAKE_MATCH_1})
  file(READ ${CMAKE_MATCH_2} bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND text "static constexpr char ${name}Bytes[] = {${bytes}};\n"
                     "constinit const std::string_view ${NAMESPACE}::${name}{${name}Bytes, sizeof ${name}Bytes};\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
