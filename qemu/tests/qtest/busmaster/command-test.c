/*
 * busmaster qtests: the operations, over every kind of pointer
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"

#define LEN 10007

static const enum bm_space spaces[] = {
    BM_SPACE_HOST, BM_SPACE_LOCAL, BM_SPACE_HOST_SGL,
};

typedef struct Bench {
    BmDev *d;
    BmRing r;
    uint8_t *a;             /* two different blocks of data */
    uint8_t *b;
} Bench;

static void bench_up(Bench *t, const void *worker)
{
    t->d = bm_start(worker, "queues=2,mem-size=16M");
    bm_ring_init(&t->r, t->d, 0, 4);
    t->a = bm_random(LEN);
    t->b = bm_random(LEN);
    t->b[0] = ~t->a[0];
    t->b[LEN - 1] = ~t->a[LEN - 1];
}

static void bench_down(Bench *t)
{
    g_free(t->a);
    g_free(t->b);
    bm_end(t->d);
}

/* Call @fn for all pairs of pointer kinds: source @a, destination @b. */
static void for_all_pairs(Bench *t, void (*fn)(Bench *, BmPlace *, BmPlace *))
{
    unsigned i, j;

    for (i = 0; i < ARRAY_SIZE(spaces); i++) {
        for (j = 0; j < ARRAY_SIZE(spaces); j++) {
            BmPlace src, dst;

            bm_place(&src, t->d, spaces[i], LEN);
            bm_place(&dst, t->d, spaces[j], LEN);
            bm_place_write(&src, t->a);
            bm_place_write(&dst, t->b);
            fn(t, &src, &dst);
        }
    }
}

static void test_nop(const void *worker)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 0x1234, 0, bm_none(), bm_none());
    Bench t;

    bench_up(&t, worker);
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
    g_assert_cmphex(t.r.cqe.info, ==, 0);
    bench_down(&t);
}

static void check_copy(Bench *t, BmPlace *src, BmPlace *dst)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY, 1, LEN, src->ptr, dst->ptr);

    g_assert_cmphex(bm_exec(&t->r, &sqe), ==, BM_ST_SUCCESS);
    g_assert_cmphex(t->r.cqe.info, ==, 0);
    bm_place_check(src, t->a);
    bm_place_check(dst, t->a);
}

static void test_copy(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    for_all_pairs(&t, check_copy);
    bench_down(&t);
}

static void check_copy_crc32c(Bench *t, BmPlace *src, BmPlace *dst)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY_CRC32C, 2, LEN, src->ptr,
                                  dst->ptr);

    g_assert_cmphex(bm_exec(&t->r, &sqe), ==, BM_ST_SUCCESS);
    g_assert_cmphex(t->r.cqe.info, ==, bm_crc32c(0, t->a, LEN));
    bm_place_check(dst, t->a);
}

static void test_copy_crc32c(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    for_all_pairs(&t, check_copy_crc32c);
    bench_down(&t);
}

static void check_compare(Bench *t, BmPlace *src, BmPlace *dst)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COMPARE, 3, LEN, src->ptr, dst->ptr);
    g_autofree uint8_t *other = g_memdup2(t->a, LEN);
    static const unsigned at[] = { 0, 1, 4095, 5000, LEN - 1 };
    unsigned i;

    bm_place_write(dst, t->a);
    g_assert_cmphex(bm_exec(&t->r, &sqe), ==, BM_ST_SUCCESS);
    g_assert_cmphex(t->r.cqe.info, ==, 0);

    for (i = 0; i < ARRAY_SIZE(at); i++) {
        other[at[i]] ^= 0x10;
        bm_place_write(dst, other);
        g_assert_cmphex(bm_exec(&t->r, &sqe), ==, BM_ST_MISCOMPARE);
        g_assert_cmphex(t->r.cqe.info, ==, at[i]);
        other[at[i]] ^= 0x10;
    }
    bm_place_check(src, t->a);
}

static void test_compare(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    for_all_pairs(&t, check_compare);
    bench_down(&t);
}

static void test_fill(const void *worker)
{
    static const uint8_t pattern[8] = { 0x08, 1, 2, 3, 4, 5, 6, 0x87 };
    struct bm_hw_sqe sqe;
    unsigned i;
    size_t len;
    Bench t;

    bench_up(&t, worker);
    for (i = 0; i < ARRAY_SIZE(spaces); i++) {
        for (len = LEN; len; len /= 11) {
            BmPlace dst;
            size_t j;

            bm_place(&dst, t.d, spaces[i], len);
            for (j = 0; j < len; j++) {
                t.a[j] = pattern[j % 8];
            }
            sqe = bm_cmd(BM_OP_FILL, 4, len, bm_none(), dst.ptr);
            sqe.operand = cpu_to_le64(0x8706050403020108);
            g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
            bm_place_check(&dst, t.a);
        }
    }
    bench_down(&t);
}

