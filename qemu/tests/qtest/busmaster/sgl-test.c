/*
 * busmaster qtests: scatter-gather lists, good and bad
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"

#define SEG             sizeof(struct bm_hw_seg)
#define SGL_MAX         4096
#define CHAIN           BM_SEG_CHAIN

typedef struct Bench {
    BmDev *d;
    BmRing r;
    uint64_t list;          /* room for many entries */
    uint64_t data;
} Bench;

static void bench_up(Bench *t, const void *worker)
{
    t->d = bm_start(worker, "queues=1,mem-size=1M");
    bm_ring_init(&t->r, t->d, 0, 4);
    t->list = bm_alloc(t->d, 3 * SGL_MAX * SEG);
    t->data = bm_alloc(t->d, 1 * MiB);
}

/* Copy @len bytes of a list into device memory; the status. */
static unsigned gather(Bench *t, uint64_t list, uint32_t count, uint32_t len)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY, 1, len, bm_sgl(list, count),
                                  bm_local(0));

    return bm_exec(&t->r, &sqe);
}

static void fill_words(Bench *t, unsigned words)
{
    unsigned i;

    for (i = 0; i < words; i++) {
        qtest_writel(t->d->qts, t->data + i * 4, 0xc0de0000 + i);
    }
}

static void check_words(Bench *t, unsigned words, unsigned step)
{
    unsigned i;

    for (i = 0; i < words; i++) {
        g_assert_cmphex(qtest_readl(t->d->qts, t->d->mem + i * 4), ==,
                        0xc0de0000 + i * step);
    }
}

static void test_sizes(const void *worker)
{
    static const unsigned counts[] = { 1, 2, 15, 16, 17, 64, 65, 1000 };
    unsigned i, j;
    Bench t;

    bench_up(&t, worker);
    fill_words(&t, 2000);
    for (i = 0; i < ARRAY_SIZE(counts); i++) {
        for (j = 0; j < counts[i]; j++) {
            bm_seg(t.d, t.list, j, t.data + j * 8, 4, 0);
        }
        g_assert_cmphex(gather(&t, t.list, counts[i], counts[i] * 4), ==,
                        BM_ST_SUCCESS);
        check_words(&t, counts[i], 2);
    }
    bm_end(t.d);
}

/* A chain entry in every place of a batch, and chains of chains. */
static void test_chain(const void *worker)
{
    unsigned first, i;
    Bench t;

    bench_up(&t, worker);
    fill_words(&t, 100);
    for (first = 0; first <= 33; first++) {
        uint64_t second = t.list + 100 * SEG, third = second + SEG;

        for (i = 0; i < 40; i++) {
            if (i < first) {
                bm_seg(t.d, t.list, i, t.data + i * 4, 4, 0);
            } else {
                bm_seg(t.d, third, i - first, t.data + i * 4, 4, 0);
            }
        }
        bm_seg(t.d, t.list, first, second, 1, CHAIN);
        bm_seg(t.d, second, 0, third, 40 - first, CHAIN);
        g_assert_cmphex(gather(&t, t.list, first + 1, 160), ==,
                        BM_ST_SUCCESS);
        check_words(&t, 40, 1);
        qtest_memset(t.d->qts, t.d->mem, 0, 160);
    }
    bm_end(t.d);
}

