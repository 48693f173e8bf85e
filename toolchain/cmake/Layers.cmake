# SPDX-License-Identifier: MIT
# The four layers, bottom up: runtime, percpu, mm, stress. Every .c under a layer's folder belongs
# to its static library kmemlab_LAYER. A program links kmemlab_use_LAYER, which brings that layer
# and those below it, never one above.
#
# The archives are linked whole: an object that only holds per-CPU data or a lock site is referred
# to by nobody, and would otherwise be left out of the linker section that is copied once per CPU.

set(KMEMLAB_LAYERS runtime percpu mm stress)

# kmemlab_layer_of(<out> <file>...): the highest layer that one of the files includes a header of.
function(kmemlab_layer_of out)
  set(found runtime)
  foreach(file IN LISTS ARGN)
    file(STRINGS ${file} includes REGEX "^#[ \t]*include[ \t]+\"(runtime|percpu|mm|stress)/")
    foreach(layer IN LISTS KMEMLAB_LAYERS)
      if(includes MATCHES "\"${layer}/")
        list(FIND KMEMLAB_LAYERS ${layer} rank)
        list(FIND KMEMLAB_LAYERS ${found} best)
        if(rank GREATER best)
          set(found ${layer})
        endif()
      endif()
    endforeach()
  endforeach()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARGN})
  set(${out} ${found} PARENT_SCOPE)
endfunction()

# kmemlab_add_layer(<layer> <sources>...): an empty layer is a library without objects.
function(kmemlab_add_layer layer)
  if(NOT ARGN)
    file(CONFIGURE OUTPUT generated/empty_${layer}.c CONTENT "")
    set(ARGN ${CMAKE_BINARY_DIR}/generated/empty_${layer}.c)
  endif()
  add_library(kmemlab_${layer} STATIC ${ARGN})
  target_link_libraries(kmemlab_${layer} PRIVATE kmemlab_flags)
  if(KMEMLAB_BUILD STREQUAL "analyze" AND KMEMLAB_CLANG_TIDY)
    set_target_properties(kmemlab_${layer} PROPERTIES
      C_CLANG_TIDY "${KMEMLAB_CLANG_TIDY};--quiet")
  endif()
  add_library(kmemlab_use_${layer} INTERFACE)
  target_link_libraries(kmemlab_use_${layer} INTERFACE kmemlab_flags)
endfunction()

foreach(layer runtime percpu mm)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${layer}/*.c)
  kmemlab_add_layer(${layer} ${sources})
endforeach()

# The scheduler of the SIM back end runs on whichever fiber is current and must not order fibers for
# ThreadSanitizer, nor be taken for their accesses: it is the one part that is not instrumented.
# What it does in the name of a simulated CPU is in sim_words.c, which is.
if(KMEMLAB_BUILD STREQUAL "tsan")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/sim/*.c)
  list(FILTER sources EXCLUDE REGEX "/sim_words\\.c$")
  # lockdep's graph is read by every CPU at every lock: instrumented, it would order them all.
  file(GLOB lockdep CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/lockdep*.c)
  list(APPEND sources ${lockdep})
  set_source_files_properties(${sources} PROPERTIES
    COMPILE_OPTIONS "-fno-sanitize=thread;-DKMEMLAB_TSAN=1")
endif()

# The coverage build: what is under test, and not who watches or schedules it, nor what holds a
# mutex of the host: a CPU that waits for one would stop all.
if(KMEMLAB_BUILD STREQUAL "coverage")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/*.c
    ${CMAKE_SOURCE_DIR}/percpu/*.c ${CMAKE_SOURCE_DIR}/mm/*.c
    ${CMAKE_SOURCE_DIR}/stress/explore/scenarios/*.c)
  list(FILTER sources EXCLUDE REGEX "/runtime/(sim/|lockdep|lockstat)")
  list(FILTER sources EXCLUDE REGEX "/runtime/(bug|might_sleep|inject)\\.c$")
  list(FILTER sources EXCLUDE REGEX "/runtime/(irq_stack|backend_threads|hostmem|irqgen)\\.c$")
  list(FILTER sources EXCLUDE REGEX "/percpu/percpu\\.c$")
  set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "${KMEMLAB_PLAIN_POINTS}")
endif()

# In stress, the command and the stress_NAME.c files are programs of their own (Programs.cmake).
file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/stress/*.c)
list(FILTER sources EXCLUDE REGEX "/stress/cli/|/stress/workloads/(.*/)?stress_[^/]*\\.c$")
# The pprof encoder is generated; it is foreign code and is not held to our warnings.
if(KMEMLAB_HAVE_PPROF)
  set(proto ${CMAKE_BINARY_DIR}/generated/profile.pb-c)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
  add_custom_command(OUTPUT ${proto}.c ${proto}.h
    COMMAND ${KMEMLAB_PROTOC_C} --proto_path=${CMAKE_SOURCE_DIR}/stress/report
      --c_out=${CMAKE_BINARY_DIR}/generated profile.proto
    DEPENDS ${CMAKE_SOURCE_DIR}/stress/report/profile.proto VERBATIM
    COMMENT "Generating the pprof encoder")
  list(APPEND sources ${proto}.c)
  set_source_files_properties(${proto}.c PROPERTIES COMPILE_OPTIONS "-w" SKIP_LINTING ON
    INCLUDE_DIRECTORIES ${CMAKE_BINARY_DIR}/generated)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/stress/report/format_pprof.c PROPERTIES
    OBJECT_DEPENDS ${proto}.h INCLUDE_DIRECTORIES ${CMAKE_BINARY_DIR}/generated)
