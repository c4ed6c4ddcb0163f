/*
 * busmaster qtests: the device's part of a migration stream
 *
 * A stream ends with a description of what is in it. By that each field of the
 * device's state can be found, compared and changed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_BUSMASTER_STREAM_H
#define TESTS_QTEST_BUSMASTER_STREAM_H

typedef struct BmStream {
    char *bytes;
    gsize len;
    size_t begin;           /* where the state begins */
    size_t end;
    GPtrArray *fields;      /* BmField, in order */
} BmStream;

/* By @name, which is the path to it: "core[1]/queues[0]/order". */
typedef struct BmField {
    char *name;
    size_t offset;
    size_t size;
} BmField;

BmStream *bm_stream_load(const char *path);
void bm_stream_save(const BmStream *s, const char *path);
/* The device's section, and nothing else of the machine or to describe it. */
void bm_stream_save_alone(const BmStream *s, const char *path);
void bm_stream_free(BmStream *s);
uint64_t bm_stream_get(const BmStream *s, const char *name);
void bm_stream_put(BmStream *s, const char *name, uint64_t value);
void bm_stream_assert_equal(const BmStream *a, const BmStream *b);

#endif
