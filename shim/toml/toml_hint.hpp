// What a text that is no TOML was probably meant to be: for the end of a message.
#pragma once

#include <string>
#include <string_view>

// "; write VALUE …" about a line (from 1) that was refused, or "".
std::string toml_hint(std::string_view text, int line);
// "UTF-16 text" and the like, where the bytes are no UTF-8 at all; nullptr where they may be.
const char *toml_other_encoding(std::string_view text);
