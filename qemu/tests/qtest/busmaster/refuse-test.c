/*
 * busmaster qtests: states that are not taken
 *
 * Of a device of another shape, or such as no device can be in: a stream may
 * come from anybody. Each is refused with a name, and leaves nothing running.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "world.h"

/* A value that cannot be, and what is said of it. */
typedef struct Refusal {
    unsigned queue;
    uint16_t tag;           /* of the command whose field it is */
    const char *field;
    uint64_t value;
    const char *words;
} Refusal;

#define DEVICE      QUEUES
#define QUEUE       BM_TAG_NONE

static const Refusal queues[] = {
    { DEVICE, QUEUE, "fatal_cause", 0x100, "fatal_cause" },
    { DEVICE, QUEUE, "irqs", BIT_ULL(QUEUES + 1), "irqs" },
    { DEVICE, QUEUE, "irqs", BIT_ULL(63), "irqs" },
    { DEVICE, QUEUE, "ready", 0, "not ready" },
    { LONG, QUEUE, "moved.state", 7, "a state" },
    { LONG, QUEUE, "moved.state", 0x101, "a state" },
    { LONG, QUEUE, "order", 0, "rings" },
    { LONG, QUEUE, "order", 200, "rings" },
    { LONG, QUEUE, "sq_base", 0x1234, "rings" },
    { LONG, QUEUE, "cq_base", 8, "rings" },
    { LONG, QUEUE, "shadow", 4, "a shadow" },
    { LONG, QUEUE, "sq_tail", 16, "an sq_tail" },
    { LONG, QUEUE, "sq_head", UINT32_MAX, "an sq_head" },
    { LONG, QUEUE, "cq_tail", 16, "a cq_tail" },
    { LONG, QUEUE, "cq_head", 16, "a cq_head" },
    { LONG, QUEUE, "bad_doorbell", 5, "a bad_doorbell" },
    { MODERATED, QUEUE, "unseen_since", INT64_MAX, "an unseen_since" },
    { LONG, QUEUE, "moved.num_commands", 9, "no more commands than" },
    { LONG, QUEUE, "moved.num_commands", UINT32_MAX, "no more commands than" },
};

static const Refusal commands[] = {
    { LONG, FENCE, "state", 0, "a command's state" },
    { LONG, FENCE, "state", 3, "a command's state" },
    { LONG, FENCE, "state", 0x99999999, "a command's state" },
    { LONG, SGL_CRC, "command/op", 0, "a command" },
    { LONG, SGL_CRC, "command/op", 0x66666666, "a command" },
    { LONG, SGL_CRC, "command/status", 0x100, "a command" },
    { LONG, SGL_CRC, "command/length", 1ull << 31, "a command" },
    { LONG, SGL_CRC, "command/done", UINT64_MAX, "a command" },
    { LONG, SGL_CRC, "command/abort", 0, "an abort" },
    { LONG, SGL_CRC, "command/src/space", 0, "a command" },
    { LONG, SGL_CRC, "command/src/space", 0x44444444, "a command" },
    { LONG, SGL_CRC, "command/dst/space", 1, "a command" },
    { LONG, SGL_CRC, "command/src/left", 1ull << 32, "a command" },
    { LONG, SGL_CRC, "command/src/addr", UINT64_MAX, "a command" },
    { LONG, SGL_CRC, "command/src/next", 17, "a command" },
    { LONG, SGL_CRC, "command/src/fetched", 17, "a command" },
    { LONG, SGL_CRC, "command/src/budget", 0, "a command" },
    { LONG, SGL_CRC, "command/src/budget", 4097, "a command" },
    { LONG, HOST_CRC, "command/src/left", 1, "a command" },
    { LONG, HOST_CRC, "command/src/addr", UINT64_MAX, "a command" },
    { LONG, LOCAL_CRC, "command/src/addr", 64 * MiB + 1, "a command" },
    { LONG, LOCAL_CRC, "command/src/addr", UINT64_MAX, "a command" },
    { FULL, 13, "command/status", 0x100, "a status" },
    { FULL, 13, "command/abort", 0x20000, "an abort" },
    { FULL, 13, "command/lie/torn", 1, "a lie" },
    { HELD, 22, "command/lie/entry", 8, "a lie" },
};

/* Wherever in its list the command was stopped, there is more to go. */
static const Refusal more[] = {
    { LONG, SGL_CRC, "command/src/left", 2 },
    { LONG, SGL_CRC, "command/src/next", 0 },
    { LONG, SGL_CRC, "command/src/fetched", 1 },
};

