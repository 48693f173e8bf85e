# SPDX-License-Identifier: MIT
# Tests that a piece of code is refused. The file is compiled twice with the project's own flags:
# as it stands it must compile cleanly, and with -DCOMPILE_FAIL it must fail with the expected
# words. The first half is what keeps a test from passing because of a spelling mistake.
#
# The file's head says what is expected (one line each; COMPILER is optional):
#   /* EXPECT: a regular expression that one line of the diagnostics must match */
#   /* COMPILER: clang */

# add_compile_fail_test(<name> <file> [<expected regular expression>])
function(add_compile_fail_test name file)
  get_filename_component(file ${file} ABSOLUTE)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(STRINGS ${file} compiler REGEX "^/\\* COMPILER: ")
  if(compiler MATCHES "COMPILER: (clang|gcc)")
    if((CMAKE_MATCH_1 STREQUAL "clang" AND NOT KMEMLAB_CLANG) OR
       (CMAKE_MATCH_1 STREQUAL "gcc" AND KMEMLAB_CLANG))
      return()
    endif()
  endif()
  set(expect "${ARGN}")
  if(expect STREQUAL "")
    file(STRINGS ${file} line REGEX "^/\\* EXPECT: ")
    if(NOT line MATCHES "^/\\* EXPECT: (.*) \\*/$")
      message(FATAL_ERROR "${file}: the head needs a line /* EXPECT: regular expression */")
    endif()
    set(expect "${CMAKE_MATCH_1}")
  endif()
  list(TRANSFORM KMEMLAB_DEFINITIONS PREPEND -D OUTPUT_VARIABLE definitions)
  add_test(NAME compile_fail/${name}
    COMMAND ${CMAKE_SOURCE_DIR}/toolchain/compile-fail ${file} ${expect}
      ${CMAKE_C_COMPILER} ${KMEMLAB_CODEGEN} ${KMEMLAB_WARNINGS} ${definitions}
      -I${CMAKE_SOURCE_DIR})
  set_tests_properties(compile_fail/${name} PROPERTIES LABELS compile_fail TIMEOUT 60)
endfunction()
