# SPDX-License-Identifier: MIT
# One place for every compiler flag. KMEMLAB_BUILD selects the kind of build; the presets in
# CMakePresets.json set it to their own name. CMAKE_BUILD_TYPE stays empty: its flag sets would add
# -DNDEBUG, and BUG_ON must never be compiled out.

set(KMEMLAB_BUILDS release dev tsan asan-ubsan explore coverage analyze)
set(KMEMLAB_BUILD release CACHE STRING "Kind of build: ${KMEMLAB_BUILDS}")
set_property(CACHE KMEMLAB_BUILD PROPERTY STRINGS ${KMEMLAB_BUILDS})
if(NOT KMEMLAB_BUILD IN_LIST KMEMLAB_BUILDS)
  message(FATAL_ERROR "KMEMLAB_BUILD=${KMEMLAB_BUILD} is unknown; choose one of: ${KMEMLAB_BUILDS}")
endif()

set(KMEMLAB_CLANG OFF)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  set(KMEMLAB_CLANG ON)
endif()

# The warnings that every file of the project meets. No flag is here without a sample under
# tests/compile_fail that it must reject.
set(KMEMLAB_WARNINGS
  -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes -Werror)
if(KMEMLAB_CLANG)
  list(APPEND KMEMLAB_WARNINGS -Wthread-safety -Wthread-safety-beta)
endif()

# -fno-strict-aliasing: memory changes its type here (a page becomes a slab object, a free object
# becomes a list node), which is why the kernel makes the same choice.
# -fmacro-prefix-map: reports and assertions name files by their path in the tree.
set(KMEMLAB_CODEGEN
  -std=gnu11 -g -pthread -fno-strict-aliasing
  "-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=")

set(KMEMLAB_DEBUG 1)
# Atomics as scheduling points of the SIM back end: they cost the fast paths a branch each, so the
# release build goes without; the tsan build has them, to find at a seed what explore found there.
set(KMEMLAB_EXPLORE 0)
set(KMEMLAB_SANITIZE "")
set(KMEMLAB_LAUNCHER "")     # what runs a program of this build under ctest
set(KMEMLAB_TIMEOUT_SCALE 1)
if(KMEMLAB_BUILD STREQUAL "release")
  set(KMEMLAB_DEBUG 0)
  list(APPEND KMEMLAB_CODEGEN -O2)
elseif(KMEMLAB_BUILD STREQUAL "explore")
  set(KMEMLAB_EXPLORE 1)
  list(APPEND KMEMLAB_CODEGEN -O2)
elseif(KMEMLAB_BUILD STREQUAL "coverage")
  if(NOT KMEMLAB_CLANG)
    message(FATAL_ERROR "the coverage build needs clang: cmake --preset coverage")
  endif()
  set(KMEMLAB_EXPLORE 1)
  list(APPEND KMEMLAB_CODEGEN -O2)
else()
  list(APPEND KMEMLAB_CODEGEN -O1 -fno-omit-frame-pointer)
endif()
if(KMEMLAB_BUILD STREQUAL "tsan")
  set(KMEMLAB_SANITIZE -fsanitize=thread)
  set(KMEMLAB_EXPLORE 1)
  set(KMEMLAB_LAUNCHER ${CMAKE_SOURCE_DIR}/toolchain/tsan-run)
  set(KMEMLAB_TIMEOUT_SCALE 4)
elseif(KMEMLAB_BUILD STREQUAL "asan-ubsan")
  set(KMEMLAB_SANITIZE -fsanitize=address,undefined -fno-sanitize-recover=all)
  set(KMEMLAB_LAUNCHER ${CMAKE_SOURCE_DIR}/toolchain/asan-run)
  set(KMEMLAB_TIMEOUT_SCALE 3)
endif()

# What calls the scheduler before every load and store (runtime/sim/access_points.c); for the files
# named in Layers.cmake only.
set(KMEMLAB_PLAIN_POINTS "-fsanitize-coverage=func,trace-loads,trace-stores")

set(KMEMLAB_DEFINITIONS
  KMEMLAB_DEBUG=${KMEMLAB_DEBUG}
  KMEMLAB_EXPLORE=${KMEMLAB_EXPLORE}
  KMEMLAB_BUILD="${KMEMLAB_BUILD}"
  KMEMLAB_VERSION="${PROJECT_VERSION}")

if(KMEMLAB_BUILD STREQUAL "coverage")
  list(APPEND KMEMLAB_DEFINITIONS KMEMLAB_PLAIN_POINTS=1)
endif()

add_library(kmemlab_flags INTERFACE)
target_compile_options(kmemlab_flags INTERFACE
  ${KMEMLAB_CODEGEN} ${KMEMLAB_WARNINGS} ${KMEMLAB_SANITIZE})
target_compile_definitions(kmemlab_flags INTERFACE ${KMEMLAB_DEFINITIONS})
target_include_directories(kmemlab_flags INTERFACE ${CMAKE_SOURCE_DIR})
# Per-CPU data and lock sites are found by the linker's __start_/__stop_ symbols: a linker that
# collects garbage must not drop a section because nothing else refers to it.
target_link_options(kmemlab_flags INTERFACE
  -pthread ${KMEMLAB_SANITIZE} -Wl,-z,nostart-stop-gc)

# Link-time optimisation lets the fast paths inline across files. It is done once, over runtime,
# percpu and mm together (see Layers.cmake), instead of once per program.
option(KMEMLAB_LTO "Optimise runtime, percpu and mm across files (release with gcc only)" ON)
set(KMEMLAB_USE_LTO OFF)
set(KMEMLAB_LTO_WHY "off: only in the release build")
if(KMEMLAB_BUILD STREQUAL "release")
  if(NOT KMEMLAB_LTO)
    set(KMEMLAB_LTO_WHY "off: KMEMLAB_LTO=OFF")
  elseif(NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
    set(KMEMLAB_LTO_WHY "off: needs gcc")
  else()
    include(CheckIPOSupported)
    check_ipo_supported(RESULT KMEMLAB_USE_LTO OUTPUT why LANGUAGES C)
    set(KMEMLAB_LTO_WHY "on")
    if(NOT KMEMLAB_USE_LTO)
      set(KMEMLAB_LTO_WHY "off: the compiler cannot: ${why}")
    endif()
  endif()
endif()
