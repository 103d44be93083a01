# Run at every build (cmake -P): writes the commit into a header, which changes only with it.
#   -D SOURCE=folder -D OUTPUT=header
cmake_minimum_required(VERSION 3.25)
find_program(GIT git)
set(commit unknown)
if(GIT AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse HEAD
                  OUTPUT_VARIABLE head RESULT_VARIABLE failed ERROR_QUIET
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  # files that are missing change nothing: a container gets no tests and no documents
  execute_process(COMMAND ${GIT} -C ${SOURCE} diff --quiet --diff-filter=d HEAD
                  RESULT_VARIABLE changed OUTPUT_QUIET ERROR_QUIET)
  if(NOT failed AND changed)
    set(commit ${head}-dirty)
  elseif(NOT failed)
    set(commit ${head})
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define BIFRONS_COMMIT \"${commit}\"\n")
