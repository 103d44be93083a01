/* Names of files and people: converts them to one Unicode form, and finds the picture that a name
 * means. */
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/checked.h"
#include "base/file.h"
#include "pack_priv.h"

#include "base/poison.h"

bool consent_has_words(const char *text)
{
    ucs4_t c;
    const uint8_t *at = (const uint8_t *)text;
    while ((at = u8_next(&c, at)) != NULL)
        if (uc_is_alnum(c))
            return true;
    return false;
}

bool pack_clean_text(const char *raw, char *out, size_t room)
{
    char *copy = strdup(raw);
    if (!copy)
        return false;
    size_t n = strlen(copy);
    uint8_t *from = (uint8_t *)copy, *end = from + n;
    for (const uint8_t *bad; (bad = u8_check(from, (size_t)(end - from))) != NULL;) {
        from += bad - from;
        *from++ = '?'; /* continue from here: the text before it is valid */
    }
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)copy[i] < 0x20 || copy[i] == 0x7f)
            copy[i] = '?';
    size_t length = 0;
    uint8_t *normal = u8_normalize(UNINORM_NFC, (uint8_t *)copy, n, NULL, &length);
    free(copy);
    if (!normal)
        return n == 0 && (out[0] = '\0', true);
    size_t kept = MIN(length, room - 1);
    while (kept > 0 && kept < length && (normal[kept] & 0xC0) == 0x80)
        kept--; /* do not cut a character in two */
    memcpy(out, normal, kept);
    out[kept] = '\0';
    free(normal);
    return true;
}

/* --- names without case ----------------------------------------------------------------------- */

/* The form in which a picture's name is compared. */
struct key {
    char *exact, *folded; /* in NFC; folded: ignoring case */
    size_t item;
};

static void key_release(struct key *k)
{
    free(k->exact);
    free(k->folded);
}

static bool key_init(struct key *k, const char *name, bool stem, size_t item)
{
    size_t n = 0, length = strlen(name);
    if (stem)
        length -= strlen(path_extension(name));
    *k = (struct key){.exact = strndup(name, length), .item = item};
    uint8_t *folded = u8_casefold((const uint8_t *)name, length, NULL, UNINORM_NFC, NULL, &n);
    if (folded)
        k->folded = strndup((const char *)folded, n);
    else if (length == 0)
        k->folded = strdup("");
    free(folded);
    if (k->exact && k->folded)
        return true;
    key_release(k);
    return false;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct key *)a)->folded, ((const struct key *)b)->folded);
}

bool pack_same_name(const char *a, const char *b)
{
    char clean[SET_NAME_BYTES_MAX];
    struct key x, y;
    if (!pack_clean_text(a, clean, sizeof clean) || !key_init(&x, clean, false, 0))
        return false;
    bool same = key_init(&y, b, false, 0);
    if (same) {
        same = compare_keys(&x, &y) == 0;
        key_release(&y);
    }
    key_release(&x);
    return same;
}

/* --- pictures and what names them ------------------------------------------------------------- */

struct index {
    struct key *keys; /* sorted */
    size_t n;
};

static void index_release(struct index *x)
{
    for (size_t i = 0; i < x->n; i++)
        key_release(&x->keys[i]);
    free(x->keys);
}

static enum status index_init(struct index *x, const struct pack_source *s, size_t first, bool stem,
                              struct errmsg *em)
{
    size_t n = s->n - first;
    *x = (struct index){.keys = calloc(MAX(n, 1), sizeof *x->keys)};
    while (x->keys && x->n < n && key_init(&x->keys[x->n], s->items[first + x->n].name, stem, x->n))
        x->n++;
    if (!x->keys || x->n < n) {
        index_release(x);
        return FAIL(em, ST_MEMORY, "out of memory");
    }
    if (n > 0)
        qsort(x->keys, n, sizeof *x->keys, compare_keys);
    return ST_OK;
}

/* The first key that is not less than wanted. */
static size_t index_find(const struct index *x, const struct key *wanted)
{
    size_t low = 0, high = x->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_keys(&x->keys[middle], wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Gives the claim every item of its name that has no owner yet. */
static void take(const struct index *x, const struct key *wanted, bool exact,
                 struct pack_claim *claim, size_t number, size_t *owner)
{
    for (size_t i = index_find(x, wanted); i < x->n && compare_keys(&x->keys[i], wanted) == 0;
         i++) {
        const struct key *k = &x->keys[i];
        claim->fits = true;
        if (owner[k->item] != 0 || (exact && strcmp(k->exact, wanted->exact) != 0))
            continue;
        owner[k->item] = number + 1;
        claim->n_taken++;
    }
}

enum status pack_match(const struct pack_source *s, size_t first, bool stem,
                       struct pack_claim *claims, size_t n, size_t *owner, struct errmsg *em)
{
    struct index x;
    enum status st = index_init(&x, s, first, stem, em);
    if (st != ST_OK)
        return st;
    for (int exact = 1; exact >= 0 && st == ST_OK; exact--)
        for (size_t i = 0; i < n && st == ST_OK; i++) {
            struct key wanted;
            if (!key_init(&wanted, claims[i].name, false, 0)) {
                st = FAIL(em, ST_MEMORY, "out of memory");
                break;
            }
            take(&x, &wanted, exact != 0, &claims[i], i, owner);
            key_release(&wanted);
        }
    index_release(&x);
    return st;
}
