// Hints for the end of a message about text that is not TOML.
#pragma once

#include <string>
#include <string_view>

// A hint such as "; write 0 before the point" for an invalid line (from 1), or "".
std::string toml_hint(std::string_view text, int line);
// What the bytes are if they cannot be a configuration ("UTF-16 text, …"); else nullptr.
const char *toml_other_encoding(std::string_view text);
