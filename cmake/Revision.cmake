# SPDX-License-Identifier: Apache-2.0
# cmake -DSOURCE=DIR -DHEADER=FILE -P Revision.cmake: writes the tree's git describe into FILE, only where it changed.
set(revision "")
find_program(git git)
if(git AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${git} -C ${SOURCE} describe --always --dirty --tags
                  OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define SHUNT_REVISION \"${revision}\"\n" @ONLY)
