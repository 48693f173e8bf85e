# SPDX-License-Identifier: MIT
# Checks that are part of the build: the style guide (every build), and in the dev build that every
# header compiles on its own, twice, and that no layer needs a symbol of a layer above it.

add_custom_target(tidy ALL
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/toolchain/tidy.py --quiet
    --root ${CMAKE_SOURCE_DIR}
  COMMENT "Checking the style guide" VERBATIM)

if(NOT KMEMLAB_BUILD STREQUAL "dev")
  return()
endif()

# Headers: one generated source each; the second include proves the include guard.
set(units "")
foreach(layer IN LISTS KMEMLAB_LAYERS)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
    ${CMAKE_SOURCE_DIR}/${layer}/*.h)
  foreach(header IN LISTS headers)
    set(unit ${CMAKE_BINARY_DIR}/generated/headers/${header}.c)
    file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
    list(APPEND units ${unit})
  endforeach()
endforeach()
if(units)
  add_library(kmemlab_header_check OBJECT ${units})
  target_link_libraries(kmemlab_header_check PRIVATE
    kmemlab_flags kmemlab_deps_runtime kmemlab_deps_stress)
endif()

# Layers: a program with an empty main that links one layer and those below it. An undefined
# reference here is an arrow that points up.
file(CONFIGURE OUTPUT generated/empty_main.c CONTENT "int main(void)\n{\n\treturn 0;\n}\n")
function(kmemlab_add_layer_check name use)
  add_executable(layer_check_${name} ${CMAKE_BINARY_DIR}/generated/empty_main.c ${ARGN})
  target_link_libraries(layer_check_${name} PRIVATE ${use})
  set_target_properties(layer_check_${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/checks)
endfunction()
foreach(layer runtime percpu mm stress)
  kmemlab_add_layer_check(${layer} kmemlab_use_${layer})
endforeach()

# Inside mm, bottom up; reclaim and the /proc texts see everything, which layer_check_mm covers.
set(below "")
foreach(folder page slab mmu kva swap vma)
  list(APPEND below ${folder})
  list(JOIN below "|" pattern)
  kmemlab_add_layer_check(mm_${folder} kmemlab_use_percpu
    "$<FILTER:$<TARGET_OBJECTS:kmemlab_mm>,INCLUDE,/mm/(${pattern})/>")
endforeach()
