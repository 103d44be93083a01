#include "testing.h"
#include "toml/toml.h"

static enum status parse(const char *text, struct toml_document **t, struct errmsg *em)
{
    *em = (struct errmsg){0};
    return toml_parse(text, strlen(text), "f.toml", t, em);
}

static void entries_come_in_order_with_their_places(void **state)
{
    (void)state;
    struct errmsg em;
    struct toml_document *t;
    const struct toml_entry *e;
    assert_ok(parse("z = -1\n[train]\nlr = 1e-4 # x\nname.\"a b\" = \"q\\u0000r\"\non = true\n"
                    "[empty]\n[[list]]\nx = 1\n",
                    &t, &em));
    assert_int_equal(toml_entries(t, &e), 6);
    assert_string_equal(e[0].key, "z");
    assert_int_equal(e[0].kind, TOML_INTEGER);
    assert_int_equal(e[0].integer, -1);
    assert_true(e[0].number == -1.0);
    assert_string_equal(e[1].key, "train.lr");
    assert_int_equal(e[1].kind, TOML_FLOAT);
    assert_true(e[1].number == 1e-4);
    assert_int_equal(e[1].key_place.line, 3);
    assert_int_equal(e[1].key_place.column, 1);
    assert_int_equal(e[1].value_place.column, 6);
    assert_string_equal(e[2].key, "train.name.\"a b\"");
    assert_int_equal(e[2].text_bytes, 3);
    assert_memory_equal(e[2].text, "q\0r", 4);
    assert_int_equal(e[3].kind, TOML_BOOL);
    assert_true(e[3].boolean);
    assert_int_equal(e[4].kind, TOML_TABLE);
    assert_string_equal(e[5].key, "list");
    assert_int_equal(e[5].kind, TOML_TABLES);
    assert_string_equal(e[5].kind_name, "an array of tables");
    toml_free(t);
    toml_free(NULL);
}

static void tables_of_an_array_are_its_members(void **state)
{
    (void)state;
    static const char *const ways[] = {
        "x = 0\n[[a.list]]\nlr = 2\nsub.on = true\n[[a.list]]\n[[a.list]]\nname = \"q\"\n",
        "x = 0\na.list = [{lr = 2, sub = {on = true}}, {}, {name = \"q\"}]\n",
    };
    static const struct toml_place places[2][3] = {
        {{3, 1},  {4, 5},  {7, 1} },
        {{2, 12}, {2, 27}, {2, 45}}
    };
    for (size_t i = 0; i < 2; i++) {
        struct errmsg em;
        struct toml_document *t;
        const struct toml_entry *e;
        assert_ok(parse(ways[i], &t, &em));
        assert_int_equal(toml_entries(t, &e), 2);
        assert_string_equal(e[1].key, "a.list");
        assert_int_equal(e[1].kind, TOML_TABLES);
        assert_int_equal(e[1].n_tables, 3);
        assert_int_equal(e[1].n_members, 3);
        const struct toml_entry *m = e[1].members;
        assert_string_equal(m[0].key, "lr");
        assert_int_equal(m[0].integer, 2);
        assert_string_equal(m[1].key, "sub.on");
        assert_true(m[1].kind == TOML_BOOL && m[1].boolean && m[1].table == 0);
        assert_string_equal(m[2].key, "name");
        assert_string_equal(m[2].text, "q");
        assert_int_equal(m[2].table, 2);
        for (size_t j = 0; j < 3; j++) {
            assert_int_equal(m[j].key_place.line, places[i][j].line);
            assert_int_equal(m[j].key_place.column, places[i][j].column);
        }
        toml_free(t);
    }
}

/* Of arrays in arrays, and of tables within their tables, nothing is looked into. */
static void other_arrays_have_no_members(void **state)
{
    (void)state;
    struct errmsg em;
    struct toml_document *t;
    const struct toml_entry *e;
    assert_ok(parse("a = []\nb = [1]\nc = [{}, 1]\nd = [{e = [{f = 1}]}]\n", &t, &em));
    assert_int_equal(toml_entries(t, &e), 4);
    assert_string_equal(e[0].kind_name, "an empty array");
    for (size_t i = 0; i < 3; i++)
        assert_true(e[i].kind == TOML_OTHER && e[i].n_members == 0);
    assert_int_equal(e[3].n_members, 1);
    assert_true(e[3].members[0].kind == TOML_OTHER && e[3].members[0].n_members == 0);
    toml_free(t);
}

