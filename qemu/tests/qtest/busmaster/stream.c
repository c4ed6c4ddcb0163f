/*
 * busmaster qtests: the device's part of a migration stream
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "libqtest.h"
#include "stream.h"

#define BM_SECTION      "0000:00:04.0/busmaster"
#define BM_JSON         "{\"configuration\":"
#define BM_SUBSECTION   0x05

/* A section begins and ends with its kind and its number of 4 bytes. */
#define BM_SECTION_FULL     0x04
#define BM_SECTION_FOOTER   0x7e
#define BM_SECTION_KIND     5

/* Then come its name, instance and version, 4 bytes each, and its data. */
static const char bm_section[] = "\x16" BM_SECTION "\0\0\0\0\0\0\0\1";

static size_t bm_stream_walk(BmStream *s, const char *path, size_t at,
                             const QDict *desc);

static void bm_field_free(void *opaque)
{
    BmField *f = opaque;

    g_free(f->name);
    g_free(f);
}

/* One field, or one element of an array. */
static size_t bm_stream_field(BmStream *s, const char *name, size_t at,
                              const QDict *desc)
{
    size_t size = qdict_get_int(desc, "size");
    BmField *f;

    if (qdict_haskey(desc, "struct")) {
        g_assert_cmpuint(bm_stream_walk(s, name, at,
                                        qdict_get_qdict(desc, "struct")),
                         ==, at + size);
        return at + size;
    }
    f = g_new0(BmField, 1);
    f->name = g_strdup(name);
    f->offset = at;
    f->size = size;
    g_ptr_array_add(s->fields, f);
    return at + size;
}

/* @index is that of an element that stands alone, or -1. */
static size_t bm_stream_fields(BmStream *s, const char *path, size_t at,
                               const QDict *desc, int64_t index)
{
    int64_t i, len = qdict_get_try_int(desc, "array_len", 1);

    for (i = 0; i < len; i++) {
        g_autofree char *name = g_strdup_printf("%s%s", path,
                                                qdict_get_str(desc, "name"));
        g_autofree char *element = g_strdup_printf("%s[%" PRId64 "]", name,
                                                   index < 0 ? i : index);

        at = bm_stream_field(s, len > 1 || index >= 0 ? element : name, at,
                             desc);
    }
    return at;
}

/* Which element is it? QEMU 10.0 does not say of the last: it is the next. */
static int64_t bm_stream_index(const QDict *desc, const QDict *before,
                               int64_t index)
{
    bool next = before && index >= 0 &&
                !strcmp(qdict_get_str(desc, "name"),
                        qdict_get_str(before, "name"));

    return qdict_get_try_int(desc, "index", next ? index + 1 : -1);
}

/* All fields of a structure at @at, then its subsections. Returns its end. */
static size_t bm_stream_walk(BmStream *s, const char *path, size_t at,
                             const QDict *desc)
{
    g_autofree char *within = path[0] ? g_strdup_printf("%s/", path)
                                      : g_strdup("");
    const QDict *field, *before = NULL;
    const QListEntry *entry;
    int64_t index = -1;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(desc, "fields"), entry) {
        field = qobject_to(QDict, qlist_entry_obj(entry));
        index = bm_stream_index(field, before, index);
        at = bm_stream_fields(s, within, at, field, index);
        before = field;
    }
    if (!qdict_haskey(desc, "subsections")) {
        return at;
    }
    QLIST_FOREACH_ENTRY(qdict_get_qlist(desc, "subsections"), entry) {
        const QDict *sub = qobject_to(QDict, qlist_entry_obj(entry));
        const char *name = qdict_get_str(sub, "vmsd_name");

        g_assert_cmphex(s->bytes[at], ==, BM_SUBSECTION);
        g_assert_cmpuint(s->bytes[at + 1], ==, strlen(name));
        g_assert_true(!memcmp(&s->bytes[at + 2], name, strlen(name)));
        at = bm_stream_walk(s, path, at + 2 + strlen(name) + 4, sub);
    }
    return at;
}

static size_t bm_stream_section(const BmStream *s)
{
    const char *found = memmem(s->bytes, s->len, bm_section,
                               sizeof(bm_section) - 1);

    QEMU_BUILD_BUG_ON(sizeof(BM_SECTION) - 1 != 0x16);
    g_assert_nonnull(found);
    return found + sizeof(bm_section) - 1 - s->bytes;
}