/* The value that everybody quotes, and the sum of parts. */
static void test_crc32c(const void *worker)
{
    BmPlace text, part, rest;
    struct bm_hw_sqe sqe;
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    for (i = 0; i < ARRAY_SIZE(spaces); i++) {
        bm_place(&text, t.d, spaces[i], 9);
        bm_place_write(&text, (const uint8_t *)"123456789");
        sqe = bm_cmd(BM_OP_CRC32C, 5, 9, text.ptr, bm_none());
        g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
        g_assert_cmphex(t.r.cqe.info, ==, 0xe3069283);

        bm_place(&part, t.d, spaces[i], 4000);
        bm_place_write(&part, t.a);
        bm_place(&rest, t.d, spaces[i], LEN - 4000);
        bm_place_write(&rest, t.a + 4000);
        sqe = bm_cmd(BM_OP_CRC32C, 6, 4000, part.ptr, bm_none());
        g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
        sqe = bm_cmd(i & 1 ? BM_OP_COPY_CRC32C : BM_OP_CRC32C, 7, LEN - 4000,
                     rest.ptr, i & 1 ? rest.ptr : bm_none());
        sqe.operand = cpu_to_le64(t.r.cqe.info);
        g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
        g_assert_cmphex(t.r.cqe.info, ==, bm_crc32c(0, t.a, LEN));
    }
    bench_down(&t);
}

/* Many turns: there and back again, and the turns' seams are right. */
static void test_big(const void *worker)
{
    const size_t len = 8 * MiB - 3;
    g_autofree uint8_t *data = bm_random(len);
    BmPlace a, b, c;
    struct bm_hw_sqe sqe;
    Bench t;

    bench_up(&t, worker);
    bm_place(&a, t.d, BM_SPACE_HOST, len);
    bm_place(&b, t.d, BM_SPACE_HOST_SGL, len);
    bm_place_write(&a, data);

    sqe = bm_cmd(BM_OP_COPY, 8, len, a.ptr, bm_local(1));
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
    sqe = bm_cmd(BM_OP_COPY_CRC32C, 9, len, bm_local(1), b.ptr);
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
    g_assert_cmphex(t.r.cqe.info, ==, bm_crc32c(0, data, len));
    bm_place_check(&b, data);

    sqe = bm_cmd(BM_OP_COMPARE, 10, len, b.ptr, a.ptr);
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
    qtest_writeb(t.d->qts, a.addr[0] + 7000003, ~data[7000003]);
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_MISCOMPARE);
    g_assert_cmphex(t.r.cqe.info, ==, 7000003);

    bm_place(&c, t.d, BM_SPACE_HOST, len);
    memset(data, 0, len);
    for (size_t i = 0; i < len; i++) {
        data[i] = i % 8;
    }
    sqe = bm_cmd(BM_OP_FILL, 11, len, bm_none(), c.ptr);
    sqe.operand = cpu_to_le64(0x0706050403020100);
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
    bm_place_check(&c, data);
    bench_down(&t);
}

/* The first and the last byte of device memory, and not one beyond. */
static void test_local_ends(const void *worker)
{
    struct bm_hw_sqe sqe;
    uint64_t size;
    Bench t;

    bench_up(&t, worker);
    size = t.d->mem_size;
    sqe = bm_cmd(BM_OP_FILL, 1, size, bm_none(), bm_local(0));
    sqe.operand = cpu_to_le64(0x5555555555555555);
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
    g_assert_cmphex(qtest_readl(t.d->qts, t.d->mem), ==, 0x55555555);
    g_assert_cmphex(qtest_readl(t.d->qts, t.d->mem + size - 4), ==,
                    0x55555555);

    sqe = bm_cmd(BM_OP_CRC32C, 2, 1, bm_local(size - 1), bm_none());
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
    sqe = bm_cmd(BM_OP_CRC32C, 3, 1, bm_local(size), bm_none());
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_BAD_RANGE);
    sqe = bm_cmd(BM_OP_CRC32C, 4, 2, bm_local(size - 1), bm_none());
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_BAD_RANGE);
    sqe = bm_cmd(BM_OP_FILL, 5, size + 1, bm_none(), bm_local(0));
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_BAD_RANGE);
    sqe = bm_cmd(BM_OP_CRC32C, 6, 2, bm_local(UINT64_MAX), bm_none());
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_BAD_RANGE);
    bench_down(&t);
}

/* BAR 2 is memory like any other: a peer, or the device, may go there. */
static void test_bar2_as_host(const void *worker)
{
    struct bm_hw_sqe sqe;
    BmPlace host;
    Bench t;

    bench_up(&t, worker);
    bm_place(&host, t.d, BM_SPACE_HOST, LEN);
    bm_place_write(&host, t.a);
    sqe = bm_cmd(BM_OP_COPY, 1, LEN, host.ptr, bm_host(t.d->mem + 0x10001));
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
    sqe = bm_cmd(BM_OP_COMPARE, 2, LEN, bm_local(0x10001), host.ptr);
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
    bench_down(&t);
}

void bm_add_command_tests(void)
{
    bm_add_all("command/nop", test_nop);
    bm_add_all("command/copy", test_copy);
    bm_add_all("command/copy-crc32c", test_copy_crc32c);
    bm_add_all("command/compare", test_compare);
    bm_add_all("command/fill", test_fill);
    bm_add_all("command/crc32c", test_crc32c);
    bm_add_all("command/big", test_big);
    bm_add("command/local-ends", test_local_ends);
    bm_add("command/bar2-as-host", test_bar2_as_host);
}
