#include "pickle.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

enum { VALUES_MAX = 1 << 20, FIRST_ROOM = 256 };

struct value {
    enum pickle_kind kind;
    int64_t number;
    const char *text;
    size_t text_bytes;
    uint32_t callee, arguments;
    uint32_t first, last, length; /* links */
};

struct link {
    uint32_t value, next;
};

/* An array that grows. */
struct pool {
    void *memory;
    size_t n, room;
};

struct pickle {
    struct pool values, links; /* of struct value and struct link; element 0 is none */
    uint32_t root;
};

/* State of the reader: a stack machine. */
struct reader {
    const uint8_t *at, *end;
    struct pickle *p;
    struct pool stack, marks, memo; /* of uint32_t; a mark is a height of the stack */
    bool no_memory, bad;
    struct value nowhere; /* after an error values are written here; never read */
};

static bool grow(struct pool *pool, size_t n, size_t element_bytes)
{
    size_t room = MAX(pool->room, (size_t)FIRST_ROOM);
    while (room < n)
        room *= 2;
    if (room == pool->room)
        return true;
    void *memory = realloc(pool->memory, room * element_bytes);
    if (!memory)
        return false;
    memset((char *)memory + pool->room * element_bytes, 0, (room - pool->room) * element_bytes);
    pool->memory = memory;
    pool->room = room;
    return true;
}

/* ---- Reading the tree ------------------------------------------------------------------------ */

static const struct value *value_of(const struct pickle *p, uint32_t i)
{
    return (const struct value *)p->values.memory + (i < p->values.n ? i : 0);
}

uint32_t pickle_root(const struct pickle *p)
{
    return p->root;
}

enum pickle_kind pickle_kind_of(const struct pickle *p, uint32_t value)
{
    return value_of(p, value)->kind;
}

int64_t pickle_int(const struct pickle *p, uint32_t value)
{
    const struct value *v = value_of(p, value);
    return v->kind == PICKLE_INT ? v->number : -1;
}

const char *pickle_text(const struct pickle *p, uint32_t value, size_t *bytes_out)
{
    const struct value *v = value_of(p, value);
    *bytes_out = v->text_bytes;
    return v->text ? v->text : "";
}

bool pickle_text_is(const struct pickle *p, uint32_t value, const char *text)
{
    const struct value *v = value_of(p, value);
    return v->text && v->text_bytes == strlen(text) && memcmp(v->text, text, v->text_bytes) == 0;
}

uint32_t pickle_callee(const struct pickle *p, uint32_t value)
{
    return value_of(p, value)->callee;
}

uint32_t pickle_arguments(const struct pickle *p, uint32_t value)
{
    return value_of(p, value)->arguments;
}

static const struct link *link_of(const struct pickle *p, uint32_t i)
{
    return (const struct link *)p->links.memory + (i < p->links.n ? i : 0);
}

uint32_t pickle_first(const struct pickle *p, uint32_t value)
{
    return value_of(p, value)->first;
}

uint32_t pickle_next(const struct pickle *p, uint32_t cursor)
{
    return link_of(p, cursor)->next;
}

uint32_t pickle_item(const struct pickle *p, uint32_t cursor)
{
    return link_of(p, cursor)->value;
}

uint32_t pickle_at(const struct pickle *p, uint32_t value, size_t i)
{
    uint32_t cursor = pickle_first(p, value);
    while (cursor && i-- > 0)
        cursor = pickle_next(p, cursor);
    return pickle_item(p, cursor);
}

size_t pickle_length(const struct pickle *p, uint32_t value)
{
    return value_of(p, value)->length;
}

/* ---- Bytes and stack ------------------------------------------------------------------------- */

/* Takes n bytes; if there are fewer, NULL, and the reader is bad. */
static const uint8_t *take(struct reader *r, size_t n)
{
    const uint8_t *at = r->at;
    if (r->bad || (size_t)(r->end - at) < n) {
        r->bad = true;
        return NULL;
    }
    r->at += n;
    return at;
}

