/*
 * busmaster qtests: which thread runs which queue
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "harness.h"

#define QUEUES  5

/* What the kernel says of the time that a thread has run, in ns. */
static uint64_t cpu_time(int64_t tid)
{
    g_autofree char *path = g_strdup_printf("/proc/%" PRId64 "/schedstat", tid);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return 0;
    }
    return g_ascii_strtoull(text, NULL, 10);
}

/* The ids of the threads io0, io1, ..., whatever order they are told in. */
static void find_threads(BmDev *d, int64_t *tids, unsigned n)
{
    QDict *reply = qtest_qmp(d->qts, "{ 'execute': 'query-iothreads' }");
    QListEntry *entry;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(reply, "return"), entry) {
        QDict *info = qobject_to(QDict, qlist_entry_obj(entry));
        unsigned i = qdict_get_str(info, "id")[strlen("io")] - '0';

        g_assert_cmpuint(i, <, n);
        tids[i] = qdict_get_int(info, "thread-id");
    }
    qobject_unref(reply);
}

/* Queue q runs in the q'th of the list, which begins again when it ends. */
static void test_mapping(const void *worker)
{
    static const struct {
        BmVariant variant;
        unsigned n;
        unsigned order[3];
    } cases[] = {
        { { "", .iothread = "io1" }, 1, { 1 } },
        { { "", .iothreads = "[\"io2\"]" }, 1, { 2 } },
        { { "", .iothreads = "[\"io1\",\"io0\",\"io2\"]" }, 3, { 1, 0, 2 } },
        { { "", .iothreads = "[\"io0\",\"io0\",\"io2\"]" }, 3, { 0, 0, 2 } },
    };
    int64_t tids[3];
    unsigned c, q, i;

    for (c = 0; c < ARRAY_SIZE(cases); c++) {
        BmDev *d = bm_start(&cases[c].variant, "queues=5,mem-size=64M");

        find_threads(d, tids, ARRAY_SIZE(tids));
        if (!cpu_time(tids[0])) {
            g_test_skip("no schedstat in /proc");
        }
        for (q = 0; q < QUEUES; q++) {
            struct bm_hw_sqe sqe = bm_cmd(BM_OP_CRC32C, q, 64 * MiB,
                                          bm_local(0), bm_none());
            uint64_t before[3], most = 0;
            unsigned busiest = 0;
            BmRing r;

            bm_ring_init(&r, d, q, 3);
            for (i = 0; i < ARRAY_SIZE(tids); i++) {
                before[i] = cpu_time(tids[i]);
            }
            g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
            for (i = 0; i < ARRAY_SIZE(tids); i++) {
                uint64_t ran = cpu_time(tids[i]) - before[i];

                if (ran > most) {
                    most = ran;
                    busiest = i;
                }
            }
            g_assert_cmpuint(busiest, ==,
                             cases[c].order[q % cases[c].n]);
        }
        bm_end(d);
    }
}

/* None at all is as good as not to say it: commands run in the doorbell. */
static void test_empty(const void *worker)
{
    static const BmVariant none = { "", .iothreads = "[]" };
    BmDev *d = bm_start(&none, "queues=1,mem-size=1M");
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    uint64_t both[] = { cpu_to_le64(1), cpu_to_le64(1) };
    BmRing r;

    bm_ring_init(&r, d, 0, 3);
    bm_push(&r, &sqe);
    qtest_memwrite(d->qts, d->regs + BM_QUEUE_PAGE(0) + BM_QREG_SQ_TAIL, both,
                   sizeof(both));
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_STATE), ==, BM_QSTATE_RUNNING);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_CQ_HEAD), ==, 1);
    bm_end(d);
}

static void test_errors(const void *worker)
{
    static const struct {
        const char *args;
        const char *words[2];
    } cases[] = {
        { "'iothread': 'io0', 'iothreads': [ 'io0' ]",
          { "'iothread'", "'iothreads'" } },
        { "'iothreads': [ 'io0', 'nobody' ]", { "'iothreads'", "'nobody'" } },
        { "'iothreads': [ 'rp' ]", { "'iothreads'", "'rp'" } },
    };
    QTestState *qts = qtest_init("-M q35 -nodefaults -object iothread,id=io0 "
                                 "-device pcie-root-port,id=rp,chassis=1");
    unsigned i, j;

    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *command = g_strdup_printf(
            "{ 'execute': 'device_add', 'arguments': { 'driver': 'busmaster', "
            "'bus': 'rp', %s } }", cases[i].args);
        QDict *reply = qtest_qmp(qts, "%p", qobject_from_json(command,
                                                              &error_abort));
        QDict *error = qdict_get_qdict(reply, "error");
        const char *desc;

        g_assert_nonnull(error);
        desc = qdict_get_str(error, "desc");
        g_test_message("%s", desc);
        for (j = 0; j < ARRAY_SIZE(cases[i].words); j++) {
            g_assert_nonnull(strstr(desc, cases[i].words[j]));
        }
        qobject_unref(reply);
    }
    qtest_quit(qts);
}

void bm_add_iothread_tests(void)
{
    bm_add("iothread/mapping", test_mapping);
    bm_add("iothread/empty-list", test_empty);
    bm_add("iothread/errors", test_errors);
}