static void what_was_meant_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } bad[] = {
        {"a = \"C:\\Users\\x\"\n",    "put a path into single quotes"      },
        {"a = \xe2\x80\x9c"
         "x\xe2\x80\x9d\n",  "are typographic quotes"             },
        {"a \xef\xbc\x9d 1\n",        "full-width sign: TOML takes ="      },
        {"x = 1\na\xe3\x80\x80= 1\n", "full-width blank (U+3000)"          },
        {"a = 0,5\n",                 "write a decimal point"              },
        {"a = .5\n",                  "write 0 before the point"           },
        {"a = 5.\n",                  "write 0 after the point"            },
        {"a = True\r\n",              "write true, in small letters"       },
        {"a = None\n",                "leave the line out"                 },
        {"a = cosine # so\n",         "text stands in quotes"              },
        {"a = 1; # so\n",             "a comment begins with #"            },
        {"a =\n",                     "a value is missing"                 },
        {"a: 1\n",                    "write KEY = VALUE"                  },
        {"{\"a\": 1}\n",              "looks like JSON"                    },
        {"a = '\x8a\xbf'\n",          "save the file as UTF-8"             },
        {"\xff\xfe"
         "a\n",              "UTF-16"                             },
        {"PK\3\4",                    "no configuration, but a zip archive"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct errmsg em;
        struct toml_document *t = NULL;
        assert_status(parse(bad[i].text, &t, &em), ST_CONFIG);
        assert_text_has(em.text, bad[i].told);
    }
    struct errmsg em = {0};
    struct toml_document *t = NULL;
    assert_status(toml_parse("a\0=\0001\0", 6, "f.toml", &t, &em), ST_CONFIG);
    assert_text_has(em.text, "UTF-16"); /* without a mark before it */
    assert_ok(parse("\xef\xbb\xbf\ta\t= 1\r\n", &t, &em));
    toml_free(t);
}

static void errors_have_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place;
    } bad[] = {
        {"a = 1\na = 2\n",           "f.toml:2:5: "},
        {"[t]\nx = 1\n[t]\n",        "f.toml:3:1: "},
        {"a = \"open\n",             "f.toml:1:"   },
        {"a = 1 b = 2\n",            "f.toml:1:7: "},
        {"a = \xff\n",               "f.toml:1:"   },
        {"a = 99999999999999999999", "f.toml:1:"   },
        {"[\ntrain]\n",              "f.toml:1:2: "},
        {"= 1",                      "f.toml:1:1: "},
        {"a = \"\\ud800\"",          "f.toml:1:"   },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct errmsg em;
        struct toml_document *t = NULL;
        assert_status(parse(bad[i].text, &t, &em), ST_CONFIG);
        assert_text_has(em.text, bad[i].place);
        assert_null(t);
    }
}

/* toml++ takes some of these for impossible in its tables of characters. */
static void other_characters_outside_of_quotes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"\u00a1", "\u00e4", "\u0499", "\u3001", "\ufdd0", "\ufefe"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct errmsg em;
        struct toml_document *t = NULL;
        char text[32];
        snprintf(text, sizeof text, "a = 1 %s\n", bad[i]);
        assert_status(parse(text, &t, &em), ST_CONFIG);
        assert_text_has(em.text, "f.toml:1:7: ");
        snprintf(text, sizeof text, "a = 1\n%s = 2\n", bad[i]);
        assert_status(parse(text, &t, &em), ST_CONFIG);
        assert_text_has(em.text, "f.toml:2:1: ");
    }
}

/* Depth that would exhaust the stack is refused: in dots, in brackets, and in both. */
static void depth_is_bounded(void **state)
{
    (void)state;
    enum { N = 200000 };
    struct errmsg em = {0};
    struct toml_document *t = NULL;
    char *text = malloc(2 * N);
    assert_non_null(text);
    for (size_t i = 0; i < N; i++)
        memcpy(text + 2 * i, "a.", 2);
    assert_status(toml_parse(text, 2 * N, "f.toml", &t, &em), ST_CONFIG);
    assert_text_has(em.text, "f.toml:1:1: more than 128 dots");
    em = (struct errmsg){0};
    memset(text, '[', 2 * N);
    memcpy(text, "a=", 2);
    assert_status(toml_parse(text, 2 * N, "f.toml", &t, &em), ST_CONFIG);

    size_t n = 0;
    for (int level = 0; level < 14; level++) { /* alternating, just within both bounds */
        for (int i = 0; i < 127; i++, n += 2)
            memcpy(text + n, "a.", 2);
        memcpy(text + n, level % 2 ? "a={\n" : "a=[\n", 4);
        n += 4;
    }
    em = (struct errmsg){0};
    assert_status(toml_parse(text, n, "f.toml", &t, &em), ST_CONFIG);
    em = (struct errmsg){0};
    assert_status(toml_parse(text, TOML_BYTES_MAX + 1, "f.toml", &t, &em), ST_CONFIG);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_in_order_with_their_places),
        cmocka_unit_test(tables_of_an_array_are_its_members),
        cmocka_unit_test(other_arrays_have_no_members),
        cmocka_unit_test(errors_have_their_place),
        cmocka_unit_test(what_was_meant_is_told),
        cmocka_unit_test(other_characters_outside_of_quotes_are_refused),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
