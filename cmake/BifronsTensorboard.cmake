# bifrons_tensorboard(FOLDER): the room of the writer of event files, as WITH_TENSORBOARD says: AUTO where
# libprotobuf-c, protoc-c and libisal are there, ON requires them. FOLDER/off is the room without them.
function(bifrons_tensorboard folder)
  set(found OFF)
  if(NOT WITH_TENSORBOARD STREQUAL "OFF")
    pkg_check_modules(PKG_libprotobuf_c QUIET IMPORTED_TARGET GLOBAL libprotobuf-c)
    pkg_check_modules(PKG_libisal QUIET IMPORTED_TARGET GLOBAL libisal)
    find_program(PROTOC_C protoc-c)
    if(PKG_libprotobuf_c_FOUND AND PKG_libisal_FOUND AND PROTOC_C)
      set(found ON)
    elseif(WITH_TENSORBOARD STREQUAL "ON")
      message(FATAL_ERROR "WITH_TENSORBOARD=ON needs libprotobuf-c, protoc-c and libisal "
                          "(Debian: libprotobuf-c-dev protobuf-c-compiler libisal-dev)")
    endif()
  endif()
  message(STATUS "TensorBoard event files: ${found}")
  if(NOT found)
    bifrons_room(tensorboard ${folder}/off report)
    target_include_directories(bifrons_tensorboard PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
    return()
  endif()

  set(generated ${CMAKE_CURRENT_BINARY_DIR}/generated/proto)
  file(MAKE_DIRECTORY ${generated})
  add_custom_command(
    OUTPUT ${generated}/tfevent.pb-c.c ${generated}/tfevent.pb-c.h
    COMMAND ${PROTOC_C} --proto_path=${CMAKE_CURRENT_SOURCE_DIR}/${folder} --c_out=${generated}
            tfevent.proto
    DEPENDS ${folder}/tfevent.proto VERBATIM)
  # a library of its own: generated code is not held to our warnings
  add_library(bifrons_tfevent STATIC ${generated}/tfevent.pb-c.c ${generated}/tfevent.pb-c.h)
  target_include_directories(bifrons_tfevent SYSTEM PUBLIC ${generated})
  target_link_libraries(bifrons_tfevent PUBLIC PkgConfig::PKG_libprotobuf_c)

  bifrons_room(tensorboard ${folder} report)
  target_link_libraries(bifrons_tensorboard PRIVATE bifrons_tfevent PkgConfig::PKG_libisal)
endfunction()
