# SPDX-License-Identifier: MIT
# The programs people run, all in <build>/bin: `kmemlab` from stress/cli, and from each
# stress/workloads/stress_NAME.c the binary `stress-NAME`. The target `products` builds just these.

add_custom_target(products)

function(kmemlab_add_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE kmemlab_use_stress)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  add_dependencies(products ${name})
  set_property(GLOBAL APPEND PROPERTY KMEMLAB_PROGRAMS ${name})
endfunction()

file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/stress/cli/*.c)
if(sources)
  kmemlab_add_program(kmemlab ${sources})
  # Where the demo finds its trace when nothing is installed beside it (stress/cli/cmd_demo.c).
  target_compile_definitions(kmemlab PRIVATE KMEMLAB_DATA_DIR="${CMAKE_SOURCE_DIR}/tests/data"
    KMEMLAB_HAVE_NCURSES=${KMEMLAB_HAVE_NCURSES})
  if(KMEMLAB_HAVE_NCURSES)
    # Without its compile flags, which hide functions of newer standards from every file.
    target_include_directories(kmemlab SYSTEM PRIVATE ${KMEMLAB_NCURSES_INCLUDE_DIRS})
    target_link_libraries(kmemlab PRIVATE ${KMEMLAB_NCURSES_LINK_LIBRARIES})
  endif()
endif()

file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/stress/workloads/stress_*.c)
foreach(source IN LISTS sources)
  get_filename_component(name ${source} NAME_WE)
  string(REPLACE "_" "-" name ${name})
  kmemlab_add_program(${name} ${source})
endforeach()
