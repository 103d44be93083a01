#include "config_suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

enum { KEYS_MAX = 256, NAMED_MAX = 4, PART_BYTES_MIN = 4, TABLE_TOLERANCE = 2 };

/* Names of keys in other programs. */
static const struct {
    const char *theirs, *ours;
} other_names[] = {
    {"learning_rate",               "train.lr"          },
    {"batch_size",                  "train.global_batch"},
    {"batch",                       "train.global_batch"},
    {"gradient_accumulation_steps", "train.accumulate"  },
    {"grad_accum",                  "train.accumulate"  },
    {"resolution",                  "model.image_size"  },
    {"optimizer_lr",                "train.lr"          },
};

/* ---- Likeness of texts ----------------------------------------------------------------------- */

/* Maps letters that look alike to one letter. */
static char plain(char c)
{
    return c == '-' ? '_' : (char)tolower((unsigned char)c);
}

/* Copies the name without quotes, through plain(). */
static bool copy_plain(const char *name, char out[static KEY_NAME_BYTES])
{
    size_t n = 0;
    for (; *name && n + 1 < KEY_NAME_BYTES; name++)
        if (*name != '"')
            out[n++] = plain(*name);
    out[n] = '\0';
    return *name == '\0';
}

/* The Levenshtein distance of two texts shorter than KEY_NAME_BYTES. */
static int distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    int row[KEY_NAME_BYTES];
    for (size_t j = 0; j <= b_bytes; j++)
        row[j] = (int)j;
    for (size_t i = 0; i < a_bytes; i++) {
        int diagonal = row[0];
        row[0] = (int)i + 1;
        for (size_t j = 0; j < b_bytes; j++) {
            /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): b has b_bytes */
            int replaced = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = MIN(replaced, MIN(diagonal, row[j]) + 1);
        }
    }
    return row[b_bytes];
}

/* "lr" of "train.lr". */
static const char *leaf_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

/* How many letters may be wrong in a name of n letters. */
static int tolerance(size_t n)
{
    return n == 0 ? 0 : MAX(1, (int)n / 4);
}

/* ---- Candidates ------------------------------------------------------------------------------ */

/* The distance of a key: letters that differ in its name, and in its table's name. */
struct candidate {
    const struct config_key *key;
    int leaf, table;
};

struct wanted {
    char name[KEY_NAME_BYTES];
    const char *leaf;
    size_t leaf_bytes, table_bytes;
};

static struct candidate measure(const struct wanted *w, const struct config_key *key)
{
    const char *leaf = leaf_of(key->name);
    return (struct candidate){
        .key = key,
        .leaf = distance(w->leaf, w->leaf_bytes, leaf, strlen(leaf)),
        .table = distance(w->name, w->table_bytes, key->name, (size_t)(leaf - key->name)),
    };
}

static bool is_nearer(const struct candidate *a, const struct candidate *b)
{
    return a->leaf + a->table < b->leaf + b->table;
}

/* Inserts c in order of distance. Equal distances keep their order. */
static void insert(struct candidate *list, size_t *n, struct candidate c)
{
    size_t at = MIN(*n, (size_t)NAMED_MAX - 1);
    if (*n == NAMED_MAX && !is_nearer(&c, &list[at]))
        return;
    for (; at > 0 && is_nearer(&c, &list[at - 1]); at--)
        list[at] = list[at - 1];
    list[at] = c;
    *n = MIN(*n + 1, (size_t)NAMED_MAX);
}

/* True if the name ends with the whole key, as "train.train.lr" does. */
static bool ends_with(const char *name, const char *key)
{
    size_t n = strlen(name), k = strlen(key);
    return n > k && strchr(key, '.') && name[n - k - 1] == '.' && !strcmp(name + n - k, key);
}

/* True if the leaf is a word of the key's leaf, as "steps" of "max_steps". */
static bool is_part(const struct wanted *w, const struct config_key *key)
{
    const char *leaf = leaf_of(key->name), *at = strstr(leaf, w->leaf);
    return w->leaf_bytes >= PART_BYTES_MIN && at && (at == leaf || at[-1] == '_') &&
           (at[w->leaf_bytes] == '\0' || at[w->leaf_bytes] == '_');
}

/* How many letters may be wrong in the name of a table; none if that table exists. */
static int table_tolerance(const struct wanted *w, const struct config_key *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((size_t)(leaf_of(keys[i]->name) - keys[i]->name) == w->table_bytes &&
            !strncmp(keys[i]->name, w->name, w->table_bytes))
            return 0;
    return TABLE_TOLERANCE;
}

/* Collects the nearest name in the intended table; else all keys of exactly this name; else the
 * nearest names. */