static const char *bm_stream_description(const BmStream *s)
{
    const char *found = NULL, *next = s->bytes;

    while ((next = memmem(next, s->bytes + s->len - next, BM_JSON,
                          sizeof(BM_JSON) - 1))) {
        found = next++;
    }
    g_assert_nonnull(found);
    return found;
}

/* What `migrate` has written to a file. */
BmStream *bm_stream_load(const char *path)
{
    BmStream *s = g_new0(BmStream, 1);
    const QListEntry *entry;
    QDict *all;

    g_assert_true(g_file_get_contents(path, &s->bytes, &s->len, NULL));
    s->fields = g_ptr_array_new_with_free_func(bm_field_free);
    s->begin = bm_stream_section(s);
    all = qobject_to(QDict, qobject_from_json(bm_stream_description(s), NULL));
    g_assert_nonnull(all);
    QLIST_FOREACH_ENTRY(qdict_get_qlist(all, "devices"), entry) {
        const QDict *device = qobject_to(QDict, qlist_entry_obj(entry));

        if (!strcmp(qdict_get_str(device, "name"), BM_SECTION)) {
            s->end = bm_stream_walk(s, "", s->begin, device);
        }
    }
    g_assert_cmpuint(s->end, >, s->begin);
    qobject_unref(all);
    return s;
}

void bm_stream_save(const BmStream *s, const char *path)
{
    g_assert_true(g_file_set_contents(path, s->bytes, s->len, NULL));
}

void bm_stream_save_alone(const BmStream *s, const char *path)
{
    static const char ram[] = "\x03ram\0\0\0\0\0\0\0\4";
    const char *first = memmem(s->bytes, s->len, ram, sizeof(ram) - 1);
    size_t begin = s->begin - sizeof(bm_section) + 1 - BM_SECTION_KIND;
    size_t end = s->end + BM_SECTION_KIND;
    GString *alone;

    g_assert_nonnull(first);
    g_assert_cmphex(s->bytes[begin], ==, BM_SECTION_FULL);
    g_assert_cmphex(s->bytes[s->end], ==, BM_SECTION_FOOTER);
    alone = g_string_new_len(s->bytes, first - BM_SECTION_KIND - s->bytes);
    g_string_append_len(alone, &s->bytes[begin], end - begin);
    g_string_append_c(alone, 0);
    g_assert_true(g_file_set_contents(path, alone->str, alone->len, NULL));
    g_string_free(alone, true);
}

void bm_stream_free(BmStream *s)
{
    g_ptr_array_free(s->fields, true);
    g_free(s->bytes);
    g_free(s);
}

static const BmField *bm_stream_find(const BmStream *s, const char *name)
{
    unsigned i;

    for (i = 0; i < s->fields->len; i++) {
        const BmField *f = g_ptr_array_index(s->fields, i);

        if (!strcmp(f->name, name)) {
            return f;
        }
    }
    g_test_message("there is no field %s", name);
    g_assert_not_reached();
}

/* A number, or the first eight bytes of what is longer: big-endian. */
uint64_t bm_stream_get(const BmStream *s, const char *name)
{
    const BmField *f = bm_stream_find(s, name);
    uint64_t value = 0;
    unsigned i;

    for (i = 0; i < MIN(f->size, sizeof(value)); i++) {
        value = value << 8 | (uint8_t)s->bytes[f->offset + i];
    }
    return value;
}

void bm_stream_put(BmStream *s, const char *name, uint64_t value)
{
    const BmField *f = bm_stream_find(s, name);
    unsigned i;

    for (i = MIN(f->size, sizeof(value)); i--; value >>= 8) {
        s->bytes[f->offset + i] = value;
    }
}

/* Field by field, so that it is known which differs. */
void bm_stream_assert_equal(const BmStream *a, const BmStream *b)
{
    unsigned i;

    g_assert_cmpuint(a->fields->len, ==, b->fields->len);
    for (i = 0; i < a->fields->len; i++) {
        const BmField *f = g_ptr_array_index(a->fields, i);
        const BmField *g = g_ptr_array_index(b->fields, i);

        g_assert_cmpstr(f->name, ==, g->name);
        g_assert_cmpuint(f->size, ==, g->size);
        if (memcmp(&a->bytes[f->offset], &b->bytes[g->offset], f->size)) {
            g_test_message("%s differs", f->name);
            g_assert_not_reached();
        }
    }
    g_assert_cmpuint(a->end - a->begin, ==, b->end - b->begin);
    g_assert_true(!memcmp(&a->bytes[a->begin], &b->bytes[b->begin],
                          a->end - a->begin));
}
