# Helpers for tests/: each test is its own process with a deadline; 77 means skipped.

pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

set(BIFRONS_TEST_ENVIRONMENT
    "BIFRONS=$<TARGET_FILE:bifrons>"
    "OMP_NUM_THREADS=1" # threads that wait by spinning take the other tests' cores
    "OMPI_ALLOW_RUN_AS_ROOT=1" "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"
    "OMPI_MCA_rmaps_base_oversubscribe=1" "OMPI_MCA_hwloc_base_binding_policy=none"
    "ASAN_OPTIONS=allocator_may_return_null=1:fast_unwind_on_malloc=0:detect_odr_violation=0"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/lsan.supp:print_suppressions=0"
    "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/tsan.supp")

# The programs of the tests that have the label threads, for scripts/test --tsan.
add_custom_target(threads_tests)

# bifrons_test(module/name LIBRARIES lib... [RANKS n...] [THREADS n...] [TIMEOUT seconds] [ARGS arg...])
# builds tests/module/test_name.c; with RANKS it runs under mpirun once for each count. THREADS: with these
# counts of ranks (1 without RANKS) the test has the label threads, too.
function(bifrons_test path)
  cmake_parse_arguments(T "" "TIMEOUT" "LIBRARIES;RANKS;THREADS;ARGS" ${ARGN})
  get_filename_component(module ${path} DIRECTORY)
  get_filename_component(name ${path} NAME)
  set(target test_${module}_${name})
  add_executable(${target} ${PROJECT_SOURCE_DIR}/tests/${module}/test_${name}.c)
  bifrons_compile_options(${target})
  target_compile_definitions(${target} PRIVATE _XOPEN_SOURCE=700) # nftw
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${target} PRIVATE ${T_LIBRARIES} PkgConfig::CMOCKA m Threads::Threads)
  target_link_options(${target} PRIVATE LINKER:--as-needed) # loading libtorch takes 0.3 s, with ASan 1 s
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 60)
  endif()
  if(NOT T_RANKS)
    add_test(NAME ${path} COMMAND ${target} ${T_ARGS})
    bifrons_test_properties(${path} unit ${T_TIMEOUT} 1)
  endif()
  foreach(n ${T_RANKS})
    add_test(NAME ${path}.${n} COMMAND mpirun -n ${n} $<TARGET_FILE:${target}> ${T_ARGS})
    bifrons_test_properties(${path}.${n} mpi ${T_TIMEOUT} 2)
  endforeach()
  if(T_THREADS)
    add_dependencies(threads_tests ${target})
  endif()
  foreach(n ${T_THREADS})
    set(test ${path})
    if(T_RANKS)
      set(test ${path}.${n})
    endif()
    set_property(TEST ${test} APPEND PROPERTY LABELS threads)
  endforeach()
endfunction()

function(bifrons_test_properties test label timeout processors)
  if(BIFRONS_SANITIZE STREQUAL "thread")
    math(EXPR timeout "${timeout} * 5") # about as much slower
  endif()
  set(environment ${BIFRONS_TEST_ENVIRONMENT})
  # The suppressions of Open MPI's leaks need whole stacks. Elsewhere they cost 4 s for libtorch alone.
  if(label STREQUAL "unit" AND NOT test MATCHES "^comm/")
    list(TRANSFORM environment REPLACE "fast_unwind_on_malloc=0:" "")
  endif()
  set_tests_properties(${test} PROPERTIES
    LABELS ${label} TIMEOUT ${timeout} PROCESSORS ${processors} SKIP_RETURN_CODE 77
    ENVIRONMENT "${environment}")
endfunction()

# bifrons_pytest(folder/test_x.py [TIMEOUT seconds] [PROCESSORS n] [ARGS arg...] [THREADS program...]): a file of
# outside-in tests, run by the Python that scripts/setup prepared. THREADS: it needs these programs only, and has the
# label threads, too. The tests find the program in $BIFRONS and the source
# tree in $BIFRONS_SOURCE; they write below pytest's tmp_path only. One JUnit file each, from which
# scripts/test counts the single tests.
set(BIFRONS_PYTHON "${PROJECT_SOURCE_DIR}/.venv/bin/python" CACHE FILEPATH
    "Python with torch and what python/requirements-test.txt names")

function(bifrons_pytest path)
  cmake_parse_arguments(T "" "TIMEOUT;PROCESSORS" "ARGS;THREADS" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 900)
  endif()
  if(NOT T_PROCESSORS)
    set(T_PROCESSORS 1) # of several ranks, too: they wait for most of the time
  endif()
  string(REGEX REPLACE "\\.py$" "" test ${path})
  add_test(NAME ${test}
           COMMAND ${BIFRONS_PYTHON} -m pytest -q -p no:cacheprovider --strict-markers
                   --rootdir=${PROJECT_SOURCE_DIR}/tests
                   --junitxml=${PROJECT_BINARY_DIR}/tests/junit/${test}.xml
                   ${T_ARGS} ${PROJECT_SOURCE_DIR}/tests/${path})
  bifrons_test_properties(${test} python ${T_TIMEOUT} ${T_PROCESSORS})
  set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT
               "BIFRONS_SOURCE=${PROJECT_SOURCE_DIR}" "PYTHONPATH=${PROJECT_SOURCE_DIR}/python"
               "PYTHONDONTWRITEBYTECODE=1")
  if(T_THREADS)
    add_dependencies(threads_tests ${T_THREADS})
    set_property(TEST ${test} APPEND PROPERTY LABELS threads)
  endif()
endfunction()

# bifrons_pytest_folder(folder): every tests/FOLDER/test_*.py; FOLDER_tests lists their names.
function(bifrons_pytest_folder folder)
  file(GLOB files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/tests
       ${PROJECT_SOURCE_DIR}/tests/${folder}/test_*.py)
  foreach(file ${files})
    bifrons_pytest(${file} ${ARGN})
  endforeach()
  list(TRANSFORM files REPLACE "\\.py$" "")
  set(${folder}_tests ${files} PARENT_SCOPE)
endfunction()