endif()
set_source_files_properties(${CMAKE_SOURCE_DIR}/stress/report/format_html.c PROPERTIES
  OBJECT_DEPENDS ${CMAKE_SOURCE_DIR}/stress/report/page.html)
set_source_files_properties(${CMAKE_SOURCE_DIR}/stress/tune/tune_json.c PROPERTIES
  OBJECT_DEPENDS ${CMAKE_SOURCE_DIR}/stress/tune/tune_page.html)
kmemlab_add_layer(stress ${sources})
target_link_libraries(kmemlab_runtime PRIVATE kmemlab_deps_runtime)
target_link_libraries(kmemlab_stress PRIVATE kmemlab_deps_stress)

target_link_libraries(kmemlab_use_runtime INTERFACE
  $<LINK_LIBRARY:WHOLE_ARCHIVE,kmemlab_runtime> kmemlab_deps_runtime)
target_link_libraries(kmemlab_use_percpu INTERFACE
  $<LINK_LIBRARY:WHOLE_ARCHIVE,kmemlab_percpu> kmemlab_use_runtime)
target_link_libraries(kmemlab_use_stress INTERFACE
  $<LINK_LIBRARY:WHOLE_ARCHIVE,kmemlab_stress> kmemlab_deps_stress kmemlab_use_mm)

if(KMEMLAB_USE_LTO)
  # The objects carry both machine code and the compiler's own form. Programs of the two lower
  # layers link the first; for everything above, the three layers are optimised together into one
  # relocatable object, once.
  #
  # A relocatable link counts as a shared library for the compiler: without
  # -fno-semantic-interposition it would inline no function that another file can see.
  foreach(layer runtime percpu mm)
    target_compile_options(kmemlab_${layer} PRIVATE
      -flto -ffat-lto-objects -fno-semantic-interposition)
  endforeach()
  target_link_options(kmemlab_flags INTERFACE -fno-lto)
  set(core ${CMAKE_BINARY_DIR}/kmemlab_core.o)
  add_custom_command(OUTPUT ${core}
    COMMAND ${CMAKE_C_COMPILER} ${KMEMLAB_CODEGEN} -r -nostdlib
      -fno-semantic-interposition -flto=auto -flinker-output=nolto-rel -o ${core}
      $<TARGET_OBJECTS:kmemlab_runtime> $<TARGET_OBJECTS:kmemlab_percpu>
      $<TARGET_OBJECTS:kmemlab_mm>
    DEPENDS kmemlab_runtime kmemlab_percpu kmemlab_mm
      $<TARGET_OBJECTS:kmemlab_runtime> $<TARGET_OBJECTS:kmemlab_percpu>
      $<TARGET_OBJECTS:kmemlab_mm>
    COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Optimising runtime, percpu and mm together")
  add_custom_target(kmemlab_core DEPENDS ${core})
  target_link_libraries(kmemlab_use_mm INTERFACE ${core} kmemlab_deps_runtime)
  add_dependencies(kmemlab_use_mm kmemlab_core)
else()
  target_link_libraries(kmemlab_use_mm INTERFACE
    $<LINK_LIBRARY:WHOLE_ARCHIVE,kmemlab_mm> kmemlab_use_percpu)
endif()
