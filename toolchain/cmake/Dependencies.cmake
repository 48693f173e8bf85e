# SPDX-License-Identifier: MIT
# Finds the libraries and tools, says what was found, and for what is missing says what is lost and
# how to get it. Each optional library NAME becomes target kmemlab_dep_NAME and KMEMLAB_HAVE_NAME
# (1 or 0) for every file of the stress layer and above.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig)
find_package(Python3 COMPONENTS Interpreter)

set(KMEMLAB_MISSING "")
set(KMEMLAB_LIBRARIES "")    # "name version" of each library found, for `kmemlab version`

function(kmemlab_say line)
  set_property(GLOBAL APPEND PROPERTY KMEMLAB_SUMMARY_LINES "${line}")
endfunction()

# kmemlab_pad(<out> <text>): the text, filled with blanks to the width of the first column.
function(kmemlab_pad out text)
  string(LENGTH "${text}" len)
  math(EXPR fill "20 - ${len}")
  if(fill GREATER 0)
    string(REPEAT " " ${fill} blanks)
    string(APPEND text "${blanks}")
  endif()
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

# kmemlab_required(<name> <Debian package> <purpose> <pkg-config module>...)
macro(kmemlab_required name package purpose)
  pkg_check_modules(KMEMLAB_${name} QUIET IMPORTED_TARGET ${ARGN})
  kmemlab_pad(_label ${name})
  if(KMEMLAB_${name}_FOUND)
    set(_version "${KMEMLAB_${name}_VERSION}")
    foreach(_module ${ARGN})
      if("${_version}" STREQUAL "")
        set(_version "${KMEMLAB_${name}_${_module}_VERSION}")
      endif()
    endforeach()
    kmemlab_say("  ${_label} ${_version}")
    list(APPEND KMEMLAB_LIBRARIES "${name} ${_version}")
  else()
    list(APPEND KMEMLAB_MISSING "${package} (${purpose})")
  endif()
endmacro()

# kmemlab_optional(<NAME> <Debian package> <what is lost without it> <pkg-config module>)
macro(kmemlab_optional name package lost module)
  pkg_check_modules(KMEMLAB_${name} QUIET IMPORTED_TARGET ${module})
  kmemlab_pad(_label ${module})
  if(KMEMLAB_${name}_FOUND)
    set(KMEMLAB_HAVE_${name} 1)
    kmemlab_say("  ${_label} ${KMEMLAB_${name}_VERSION}")
    list(APPEND KMEMLAB_LIBRARIES "${module} ${KMEMLAB_${name}_VERSION}")
  else()
    set(KMEMLAB_HAVE_${name} 0)
    kmemlab_say("  ${_label} not found: ${lost} (apt install ${package})")
  endif()
endmacro()

# kmemlab_tool(<variable> <Debian package> <what is lost without it> <names>...)
macro(kmemlab_tool variable package lost)
  find_program(${variable} NAMES ${ARGN})
  mark_as_advanced(${variable})
  if(NOT ${variable})
    kmemlab_pad(_label ${package})
    kmemlab_say("  ${_label} not found: ${lost} (apt install ${package})")
  endif()
endmacro()

if(NOT PKG_CONFIG_FOUND)
  message(FATAL_ERROR "pkg-config is missing; run ./toolchain/bootstrap, or: apt install pkgconf")
endif()
if(NOT Python3_FOUND)
  message(FATAL_ERROR "python3 is missing; run ./toolchain/bootstrap, or: apt install python3")
endif()

kmemlab_required(liburcu liburcu-dev "RCU" liburcu-qsbr liburcu-cds)
kmemlab_required(ck libck-dev "spinlocks, rings, lock-free stacks" ck)
kmemlab_required(jansson libjansson-dev "JSON with exact 64-bit integers" jansson)
if(KMEMLAB_MISSING)
  list(JOIN KMEMLAB_MISSING "\n  " lines)
  message(FATAL_ERROR "libraries are missing:\n  ${lines}\nRun ./toolchain/bootstrap to get them.")
endif()

