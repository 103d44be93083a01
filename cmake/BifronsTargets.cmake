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

# bifrons_room(NAME FOLDER [rooms and modules it uses...]): the library bifrons_NAME of every .c file
# in a folder. Who uses the room sees the headers in that folder. Foreign libraries are linked PRIVATE
# by the caller.
function(bifrons_room name folder)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.c)
  add_library(bifrons_${name} STATIC ${sources})
  target_include_directories(bifrons_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
  bifrons_compile_options(bifrons_${name})
  list(TRANSFORM ARGN PREPEND bifrons_)
  target_link_libraries(bifrons_${name} PUBLIC ${ARGN})
endfunction()

# bifrons_module(NAME [ROOMS room...] [USES module...]): the library bifrons_NAME of every .c file in the
# current folder, and of its rooms. Others see ./include and nothing else. The rooms are folders of the
# module; they use the module's public headers as bifrons_NAME_headers.
function(bifrons_module name)
  cmake_parse_arguments(M "" "" "ROOMS;USES" ${ARGN})
  list(TRANSFORM M_ROOMS PREPEND bifrons_)
  list(TRANSFORM M_USES PREPEND bifrons_)
  add_library(bifrons_${name}_headers INTERFACE)
  target_include_directories(bifrons_${name}_headers INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/include)
  target_link_libraries(bifrons_${name}_headers INTERFACE ${M_USES})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_library(bifrons_${name} STATIC ${sources})
  bifrons_compile_options(bifrons_${name})
  target_link_libraries(bifrons_${name} PUBLIC bifrons_${name}_headers PRIVATE ${M_ROOMS})
endfunction()

# bifrons_pkg(target module... ): a pkg-config module, its headers as SYSTEM and PRIVATE.
function(bifrons_pkg target module)
  string(MAKE_C_IDENTIFIER "PKG_${module}" id)
  if(NOT TARGET PkgConfig::${id})
    pkg_check_modules(${id} REQUIRED IMPORTED_TARGET GLOBAL ${module})
  endif()
  target_link_libraries(${target} PRIVATE PkgConfig::${id})
endfunction()