/* As many entries as CAP allows, and one more: segments, or chain entries. */
static void test_budget(const void *worker)
{
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    g_assert_cmpuint(BM_GET(BM_CAP_SGL_MAX, bm_read(t.d, BM_REG_CAP)), ==,
                     SGL_MAX);
    fill_words(&t, SGL_MAX + 1);
    for (i = 0; i <= SGL_MAX; i++) {
        bm_seg(t.d, t.list, i, t.data + i * 4, 4, 0);
    }
    g_assert_cmphex(gather(&t, t.list, SGL_MAX, SGL_MAX * 4), ==,
                    BM_ST_SUCCESS);
    check_words(&t, SGL_MAX, 1);
    g_assert_cmphex(gather(&t, t.list, SGL_MAX + 1, SGL_MAX * 4), ==,
                    BM_ST_SUCCESS);
    g_assert_cmphex(gather(&t, t.list, SGL_MAX + 1, SGL_MAX * 4 + 1), ==,
                    BM_ST_SGL_TOO_LONG);

    /* The last entry that is allowed is a chain entry. */
    bm_seg(t.d, t.list, SGL_MAX - 1, t.list, 1, CHAIN);
    g_assert_cmphex(gather(&t, t.list, SGL_MAX, SGL_MAX * 4 - 4), ==,
                    BM_ST_SUCCESS);
    g_assert_cmphex(gather(&t, t.list, SGL_MAX, SGL_MAX * 4), ==,
                    BM_ST_SGL_TOO_LONG);
    bm_end(t.d);
}

static void test_loop(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    /* One that never gets anywhere, and one that does, for ever. */
    bm_seg(t.d, t.list, 0, t.list, 1, CHAIN);
    g_assert_cmphex(gather(&t, t.list, 1, 64), ==, BM_ST_SGL_TOO_LONG);
    bm_seg(t.d, t.list, 0, t.data, 1, 0);
    bm_seg(t.d, t.list, 1, t.list, 2, CHAIN);
    g_assert_cmphex(gather(&t, t.list, 2, 64 * KiB), ==, BM_ST_SGL_TOO_LONG);
    g_assert_cmphex(gather(&t, t.list, 2, 2048), ==, BM_ST_SUCCESS);
    bm_end(t.d);
}

/*
 * To fetch entries is work, too: who does nothing else has turns as others do,
 * and a command that comes later ends before it.
 */
static void test_turns(const void *worker)
{
    struct bm_hw_sqe loop, nop = bm_cmd(BM_OP_NOP, 2, 0, bm_none(), bm_none());
    Bench t;

    bench_up(&t, worker);
    bm_seg(t.d, t.list, 0, t.list, 1, CHAIN);
    loop = bm_cmd(BM_OP_COPY, 1, 1, bm_sgl(t.list, 1), bm_sgl(t.list, 1));
    bm_push(&t.r, &loop);
    bm_push(&t.r, &nop);
    bm_doorbell(&t.r);
    bm_reap(&t.r);
    g_assert_cmphex(t.r.cqe.tag, ==, 2);
    bm_reap(&t.r);
    g_assert_cmphex(t.r.cqe.tag, ==, 1);
    g_assert_cmphex(t.r.cqe.status, ==, BM_ST_SGL_TOO_LONG);
    bm_end(t.d);
}