kmemlab_optional(LZMA liblzma-dev "no .xz traces" liblzma)
kmemlab_optional(ZSTD libzstd-dev "no .zst traces" libzstd)
kmemlab_optional(ZLIB zlib1g-dev "no .gz traces" zlib)
kmemlab_optional(TRACECMD libtracecmd-dev "no trace.dat files" libtracecmd)
kmemlab_optional(PROTOBUFC libprotobuf-c-dev "no pprof profiles" libprotobuf-c)
kmemlab_optional(NCURSES libncurses-dev "kmemlab top only with --batch" ncurses)
kmemlab_optional(CMOCKA libcmocka-dev "no unit, model and mt tests" cmocka)
kmemlab_optional(JEMALLOC libjemalloc-dev "not among the benchmark peers" jemalloc)
kmemlab_optional(TCMALLOC libgoogle-perftools-dev "not among the benchmark peers"
  libtcmalloc_minimal)

# mimalloc ships a CMake package and no pkg-config file.
find_library(KMEMLAB_MIMALLOC_LIB mimalloc)
mark_as_advanced(KMEMLAB_MIMALLOC_LIB)
kmemlab_pad(_label mimalloc)
if(KMEMLAB_MIMALLOC_LIB)
  set(KMEMLAB_HAVE_MIMALLOC 1)
  kmemlab_say("  ${_label} found")
else()
  set(KMEMLAB_HAVE_MIMALLOC 0)
  kmemlab_say("  ${_label} not found: not among the benchmark peers (apt install libmimalloc-dev)")
endif()

kmemlab_tool(KMEMLAB_BATS bats "no command-line tests" bats)
kmemlab_tool(KMEMLAB_PROTOC_C protobuf-c-compiler "no pprof profiles" protoc-c)
set(KMEMLAB_HAVE_PPROF 0)
if(KMEMLAB_HAVE_PROTOBUFC AND KMEMLAB_PROTOC_C AND KMEMLAB_HAVE_ZLIB)
  set(KMEMLAB_HAVE_PPROF 1)
endif()
if(KMEMLAB_BUILD STREQUAL "analyze")
  kmemlab_tool(KMEMLAB_CLANG_TIDY clang-tidy-14 "the analyze build checks nothing"
    clang-tidy-14 clang-tidy)
endif()

# What the runtime needs at link time.
add_library(kmemlab_deps_runtime INTERFACE)
target_link_libraries(kmemlab_deps_runtime INTERFACE
  PkgConfig::KMEMLAB_liburcu PkgConfig::KMEMLAB_ck Threads::Threads m)

# What the stress layer needs: its libraries, and one 0/1 definition for each optional one.
add_library(kmemlab_deps_stress INTERFACE)
target_link_libraries(kmemlab_deps_stress INTERFACE PkgConfig::KMEMLAB_jansson m)
list(JOIN KMEMLAB_LIBRARIES ", " libraries)
target_compile_definitions(kmemlab_deps_stress INTERFACE KMEMLAB_LIBRARIES="${libraries}")
foreach(name LZMA ZSTD ZLIB TRACECMD)
  target_compile_definitions(kmemlab_deps_stress INTERFACE
    KMEMLAB_HAVE_${name}=${KMEMLAB_HAVE_${name}})
  if(KMEMLAB_HAVE_${name})
    target_link_libraries(kmemlab_deps_stress INTERFACE PkgConfig::KMEMLAB_${name})
  endif()
endforeach()

target_compile_definitions(kmemlab_deps_stress INTERFACE KMEMLAB_HAVE_PPROF=${KMEMLAB_HAVE_PPROF})
if(KMEMLAB_HAVE_PPROF)
  target_link_libraries(kmemlab_deps_stress INTERFACE PkgConfig::KMEMLAB_PROTOBUFC)
endif()

function(kmemlab_print_summary)
  get_property(lines GLOBAL PROPERTY KMEMLAB_SUMMARY_LINES)
  message(STATUS "kmemlab ${PROJECT_VERSION}: build ${KMEMLAB_BUILD}, "
    "${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}, debug checks ${KMEMLAB_DEBUG}")
  message(STATUS "link-time optimisation ${KMEMLAB_LTO_WHY}")
  foreach(line IN LISTS lines)
    message(STATUS "${line}")
  endforeach()
endfunction()