/* A little-endian number of n bytes, at most 8. */
static uint64_t take_number(struct reader *r, size_t n)
{
    const uint8_t *bytes = take(r, n);
    uint64_t x = 0;
    for (size_t i = 0; bytes && i < n; i++)
        x |= (uint64_t)bytes[i] << (8 * i);
    return x;
}

static void push_number(struct reader *r, struct pool *pool, uint32_t x)
{
    if (r->bad || pool->n == VALUES_MAX) {
        r->bad = true;
    } else if (!grow(pool, pool->n + 1, sizeof x)) {
        r->no_memory = r->bad = true;
    } else {
        ((uint32_t *)pool->memory)[pool->n++] = x;
    }
}

static uint32_t pop(struct reader *r)
{
    size_t floor = r->marks.n > 0 ? ((uint32_t *)r->marks.memory)[r->marks.n - 1] : 0;
    if (r->bad || r->stack.n <= floor) {
        r->bad = true;
        return 0;
    }
    return ((uint32_t *)r->stack.memory)[--r->stack.n];
}

static uint32_t top(struct reader *r)
{
    uint32_t value = pop(r);
    r->stack.n += !r->bad;
    return value;
}

static struct value *new_value(struct reader *r, enum pickle_kind kind)
{
    struct pool *pool = &r->p->values;
    if (r->bad || pool->n == VALUES_MAX || !grow(pool, pool->n + 1, sizeof(struct value))) {
        r->no_memory = r->no_memory || (!r->bad && pool->n < VALUES_MAX);
        r->bad = true;
        return &r->nowhere;
    }
    struct value *v = (struct value *)pool->memory + pool->n;
    *v = (struct value){.kind = kind};
    push_number(r, &r->stack, (uint32_t)pool->n++);
    return v;
}

static void append(struct reader *r, uint32_t to, uint32_t item)
{
    struct pool *pool = &r->p->links;
    if (r->bad || pool->n == (size_t)2 * VALUES_MAX || to == 0) {
        r->bad = true;
        return;
    }
    if (!grow(pool, pool->n + 1, sizeof(struct link))) {
        r->no_memory = r->bad = true;
        return;
    }
    struct link *links = pool->memory;
    struct value *v = (struct value *)r->p->values.memory + to;
    uint32_t i = (uint32_t)pool->n++;
    links[i] = (struct link){.value = item};
    if (v->last)
        links[v->last].next = i;
    else
        v->first = i;
    v->last = i;
    v->length++;
}

/* ---- Opcodes --------------------------------------------------------------------------------- */

static void put_int(struct reader *r, int64_t x)
{
    new_value(r, PICKLE_INT)->number = x;
}

static void put_text(struct reader *r, uint64_t n)
{
    const uint8_t *text = n <= SIZE_MAX ? take(r, (size_t)n) : NULL;
    struct value *v = new_value(r, PICKLE_TEXT);
    v->text = (const char *)text;
    v->text_bytes = text ? (size_t)n : 0;
    r->bad = r->bad || !text;
}

/* An integer of n bytes, two's complement; -1 if it does not fit into 64 bits. */
static void put_long(struct reader *r, uint64_t n)
{
    uint64_t x = 0;
    const uint8_t *bytes = n <= SIZE_MAX ? take(r, (size_t)n) : NULL;
    if (!bytes) {
        r->bad = true;
        return;
    }
    for (size_t i = 0; i < n && i < 8; i++)
        x |= (uint64_t)bytes[i] << (8 * i);
    if (n > 0 && n < 8 && bytes[n - 1] & 0x80)
        x |= UINT64_MAX << (8 * n);
    for (size_t i = 8; i < n; i++)
        x = bytes[i] == 0 ? x : UINT64_MAX;
    put_int(r, (int64_t)x);
}

