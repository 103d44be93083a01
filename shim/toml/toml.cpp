#include "toml/toml.h"

#include "toml_hint.hpp"

#include <algorithm>
#include <climits>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

/* Limits the depth, so that hostile text cannot exhaust the stack: toml++ frees nested tables by
 * recursion. It limits brackets itself, but not dotted keys. */
#define TOML_MAX_NESTED_VALUES 16
#define TOML_EXCEPTIONS        0
#define TOML_ENABLE_FORMATTERS 0
/* Turn off the assertions of toml++ 3.3 (assumptions in release builds): bad input such as "[" and
 * a line break violates them. The code after the assertions reports these errors correctly. */
#undef NDEBUG
#define TOML_ASSERT(expr) static_cast<void>(0)
#include <toml++/toml.h>

namespace
{

constexpr int dots_in_line_max = 128;

/* An entry, with the memory that it points to. */
struct owned_entry {
    std::string key, text;
    toml_entry entry;
    const toml::array *array; /* of the parsed document */
    std::vector<owned_entry> owned_members;
    std::vector<toml_entry> members;
};

/* A table that is still to be read, with its dotted name. */
struct pending_table {
    std::string prefix;
    const toml::table *table;
};

toml_place place_of(const toml::source_position &p)
{
    return {static_cast<int>(std::min<toml::source_index>(p.line, INT_MAX)),
            static_cast<int>(std::min<toml::source_index>(p.column, INT_MAX))};
}

bool is_bare_key(std::string_view part)
{
    return !part.empty() && std::all_of(part.begin(), part.end(), [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    });
}

std::string dotted(const std::string &prefix, std::string_view part)
{
    std::string name = prefix.empty() ? "" : prefix + ".";
    if (is_bare_key(part))
        return name.append(part);
    return name.append("\"").append(part).append("\"");
}

owned_entry entry_of(std::string key, const toml::key &k, const toml::node &value)
{
    owned_entry e{std::move(key), {}, {}, value.as_array(), {}, {}};
    e.entry.kind = TOML_OTHER;
    e.entry.kind_name = !e.array           ? "a date or time"
                        : e.array->empty() ? "an empty array"
                                           : "an array";
    e.entry.key_place = place_of(k.source().begin);
    e.entry.value_place = place_of(value.source().begin);
    if (const auto *b = value.as_boolean()) {
        e.entry.kind = TOML_BOOL;
        e.entry.kind_name = "true or false";
        e.entry.boolean = b->get();
    } else if (const auto *i = value.as_integer()) {
        e.entry.kind = TOML_INTEGER;
        e.entry.kind_name = "a whole number";
        e.entry.integer = i->get();
        e.entry.number = static_cast<double>(i->get());
    } else if (const auto *f = value.as_floating_point()) {
        e.entry.kind = TOML_FLOAT;
        e.entry.kind_name = "a number";
        e.entry.number = f->get();
    } else if (const auto *s = value.as_string()) {
        e.entry.kind = TOML_STRING;
        e.entry.kind_name = "a string";
        e.text = s->get();
    } else if (value.is_table()) {
        e.entry.kind = TOML_TABLE;
        e.entry.kind_name = "a table";
    }
    return e;
}

std::vector<owned_entry> flatten(const toml::table &root)
{
    std::vector<owned_entry> entries;
    std::vector<pending_table> pending{
        {"", &root}
    };
    while (!pending.empty()) {
        pending_table t = std::move(pending.back());
        pending.pop_back();
        for (const auto &[key, value] : *t.table) {
            std::string name = dotted(t.prefix, key.str());
            const toml::table *inner = value.as_table();
            if (inner && !inner->empty())
                pending.push_back({std::move(name), inner});
            else
                entries.push_back(entry_of(std::move(name), key, value));
        }
    }
    std::stable_sort(entries.begin(), entries.end(), [](const auto &a, const auto &b) {
        return std::tie(a.entry.key_place.line, a.entry.key_place.column) <
               std::tie(b.entry.key_place.line, b.entry.key_place.column);
    });
    return entries;
}

/* The entries for the caller. They point into `owned`, which must stay in place. */
std::vector<toml_entry> views_of(std::vector<owned_entry> &owned)
{
    std::vector<toml_entry> views;
    for (owned_entry &o : owned) {
        o.entry.key = o.key.c_str();
        o.entry.text = o.text.c_str();
        o.entry.text_bytes = o.text.size();
        views.push_back(o.entry);
    }
    return views;
}

/* Makes e a TOML_TABLES entry if its array holds only tables, with their entries as members. */
void take_tables(owned_entry &e)
{
    if (!e.array || !e.array->is_array_of_tables())
        return;
    e.entry.kind = TOML_TABLES;
    e.entry.kind_name = "an array of tables";
    for (const toml::node &table : *e.array) {
        for (owned_entry &member : flatten(*table.as_table())) {
            member.entry.table = e.entry.n_tables;
            e.owned_members.push_back(std::move(member));
        }
        e.entry.n_tables++;
    }
    e.members = views_of(e.owned_members);
    e.entry.members = e.members.data();
    e.entry.n_members = e.members.size();
}

/* The first line with more dots than any key needs, or 0. */
int overlong_line(std::string_view text)
{
    int line = 1, dots = 0;
    for (char c : text) {
        if (c == '.' && ++dots > dots_in_line_max)
            return line;
        if (c == '\n') {
            line++;
            dots = 0;
        }
    }
    return 0;
}

} // namespace

struct toml_document {
    std::vector<owned_entry> owned;
    std::vector<toml_entry> entries; /* pointing into owned */
};

enum status toml_parse(const char *text, size_t n, const char *origin, struct toml_document **out,
                       struct errmsg *em)
try {
    if (n > TOML_BYTES_MAX)
        return FAIL(em, ST_CONFIG, "%s: %zu bytes are more than the %d allowed here", origin, n,
                    int{TOML_BYTES_MAX});
    std::string_view view(text, n);
    if (const char *encoding = toml_other_encoding(view))
        return FAIL(em, ST_CONFIG, "%s is %s", origin, encoding);
    if (int line = overlong_line(view))
        return FAIL(em, ST_CONFIG, "%s:%d:1: more than %d dots in one line", origin, line,
                    dots_in_line_max);
    toml::parse_result parsed = toml::parse(view);
    if (!parsed) {
        const toml::parse_error &error = parsed.error();
        toml_place at = place_of(error.source().begin);
        std::string what(error.description()), hint = toml_hint(view, at.line);
        return FAIL(em, ST_CONFIG, "%s:%d:%d: %s%s", origin, at.line, at.column, what.c_str(),
                    hint.c_str());
    }
    auto t = std::make_unique<struct toml_document>();
    t->owned = flatten(parsed.table());
    for (owned_entry &o : t->owned)
        take_tables(o);
    t->entries = views_of(t->owned);
    *out = t.release();
    return ST_OK;
} catch (const std::bad_alloc &) {
    return FAIL(em, ST_MEMORY, "out of memory reading %s", origin);
} catch (...) {
    return FAIL(em, ST_INTERNAL, "toml++ failed reading %s", origin);
}

size_t toml_entries(const struct toml_document *t, const struct toml_entry **entries_out)
{
    *entries_out = t->entries.data();
    return t->entries.size();
}

void toml_free(struct toml_document *t)
{
    delete t;
}
