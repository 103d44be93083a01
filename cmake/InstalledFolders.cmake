# Run by cmake --install, first: which of shared_folders it is about to make.
set(prefix "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
set(made_folders)
foreach(folder IN LISTS shared_folders)
  if(NOT IS_DIRECTORY "${prefix}/${folder}")
    list(APPEND made_folders "${folder}/")
  endif()
endforeach()
