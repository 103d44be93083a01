# bifrons_page(target folder): the report's template, one HTML page of folder/page.html with its CSS and
# scripts in it, as page_template.h: page_head and page_tail, the bytes before and after the data.
function(bifrons_page target folder)
  set(header ${CMAKE_CURRENT_BINARY_DIR}/generated/page_template.h)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
  file(GLOB parts CONFIGURE_DEPENDS ${source}/*.html ${source}/*.css ${source}/*.js)
  add_custom_command(OUTPUT ${header} DEPENDS ${parts} ${PROJECT_SOURCE_DIR}/cmake/BifronsEmbedPage.cmake
    COMMAND ${CMAKE_COMMAND} -D SOURCE=${source} -D OUTPUT=${header}
            -P ${PROJECT_SOURCE_DIR}/cmake/BifronsEmbedPage.cmake
    COMMENT "Embedding the report's template" VERBATIM)
  target_sources(${target} PRIVATE ${header})
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/generated)
endfunction()
