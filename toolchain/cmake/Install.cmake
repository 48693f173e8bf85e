# SPDX-License-Identifier: MIT
# What `cmake --install` puts where: the programs, the three lower layers as static libraries with
# their headers, a pkg-config file and a CMake package for each way of linking them, man pages, the
# completion of bash, and the trace of the demo.
#
# A program links a layer whole, as ours do: an object that only holds per-CPU data is referred to
# by nobody. One -Wl word names the archives of a layer and of those below it, so that no tool that
# removes double words can take the group apart. The release build offers the object that was
# optimised across the three layers in place of their archives.
#
# All paths are relative to where the files lie, so the tree may be moved and --prefix may differ
# from the one of the configuration.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(headers_dir ${CMAKE_INSTALL_INCLUDEDIR}/kmemlab)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/kmemlab)
set(data_dir ${CMAKE_INSTALL_DATADIR}/kmemlab)

foreach(layer runtime percpu mm)
  install(TARGETS kmemlab_${layer} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/${layer} DESTINATION ${headers_dir}
    FILES_MATCHING PATTERN "*.h")
endforeach()
if(KMEMLAB_USE_LTO)
  install(FILES ${CMAKE_BINARY_DIR}/kmemlab_core.o DESTINATION ${CMAKE_INSTALL_LIBDIR}/kmemlab)
endif()
get_property(programs GLOBAL PROPERTY KMEMLAB_PROGRAMS)
install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/tests/data/traces/fork DESTINATION ${data_dir}/traces)

# What a program must be compiled with: the same definitions as the libraries, which decide the
# layout of their structures, and the two flags that their inline functions rely on.
set(KMEMLAB_PUBLIC_OPTIONS -pthread -fno-strict-aliasing ${KMEMLAB_SANITIZE})
set(KMEMLAB_PUBLIC_DEFINITIONS KMEMLAB_DEBUG=${KMEMLAB_DEBUG} KMEMLAB_EXPLORE=${KMEMLAB_EXPLORE})
set(KMEMLAB_PUBLIC_LINK -pthread ${KMEMLAB_SANITIZE} -Wl,-z,nostart-stop-gc)
if(KMEMLAB_USE_LTO)
  # The archives carry both machine code and the compiler's own form; only the first is meant here.
  list(APPEND KMEMLAB_PUBLIC_LINK -fno-lto)
endif()

# kmemlab_whole(<out> <folder> <layer>...): the link word for these archives, whole.
function(kmemlab_whole out folder)
  set(word -Wl,--whole-archive)
  foreach(layer IN LISTS ARGN)
    string(APPEND word ",${folder}/libkmemlab_${layer}.a")
  endforeach()
  set(${out} "${word},--no-whole-archive" PARENT_SCOPE)
endfunction()

# kmemlab_link_words(<folder>): KMEMLAB_LINK_LAYER for each layer, with those below it.
function(kmemlab_link_words folder)
  kmemlab_whole(runtime "${folder}" runtime)
  kmemlab_whole(percpu "${folder}" percpu runtime)
  if(KMEMLAB_USE_LTO)
    set(mm "${folder}/kmemlab/kmemlab_core.o")
  else()
    kmemlab_whole(mm "${folder}" mm percpu runtime)
  endif()
  set(KMEMLAB_LINK_runtime "${runtime}" PARENT_SCOPE)
  set(KMEMLAB_LINK_percpu "${percpu}" PARENT_SCOPE)
  set(KMEMLAB_LINK_mm "${mm}" PARENT_SCOPE)
endfunction()

# pkg-config: kmemlab is all of it, kmemlab-percpu and kmemlab-runtime the layers below.
kmemlab_link_words("\${libdir}")
list(JOIN KMEMLAB_PUBLIC_LINK " " pc_link)
list(TRANSFORM KMEMLAB_PUBLIC_DEFINITIONS PREPEND -D OUTPUT_VARIABLE pc_cflags)
list(JOIN KMEMLAB_PUBLIC_OPTIONS " " pc_options)
list(JOIN pc_cflags " " pc_cflags)
file(RELATIVE_PATH pc_up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_up "${pc_up}")
foreach(layer runtime percpu mm)
  set(pc_name kmemlab-${layer})
  if(layer STREQUAL mm)
    set(pc_name kmemlab)
  endif()
  set(pc_libs "${KMEMLAB_LINK_${layer}}")
  configure_file(${CMAKE_SOURCE_DIR}/toolchain/install/kmemlab.pc.in
    ${CMAKE_BINARY_DIR}/install/${pc_name}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/install/${pc_name}.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

# CMake: find_package(kmemlab), targets kmemlab::mm, kmemlab::percpu, kmemlab::runtime.
kmemlab_link_words("\${kmemlab_libdir}")
set(KMEMLAB_HEADERS_DIR ${headers_dir})
set(KMEMLAB_LIB_DIR ${CMAKE_INSTALL_LIBDIR})
configure_package_config_file(${CMAKE_SOURCE_DIR}/toolchain/install/kmemlab-config.cmake.in
  ${CMAKE_BINARY_DIR}/install/kmemlab-config.cmake INSTALL_DESTINATION ${package_dir}
  PATH_VARS KMEMLAB_HEADERS_DIR KMEMLAB_LIB_DIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/install/kmemlab-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/install/kmemlab-config.cmake
  ${CMAKE_BINARY_DIR}/install/kmemlab-config-version.cmake DESTINATION ${package_dir})

# Manual pages and the completion: written by the programs themselves; docs/man has the examples.
file(GLOB texts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/man/*.txt)
set(launcher "")
if(KMEMLAB_LAUNCHER)
  set(launcher --launcher ${KMEMLAB_LAUNCHER})
endif()
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/manual/stamp
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/toolchain/manual.py ${launcher}
    --bin ${CMAKE_BINARY_DIR}/bin --out ${CMAKE_BINARY_DIR}/manual
    --text ${CMAKE_SOURCE_DIR}/docs/man
  COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/manual/stamp
  DEPENDS ${programs} ${CMAKE_SOURCE_DIR}/toolchain/manual.py ${texts} VERBATIM
  COMMENT "Writing the manual pages")
add_custom_target(manual ALL DEPENDS ${CMAKE_BINARY_DIR}/manual/stamp)
add_dependencies(products manual)
install(DIRECTORY ${CMAKE_BINARY_DIR}/manual/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(DIRECTORY ${CMAKE_BINARY_DIR}/manual/completions/
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