/* "module\nname\n" as one text: "module\nname". */
static void put_global(struct reader *r)
{
    const uint8_t *from = r->at, *line = from;
    for (int i = 0; i < 2 && line; i++) {
        line = memchr(line, '\n', (size_t)(r->end - line));
        line = line ? line + 1 : NULL;
    }
    struct value *v = new_value(r, PICKLE_GLOBAL);
    if (!line) {
        r->bad = true;
        return;
    }
    v->text = (const char *)from;
    v->text_bytes = (size_t)(line - from) - 1;
    r->at = line;
}

/* The last n values become a tuple. */
static void put_tuple(struct reader *r, size_t n)
{
    uint32_t items[3] = {0};
    for (size_t i = n; i > 0; i--)
        items[i - 1] = pop(r);
    new_value(r, PICKLE_SEQUENCE);
    uint32_t tuple = top(r);
    for (size_t i = 0; i < n; i++)
        append(r, tuple, items[i]);
}

/* Removes the last mark and returns its height of the stack. */
static size_t take_mark(struct reader *r)
{
    if (r->marks.n == 0) {
        r->bad = true;
        return r->stack.n;
    }
    return ((uint32_t *)r->marks.memory)[--r->marks.n];
}

/* The values above the mark become a tuple, or are appended to the value below the mark. */
static void gather(struct reader *r, bool into_below)
{
    size_t from = take_mark(r), to = r->stack.n;
    if (r->bad)
        return;
    r->stack.n = from;
    /* a new value overwrites the first item on the stack: keep it */
    uint32_t first = from < to ? ((uint32_t *)r->stack.memory)[from] : 0;
    if (!into_below)
        new_value(r, PICKLE_SEQUENCE);
    uint32_t target = top(r);
    for (size_t i = from; i < to; i++)
        append(r, target, i == from ? first : ((uint32_t *)r->stack.memory)[i]);
}

static void put_items(struct reader *r, size_t n)
{
    uint32_t items[2] = {0};
    for (size_t i = n; i > 0; i--)
        items[i - 1] = pop(r);
    uint32_t target = top(r);
    for (size_t i = 0; i < n; i++)
        append(r, target, items[i]);
}

static void put_call(struct reader *r)
{
    uint32_t arguments = pop(r), callee = pop(r);
    struct value *v = new_value(r, PICKLE_CALL);
    v->callee = callee;
    v->arguments = arguments;
}

static void memo_put(struct reader *r, uint64_t at)
{
    uint32_t value = top(r);
    if (r->bad || at >= VALUES_MAX) {
        r->bad = true;
    } else if (!grow(&r->memo, (size_t)at + 1, sizeof value)) {
        r->no_memory = r->bad = true;
    } else {
        ((uint32_t *)r->memo.memory)[at] = value;
        r->memo.n = MAX(r->memo.n, (size_t)at + 1);
    }
}

static void memo_get(struct reader *r, uint64_t at)
{
    uint32_t value = at < r->memo.n ? ((uint32_t *)r->memo.memory)[at] : 0;
    r->bad = r->bad || value == 0;
    push_number(r, &r->stack, value);
}

/* Opcodes that push a value; false for others. */
static bool take_value(struct reader *r, uint8_t opcode)
{
    switch (opcode) {
    case 'J': /* BININT */
        put_int(r, (int32_t)take_number(r, 4));
        return true;
    case 'K': /* BININT1 */
        put_int(r, (int64_t)take_number(r, 1));
        return true;
    case 'M': /* BININT2 */
        put_int(r, (int64_t)take_number(r, 2));
        return true;
    case 0x8a: /* LONG1 */
        put_long(r, take_number(r, 1));
        return true;
    case 'X': /* BINUNICODE */
    case 'T': /* BINSTRING */
        put_text(r, take_number(r, 4));
        return true;
    case 'U':  /* SHORT_BINSTRING */
    case 0x8c: /* SHORT_BINUNICODE */
        put_text(r, take_number(r, 1));
        return true;
    case 'G': /* BINFLOAT */
        (void)take(r, 8);
        new_value(r, PICKLE_OTHER);
        return true;
    case 'N':  /* NONE */
    case 0x88: /* NEWTRUE */
    case 0x89: /* NEWFALSE */
        new_value(r, PICKLE_OTHER);
        return true;
    case '}': /* EMPTY_DICT */
        new_value(r, PICKLE_DICT);
        return true;
    case ']': /* EMPTY_LIST */
    case ')': /* EMPTY_TUPLE */
        new_value(r, PICKLE_SEQUENCE);
        return true;
    case 'c': /* GLOBAL */
        put_global(r);
        return true;
    default:
        return false;
    }
}