/* Where the value is: commands are saved in no order that we know. */
static char *path_of(const BmStream *s, const Refusal *r)
{
    unsigned i;

    if (r->queue == DEVICE) {
        return g_strdup_printf("core[1]/%s", r->field);
    }
    if (r->tag == QUEUE) {
        return g_strdup_printf("core[1]/queues[%u]/%s", r->queue, r->field);
    }
    for (i = 0; ; i++) {
        g_autofree char *command = g_strdup_printf(
            "core[1]/queues[%u]/moved.commands[%u]/", r->queue, i);
        g_autofree char *tag = g_strdup_printf("%scommand/tag", command);

        if (bm_stream_get(s, tag) == r->tag) {
            return g_strdup_printf("%s%s", command, r->field);
        }
    }
}

/* What QEMU has said when it refused what is in file 'b'. */
static char *refusal(World *w, const char *props)
{
    g_autofree char *uri = world_uri(w, "file", 'b');
    g_autofree char *log = g_build_filename(w->dir, "l", NULL);
    g_autofree char *args = g_strdup_printf("-incoming defer 2>%s", log);
    BmDev *to = bm_receiver(w->d, NULL, props, args);
    char *said;
    unsigned q;

    qtest_qmp_assert_success(to->qts, "{ 'execute': 'migrate-incoming', "
                             "'arguments': { 'uri': %s, "
                             "'exit-on-error': false } }", uri);
    bm_migrate_wait(to, "failed");
    for (q = 0; q < QUEUES; q++) {
        g_assert_cmphex(bm_read(to, BM_QUEUE_PAGE(q) + BM_QREG_STATE), ==, 0);
    }
    bm_end(to);
    g_assert_true(g_file_get_contents(log, &said, NULL, NULL));
    return said;
}

static void refuse(const Refusal *refusals, size_t n)
{
    g_autofree char *to = NULL;
    BmStream *s;
    size_t i;
    World w;

    world_up(&w, NULL);
    world_begin(&w);
    s = world_saved(&w, w.d, 'a');
    to = g_build_filename(w.dir, "b", NULL);
    for (i = 0; i < ARRAY_SIZE(more); i++) {
        g_autofree char *path = path_of(s, &more[i]);

        bm_stream_put(s, path, more[i].value);
    }
    for (i = 0; i < n; i++) {
        g_autofree char *path = path_of(s, &refusals[i]);
        g_autofree char *said = NULL;
        uint64_t was = bm_stream_get(s, path);

        g_test_message("%s = 0x%" PRIx64, path, refusals[i].value);
        bm_stream_put(s, path, refusals[i].value);
        bm_stream_save_alone(s, to);
        bm_stream_put(s, path, was);
        said = refusal(&w, WORLD_PROPS);
        g_test_message("%s", said);
        g_assert_nonnull(strstr(said, refusals[i].words));
    }
    bm_stream_free(s);
    world_end(&w);
}

static void test_queues(const void *worker)
{
    refuse(queues, ARRAY_SIZE(queues));
}

static void test_commands(const void *worker)
{
    refuse(commands, ARRAY_SIZE(commands));
}

/* A property that the guest has seen is another here. */
static void test_properties(const void *worker)
{
    static const struct {
        const char *props;
        const char *words;
    } cases[] = {
        { "queues=8,mem-size=64M,outstanding=8,x-fault-injection=true",
          "'queues' is 8, must be 9" },
        { "queues=9,mem-size=32M,outstanding=8,x-fault-injection=true",
          "busmaster.mem" },
        { "queues=9,mem-size=64M,outstanding=7,x-fault-injection=true",
          "'outstanding' is 7, must be 8" },
        { "queues=9,mem-size=64M,outstanding=8",
          "'x-fault-injection' is 0, must be 1" },
        { "queues=9,mem-size=64M,outstanding=8,x-fault-injection=true,"
          "dma-bits=40", "'dma-bits' is 40, must be 64" },
        { "queues=9,mem-size=64M,outstanding=8,x-fault-injection=true,"
          "write-faults=false", "'write-faults' is 0, must be 1" },
    };
    unsigned i;
    World w;

    world_up(&w, NULL);
    {
        g_autofree char *uri = world_uri(&w, "file", 'b');

        bm_migrate(w.d, uri);
        bm_migrate_wait(w.d, "completed");
    }
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *said = refusal(&w, cases[i].props);

        g_test_message("%s", said);
        g_assert_nonnull(strstr(said, cases[i].words));
    }
    world_end(&w);
}

void bm_add_refuse_tests(void)
{
    bm_add("refuse/properties", test_properties);
    bm_add("refuse/queues", test_queues);
    bm_add("refuse/commands", test_commands);
}