static void test_bad_entries(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    bm_seg(t.d, t.list, 0, t.data, 100, 0);
    bm_seg(t.d, t.list, 1, t.data, 100, 0);
    g_assert_cmphex(gather(&t, t.list, 2, 200), ==, BM_ST_SUCCESS);

    /* empty; misaligned; too short; wraps */
    g_assert_cmphex(gather(&t, t.list, 0, 200), ==, BM_ST_BAD_SGL);
    g_assert_cmphex(gather(&t, t.list + 8, 2, 200), ==, BM_ST_BAD_SGL);
    g_assert_cmphex(gather(&t, t.list, 2, 201), ==, BM_ST_BAD_SGL);
    g_assert_cmphex(t.r.cqe.info, ==, 0);
    g_assert_cmphex(gather(&t, -(uint64_t)SEG, 2, 200), ==, BM_ST_BAD_SGL);

    /* a segment of no bytes; one that wraps; unknown flags */
    bm_seg(t.d, t.list, 1, t.data, 0, 0);
    g_assert_cmphex(gather(&t, t.list, 2, 200), ==, BM_ST_BAD_SGL);
    bm_seg(t.d, t.list, 1, UINT64_MAX, 100, 0);
    g_assert_cmphex(gather(&t, t.list, 2, 200), ==, BM_ST_BAD_SGL);
    bm_seg(t.d, t.list, 1, t.data, 100, 2);
    g_assert_cmphex(gather(&t, t.list, 2, 200), ==, BM_ST_BAD_SGL);
    bm_seg(t.d, t.list, 1, t.list, 2, 3);
    g_assert_cmphex(gather(&t, t.list, 2, 200), ==, BM_ST_BAD_SGL);

    /* a chain entry before the end; to nothing; to an odd place */
    bm_seg(t.d, t.list, 1, t.list, 1, CHAIN);
    bm_seg(t.d, t.list, 2, t.data, 100, 0);
    g_assert_cmphex(gather(&t, t.list, 3, 200), ==, BM_ST_BAD_SGL);
    bm_seg(t.d, t.list, 1, t.list, 0, CHAIN);
    g_assert_cmphex(gather(&t, t.list, 2, 200), ==, BM_ST_BAD_SGL);
    bm_seg(t.d, t.list, 1, t.list + 4, 1, CHAIN);
    g_assert_cmphex(gather(&t, t.list, 2, 200), ==, BM_ST_BAD_SGL);

    /* What the length does not need is nobody's concern. */
    g_assert_cmphex(gather(&t, t.list, 2, 100), ==, BM_ST_SUCCESS);
    g_assert_cmphex(gather(&t, t.list, 2, 99), ==, BM_ST_SUCCESS);
    bm_end(t.d);
}

/* Refused, on the way to the list and on the way to the data. */
static void test_faults(const void *worker)
{
    struct bm_hw_sqe sqe;
    Bench t;

    bench_up(&t, worker);
    g_assert_cmphex(gather(&t, BM_NOWHERE, 2, 200), ==, BM_ST_DMA_READ_FAULT);
    g_assert_cmphex(t.r.cqe.info, ==, BM_NOWHERE);

    bm_seg(t.d, t.list, 0, t.data, 100, 0);
    bm_seg(t.d, t.list, 1, BM_NOWHERE + 32, 1, CHAIN);
    g_assert_cmphex(gather(&t, t.list, 2, 200), ==, BM_ST_DMA_READ_FAULT);
    g_assert_cmphex(t.r.cqe.info, ==, BM_NOWHERE + 32);

    bm_seg(t.d, t.list, 1, BM_NOWHERE + 5, 100, 0);
    g_assert_cmphex(gather(&t, t.list, 2, 200), ==, BM_ST_DMA_READ_FAULT);
    g_assert_cmphex(t.r.cqe.info, ==, BM_NOWHERE + 5);

    sqe = bm_cmd(BM_OP_COPY, 2, 200, bm_local(0), bm_sgl(t.list, 2));
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_DMA_WRITE_FAULT);
    g_assert_cmphex(t.r.cqe.info, ==, BM_NOWHERE + 5);

    /* A list that runs out of memory: its last entry there is good. */
    bm_seg(t.d, BM_RAM_SIZE - SEG, 0, t.data, 100, 0);
    g_assert_cmphex(gather(&t, BM_RAM_SIZE - SEG, 2, 100), ==, BM_ST_SUCCESS);
    g_assert_cmphex(gather(&t, BM_RAM_SIZE - SEG, 2, 101), ==,
                    BM_ST_DMA_READ_FAULT);
    g_assert_cmphex(t.r.cqe.info, ==, BM_RAM_SIZE);
    bm_end(t.d);
}

void bm_add_sgl_tests(void)
{
    bm_add_both("sgl/sizes", test_sizes);
    bm_add_both("sgl/chain", test_chain);
    bm_add("sgl/budget", test_budget);
    bm_add("sgl/loop", test_loop);
    bm_add_both("sgl/turns", test_turns);
    bm_add("sgl/bad-entries", test_bad_entries);
    bm_add("sgl/faults", test_faults);
}
