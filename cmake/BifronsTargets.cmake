# How every target of ours is compiled, and how a module is declared.

set(BIFRONS_C_WARNINGS
    -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wconversion -Wformat=2 -Wundef -Wstrict-prototypes
    -Wmissing-prototypes $<$<BOOL:${BIFRONS_WERROR}>:-Werror>)
set(BIFRONS_CXX_WARNINGS -Wall -Wextra -Wshadow $<$<BOOL:${BIFRONS_WERROR}>:-Werror>)

function(bifrons_compile_options target)
  target_compile_options(${target} PRIVATE
    "$<$<COMPILE_LANGUAGE:C>:${BIFRONS_C_WARNINGS}>"
    "$<$<COMPILE_LANGUAGE:CXX>:${BIFRONS_CXX_WARNINGS}>"
    -fno-math-errno -ffp-contract=off)
  target_compile_definitions(${target} PRIVATE $<$<COMPILE_LANGUAGE:C>:_POSIX_C_SOURCE=200809L>)
  if(BIFRONS_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${BIFRONS_SANITIZE}
                           -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${BIFRONS_SANITIZE})
  endif()
endfunction()

# bifrons_module(NAME [modules it may use...]): a static library of every .c file in the current
# folder that exports ./include and nothing else. Foreign libraries are linked PRIVATE by the caller.
function(bifrons_module name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_library(bifrons_${name} STATIC ${sources})
  target_include_directories(bifrons_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/include)
  bifrons_compile_options(bifrons_${name})
  foreach(used ${ARGN})
    target_link_libraries(bifrons_${name} PUBLIC bifrons_${used})
  endforeach()
endfunction()

# bifrons_pkg(target module... ): a pkg-config module, its headers as SYSTEM and PRIVATE.
function(bifrons_pkg target module)
  string(MAKE_C_IDENTIFIER "PKG_${module}" id)
  if(NOT TARGET PkgConfig::${id})
    pkg_check_modules(${id} REQUIRED IMPORTED_TARGET GLOBAL ${module})
  endif()
  target_link_libraries(${target} PRIVATE PkgConfig::${id})
endfunction()