static size_t collect_near(const struct wanted *w, const struct config_key *const *keys, size_t n,
                           struct candidate *out)
{
    size_t found = 0;
    struct candidate here = {0}, anywhere = {0};
    int allowed = table_tolerance(w, keys, n);
    for (size_t i = 0; i < n; i++) {
        struct candidate c = measure(w, keys[i]);
        if (c.leaf > tolerance(w->leaf_bytes))
            continue;
        if (c.leaf == 0)
            insert(out, &found, c);
        if (!anywhere.key || is_nearer(&c, &anywhere))
            anywhere = c;
        if (w->table_bytes > 0 && c.table <= allowed && (!here.key || is_nearer(&c, &here)))
            here = c;
    }
    if (here.key || (found == 0 && anywhere.key)) {
        out[0] = here.key ? here : anywhere;
        found = 1;
    }
    return found;
}

static size_t collect(const struct wanted *w, const struct config_key *const *keys, size_t n,
                      struct candidate *out)
{
    size_t found = 0;
    const char *renamed = NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(other_names); i++)
        if (!strcmp(w->leaf, other_names[i].theirs))
            renamed = other_names[i].ours;
    for (size_t i = 0; i < n; i++)
        if (ends_with(w->name, keys[i]->name) || (renamed && !strcmp(keys[i]->name, renamed))) {
            insert(out, &found, (struct candidate){.key = keys[i]});
            return found;
        }
    found = collect_near(w, keys, n, out);
    bool none_is_near = found == 0;
    for (size_t i = 0; i < n && none_is_near; i++)
        if (is_part(w, keys[i]))
            insert(out, &found, measure(w, keys[i]));
    return found;
}

/* ---- In words -------------------------------------------------------------------------------- */

void config_suggest_of(const struct config_key *const *keys, size_t n, const char *name,
                       char out[static CONFIG_SUGGESTION_BYTES])
{
    struct candidate list[NAMED_MAX];
    struct wanted w;
    out[0] = '\0';
    if (!copy_plain(name, w.name) || !w.name[0])
        return;
    w.leaf = leaf_of(w.name);
    w.leaf_bytes = strlen(w.leaf);
    w.table_bytes = (size_t)(w.leaf - w.name);
    size_t found = collect(&w, keys, n, list), used = 0;
    for (size_t i = 0; i < found && used < CONFIG_SUGGESTION_BYTES; i++)
        used += (size_t)snprintf(out + used, CONFIG_SUGGESTION_BYTES - used, "%s%s",
                                 i == 0           ? "; did you mean "
                                 : i + 1 == found ? " or "
                                                  : ", ",
                                 list[i].key->name);
    if (found > 0 && used < CONFIG_SUGGESTION_BYTES)
        snprintf(out + used, CONFIG_SUGGESTION_BYTES - used, "?%s",
                 found == 1 && !strchr(list[0].key->name, '.') && w.table_bytes > 0
                     ? " It stands before the first [table]"
                     : "");
}

void config_suggest_key(const char *name, char out[static CONFIG_SUGGESTION_BYTES])
{
    const struct config_key *keys, *all[KEYS_MAX];
    size_t n = MIN(config_schema(&keys), (size_t)KEYS_MAX);
    for (size_t i = 0; i < n; i++)
        all[i] = &keys[i];
    config_suggest_of(all, n, name, out);
}

void config_suggest_table(const char *name, char out[static CONFIG_SUGGESTION_BYTES])
{
    const struct config_key *keys, *best = NULL;
    size_t n = config_schema(&keys), bytes = 0;
    char wanted[KEY_NAME_BYTES];
    int least = 0;
    out[0] = '\0';
    if (!copy_plain(name, wanted))
        return;
    for (size_t i = 0; i < n; i++) {
        size_t table = (size_t)(leaf_of(keys[i].name) - keys[i].name);
        if (table == 0)
            continue;
        int d = distance(wanted, strlen(wanted), keys[i].name, table - 1);
        if (d <= MAX(tolerance(strlen(wanted)), 2) && (!best || d < least)) {
            best = &keys[i];
            bytes = table - 1;
            least = d;
        }
    }
    if (best)
        snprintf(out, CONFIG_SUGGESTION_BYTES, "; did you mean [%.*s]?", (int)bytes, best->name);
}

const char *config_suggest_word(const char *const *words, const char *text)
{
    char given[KEY_NAME_BYTES];
    const char *best = NULL;
    int least = 0;
    if (!copy_plain(text, given))
        return NULL;
    for (size_t i = 0; words[i]; i++) {
        int d = distance(given, strlen(given), words[i], strlen(words[i]));
        if (d <= tolerance(strlen(given)) && (!best || d < least)) {
            best = words[i];
            least = d;
        }
    }
    return best;
}