static void take_opcode(struct reader *r, uint8_t opcode)
{
    switch (opcode) {
    case 0x80: /* PROTO */
        (void)take(r, 1);
        return;
    case 0x95: /* FRAME */
        (void)take(r, 8);
        return;
    case '(': /* MARK */
        push_number(r, &r->marks, (uint32_t)r->stack.n);
        return;
    case 't': /* TUPLE */
        gather(r, false);
        return;
    case 0x85: /* TUPLE1, 2, 3 */
    case 0x86:
    case 0x87:
        put_tuple(r, opcode - 0x84u);
        return;
    case 'a': /* APPEND */
        put_items(r, 1);
        return;
    case 's': /* SETITEM */
        put_items(r, 2);
        return;
    case 'e': /* APPENDS */
    case 'u': /* SETITEMS */
        gather(r, true);
        return;
    case 'R': /* REDUCE */
        put_call(r);
        return;
    case 'b': /* BUILD: the state that it would set is ignored */
        (void)pop(r);
        return;
    case 'Q': { /* BINPERSID */
        uint32_t tuple = pop(r);
        new_value(r, PICKLE_PERSISTENT)->arguments = tuple;
        return;
    }
    case 'q': /* BINPUT */
        memo_put(r, take_number(r, 1));
        return;
    case 'r': /* LONG_BINPUT */
        memo_put(r, take_number(r, 4));
        return;
    case 0x94: /* MEMOIZE */
        memo_put(r, r->memo.n);
        return;
    case 'h': /* BINGET */
        memo_get(r, take_number(r, 1));
        return;
    case 'j': /* LONG_BINGET */
        memo_get(r, take_number(r, 4));
        return;
    default:
        r->bad = r->bad || !take_value(r, opcode);
    }
}

enum status pickle_parse(const uint8_t *bytes, size_t n, struct pickle **out, size_t *used_out,
                         struct errmsg *em)
{
    struct pickle *p = calloc(1, sizeof *p);
    if (!p || !grow(&p->values, 1, sizeof(struct value)) ||
        !grow(&p->links, 1, sizeof(struct link))) {
        pickle_free(p);
        return FAIL(em, ST_MEMORY, "out of memory");
    }
    p->values.n = p->links.n = 1;
    struct reader r = {.at = bytes, .end = bytes + n, .p = p};
    uint8_t opcode = 0;
    while (!r.bad && opcode != '.') {
        const uint8_t *next = take(&r, 1);
        opcode = next ? *next : '.';
        if (next && opcode != '.')
            take_opcode(&r, opcode);
    }
    p->root = pop(&r);
    free(r.stack.memory);
    free(r.marks.memory);
    free(r.memo.memory);
    if (r.bad) {
        pickle_free(p);
        return r.no_memory ? FAIL(em, ST_MEMORY, "out of memory")
                           : FAIL(em, ST_DATA, "its pickle is torn, or contains more than tensors");
    }
    *out = p;
    *used_out = (size_t)(r.at - bytes);
    return ST_OK;
}

void pickle_free(struct pickle *p)
{
    if (!p)
        return;
    free(p->values.memory);
    free(p->links.memory);
    free(p);
}
