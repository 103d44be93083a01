#include "config_hint.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "base/file.h"
#include "command.h"
#include "config_suggest.h"
#include "toml/toml.h"

#include "base/poison.h"

enum { NUMBER_BYTES = 48 };

/* ---- Values ---------------------------------------------------------------------------------- */

static bool is_numeric(const struct config_key *key)
{
    return key->type == CONFIG_WHOLE || key->type == CONFIG_NUMBER;
}

/* Writes a number in the form that the key takes; false if it takes no such number. */
static bool write_number(const struct config_key *key, double number, char out[static NUMBER_BYTES])
{
    const double exact = 9007199254740992.0; /* 2^53 */
    struct toml_entry e = {.kind = TOML_FLOAT, .number = number};
    struct config_value v;
    if (key->type != CONFIG_NUMBER) {
        if (!isfinite(number) || fabs(number) > exact || number != trunc(number))
            return false;
        e.kind = TOML_INTEGER;
        e.integer = (int64_t)number;
    }
    snprintf(out, NUMBER_BYTES, "%.*g", key->type == CONFIG_NUMBER ? 10 : 17, number);
    return config_key_coerce(key, &e, &v);
}

/* True if the comma separates thousands: exactly three digits follow. */
static bool parts_thousands(const char *comma)
{
    return strspn(comma + 1, "0123456789") == 3;
}

/* Reads "0,5", ".5" and " 0.5 " as 0.5; for whole numbers "1,000" as 1000. */
static bool read_number(const struct config_key *key, const char *text, double *out)
{
    char copy[NUMBER_BYTES], *end;
    size_t n = 0;
    for (; *text; text++) {
        if (n + 1 == sizeof copy)
            return false;
        if (*text != ',')
            copy[n++] = *text;
        else if (key->type == CONFIG_NUMBER || !parts_thousands(text))
            copy[n++] = '.';
    }
    copy[n] = '\0';
    if (!copy[strspn(copy, " \t")])
        return false;
    *out = strtod(copy, &end);
    return end[strspn(end, " \t")] == '\0';
}

/* true, false, or -1: neither. */
static int read_truth(const char *text)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < ARRAY_LENGTH(yes); i++) {
        if (!strcasecmp(text, yes[i]))
            return true;
        if (!strcasecmp(text, no[i]))
            return false;
    }
    return -1;
}

static void hint_number(const struct config_key *key, const struct toml_entry *e, bool in_file,
                        char out[static CONFIG_HINT_BYTES])
{
    char number[NUMBER_BYTES];
    double value = e->number;
    bool text = e->kind == TOML_STRING, off = key->off && e->kind == TOML_BOOL && !e->boolean;
    if (off)
        snprintf(out, CONFIG_HINT_BYTES, ": write \"%s\"", key->off);
    else if ((text ? read_number(key, e->text, &value) : e->kind == TOML_FLOAT) &&
             write_number(key, value, number))
        snprintf(out, CONFIG_HINT_BYTES, ": write %s%s%s", number,
                 text && in_file ? ", without quotes" : "",
                 text && key->type == CONFIG_NUMBER && strchr(e->text, ',')
                     ? " (the decimal sign is a point)"
                     : "");
}

static void hint_truth(const struct toml_entry *e, bool in_file, char out[static CONFIG_HINT_BYTES])
{
    int truth = e->kind == TOML_STRING ? read_truth(e->text)
                : e->kind == TOML_INTEGER && (e->integer == 0 || e->integer == 1) ? (int)e->integer
                                                                                  : -1;
    if (truth >= 0)
        snprintf(out, CONFIG_HINT_BYTES, ": write %s%s", truth ? "true" : "false",
                 e->kind == TOML_STRING && in_file ? ", without quotes" : "");
}

/* A key that takes text was given something that needs quotes in TOML. */
static void hint_text(const struct toml_entry *e, char out[static CONFIG_HINT_BYTES])
{
    if (e->kind == TOML_INTEGER)
        snprintf(out, CONFIG_HINT_BYTES, ": write \"%" PRId64 "\", with quotes", e->integer);
    else if (e->kind == TOML_FLOAT)
        snprintf(out, CONFIG_HINT_BYTES, ": write \"%.10g\", with quotes", e->number);
    else if (e->kind == TOML_BOOL)
        snprintf(out, CONFIG_HINT_BYTES, ": write \"%s\", with quotes",
                 e->boolean ? "true" : "false");
}

void config_value_hint(const struct config_key *key, const struct toml_entry *e, bool in_file,
                       char out[static CONFIG_HINT_BYTES])
{
    out[0] = '\0';
    if (is_numeric(key))
        hint_number(key, e, in_file, out);
    else if (key->type == CONFIG_BOOL)
        hint_truth(e, in_file, out);
    else if (key->type == CONFIG_STRING || key->type == CONFIG_PATH)
        hint_text(e, out);
    else if (key->type == CONFIG_WORD && e->kind == TOML_STRING) {
        const char *word = config_suggest_word(key->words, e->text);
        if (word)
            snprintf(out, CONFIG_HINT_BYTES, ": write \"%s\"", word);
    }
}

/* ---- Paths ----------------------------------------------------------------------------------- */

static bool holds_control(const char *path)
{
    for (; *path; path++)
        if (iscntrl((unsigned char)*path))
            return true;
    return false;
}

/* True if it begins or ends with a quotation mark. */
static bool is_quoted(const char *path)
{
    static const char *const marks[] = {"\"",     "'",      "\u201c", "\u201d", "\u2018",
                                        "\u2019", "\u00ab", "\u00bb", "\u300c", "\u300d"};
    size_t n = strlen(path);
    for (size_t i = 0; i < ARRAY_LENGTH(marks); i++) {
        size_t m = strlen(marks[i]);
        if (n >= m && (!strncmp(path, marks[i], m) || !strcmp(path + n - m, marks[i])))
            return true;
    }
    return false;
}

void config_path_hint(const char *path, char out[static CONFIG_HINT_BYTES])
{
    size_t n = strlen(path);
    const char *hint = "";
    bool drive = n > 2 && isalpha((unsigned char)path[0]) && path[1] == ':';
    out[0] = '\0';
    if (holds_control(path))
        hint = ". It holds a control character: in double quotes TOML takes \\t, \\n and the like "
               "for one; use single quotes, or / in place of \\";
    else if (drive && (path[2] == '\\' || path[2] == '/'))
        snprintf(out, CONFIG_HINT_BYTES,
                 ". It is a Windows path: in WSL, %c:\\ is /mnt/%c/, and / stands between folders",
                 path[0], tolower((unsigned char)path[0]));
    else if (strchr(path, '\\'))
        hint = ". It holds a backslash: / stands between folders here";
    else if (is_quoted(path))
        hint = ". The quotes are part of the given path: leave them out";
    else if (path[0] == '~')
        hint = ". The shell has not expanded ~: write $HOME in the shell, a whole path in a file";
    else if (strchr(path, '$'))
        hint = ". Variables like $HOME are the shell's: in a file, write the whole path";
    else if (n > 0 && (isspace((unsigned char)path[0]) || isspace((unsigned char)path[n - 1])))
        hint = ". It begins or ends with a blank";
    if (hint[0])
        snprintf(out, CONFIG_HINT_BYTES, "%s", hint);
}

void config_file_hint(const char *path, char *out, size_t out_bytes)
{
    char found[PATH_BYTES_MAX];
    out[0] = '\0';
    if (command_find_config(path, found))
        snprintf(out, out_bytes, "; it comes with bifrons: %s", found);
}
