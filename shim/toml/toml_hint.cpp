#include "toml_hint.hpp"

#include <algorithm>
#include <cctype>

namespace
{

// Characters that editors, chats and input methods write instead of TOML's.
constexpr struct {
    std::string_view mark, hint;
} marks[] = {
    {"\u201c", "; \u201c and \u201d are typographic quotes: TOML takes \" or '"          },
    {"\u201d", "; \u201c and \u201d are typographic quotes: TOML takes \" or '"          },
    {"\u201e", "; \u201e is a typographic quote: TOML takes \" or '"                     },
    {"\u2018", "; \u2018 and \u2019 are typographic quotes: TOML takes \" or '"          },
    {"\u2019", "; \u2018 and \u2019 are typographic quotes: TOML takes \" or '"          },
    {"\u00ab", "; \u00ab and \u00bb are typographic quotes: TOML takes \" or '"          },
    {"\u300c", "; \u300c and \u300d are Japanese quotes: TOML takes \" or '"             },
    {"\uff02", "; \uff02 is a full-width quote: TOML takes \" or '"                      },
    {"\uff1d", "; \uff1d is a full-width sign: TOML takes ="                             },
    {"\uff0e", "; \uff0e is a full-width point: TOML takes ."                            },
    {"\uff3b", "; \uff3b is a full-width bracket: TOML takes ["                          },
    {"\uff03", "; \uff03 is a full-width sign: TOML takes #"                             },
    {"\u3000", "; the line holds a full-width blank (U+3000): write a plain one"         },
    {"\u00a0", "; the line holds a blank that does not break (U+00A0): write a plain one"},
    {"\u200b", "; the line holds an invisible character (U+200B): write it anew"         },
    {"\u2212", "; \u2212 is a typographic minus: TOML takes -"                           },
    {"\u2013", "; \u2013 is a dash: TOML takes -"                                        },
};

std::string_view line_of(std::string_view text, int line)
{
    for (; line > 1; line--) {
        size_t end = text.find('\n');
        if (end == text.npos)
            return {};
        text.remove_prefix(end + 1);
    }
    return text.substr(0, text.find_first_of("\r\n"));
}

std::string_view trim(std::string_view s)
{
    size_t from = s.find_first_not_of(" \t");
    if (from == s.npos)
        return {};
    return s.substr(from, s.find_last_not_of(" \t") - from + 1);
}

// The length in bytes of the UTF-8 sequence that begins here; 0: not valid UTF-8.
size_t sequence(std::string_view s)
{
    auto c = static_cast<unsigned char>(s[0]);
    size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : c < 0xf5 ? 4 : 0;
    if (n == 0 || n > s.size() || (c >= 0x80 && c < 0xc2))
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((static_cast<unsigned char>(s[i]) & 0xc0) != 0x80)
            return 0;
    return n;
}

bool is_utf8(std::string_view s)
{
    while (!s.empty()) {
        size_t n = sequence(s);
        if (n == 0)
            return false;
        s.remove_prefix(n);
    }
    return true;
}

// true if there is a backslash between double quotes.
bool has_escape(std::string_view line)
{
    size_t quote = line.find('"');
    return quote != line.npos && line.find('\\', quote) != line.npos;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words)
{
    std::string small(word);
    std::transform(small.begin(), small.end(), small.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::find(words.begin(), words.end(), small) != words.end();
}

bool is_number_with_comma(std::string_view value)
{
    size_t comma = value.find(',');
    return comma != value.npos && comma > 0 && comma + 1 < value.size() &&
           value.find_first_not_of("0123456789+-,eE") == value.npos;
}

// A hint about the part after the '='.
std::string value_hint(std::string_view value)
{
    if (value.empty())
        return "; a value is missing after =";
    std::string_view word = value.substr(0, value.find_first_of(" \t#,;"));
    if (is_one_of(word, {"true", "yes", "on", "y"}))
        return "; write true, in small letters and without quotes";
    if (is_one_of(word, {"false", "no", "off", "n"}))
        return word == "off" ? "; text stands in quotes: \"off\""
                             : "; write false, in small letters and without quotes";
    if (is_one_of(word, {"none", "null", "nil", "~"}))
        return "; TOML has no such value: leave the line out";
    if (value.find(';') != value.npos || value.find("//") != value.npos)
        return "; a comment begins with #, and nothing ends a line";
    if (is_number_with_comma(trim(value.substr(0, value.find('#')))))
        return "; write a decimal point, and no thousands separator";
    if (value[0] == '.' && value.size() > 1 && std::isdigit(static_cast<unsigned char>(value[1])))
        return "; write 0 before the point";
    size_t last = word.find_last_not_of("0123456789+-.eE_");
    if (std::isdigit(static_cast<unsigned char>(value[0])) && last == word.npos)
        return word.back() == '.' ? "; write 0 after the point" : "";
    if (std::isalpha(static_cast<unsigned char>(value[0])) || value[0] == '/' || value[0] == '.' ||
        value[0] == '$' || static_cast<unsigned char>(value[0]) >= 0x80)
        return "; text stands in quotes, as in name = \"text\"";
    return "";
}

} // namespace

std::string toml_hint(std::string_view text, int number)
{
    std::string_view line = trim(line_of(text, number));
    if (!is_utf8(text))
        return "; save the file as UTF-8";
    for (const auto &m : marks)
        if (line.find(m.mark) != line.npos)
            return std::string(m.hint);
    if (has_escape(line))
        return "; in double quotes a backslash begins an escape: put a path into single quotes "
               "('C:\\Users\\x'), write / for \\, or double each \\";
    if (trim(text).substr(0, 1) == "{")
        return "; this looks like JSON: a configuration is TOML, lines of KEY = VALUE";
    size_t equals = line.find('='), colon = line.find(':');
    if (equals == line.npos)
        return colon != line.npos ? "; write KEY = VALUE" : "";
    return value_hint(trim(line.substr(equals + 1)));
}

const char *toml_other_encoding(std::string_view text)
{
    auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    if (text.size() >= 2 && ((at(0) == 0xff && at(1) == 0xfe) || (at(0) == 0xfe && at(1) == 0xff)))
        return "UTF-16 text, as Windows writes it: save it as UTF-8";
    if (text.size() >= 4 && ((at(0) != 0 && at(1) == 0 && at(2) != 0 && at(3) == 0) ||
                             (at(0) == 0 && at(1) != 0 && at(2) == 0 && at(3) != 0)))
        return "UTF-16 text, as Windows writes it: save it as UTF-8";
    if (text.substr(0, 4) == "PK\3\4")
        return "no configuration, but a zip archive or a checkpoint";
    if (text.substr(0, 4) == "\x89HDF")
        return "no configuration, but a set of pictures";
    return nullptr;
}
