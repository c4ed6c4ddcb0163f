/*
 * busmaster qtests: completions and interrupts that are wrong
 *
 * Each case sees what the mode promises, no more, and that all is well after
 * it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "bench.h"

#define TAG     0x7012

/*
 * Completions that are wrong
 */

static struct bm_hw_cqe entry(Bench *t, unsigned index)
{
    struct bm_hw_cqe cqe;

    qtest_memread(t->d->qts, t->r.cq + index * sizeof(cqe), &cqe, sizeof(cqe));
    return cqe;
}

static void check_entry(Bench *t, unsigned index, uint64_t info,
                        uint16_t sq_head, uint16_t tag, uint32_t status)
{
    struct bm_hw_cqe cqe = entry(t, index);

    g_assert_cmphex(le64_to_cpu(cqe.info), ==, info);
    g_assert_cmphex(le16_to_cpu(cqe.sq_head), ==, sq_head);
    g_assert_cmphex(le16_to_cpu(cqe.tag), ==, tag);
    g_assert_cmphex(le32_to_cpu(cqe.status), ==, status);
}

typedef struct Lie {
    const char *name;
    enum bm_inject mode;
    uint64_t arg;
    uint64_t info;
    uint16_t sq_head;
    uint16_t tag;
    uint32_t status;
} Lie;

/* One field is wrong, be it by default or as ARG says. */
static const Lie lies[] = {
    { "lie/tag-range", BM_INJECT_TAG_RANGE, 0,
      0, 2, 0xfffe, BM_CQE_PHASE },
    { "lie/tag-range-arg", BM_INJECT_TAG_RANGE, 0x1234,
      0, 2, 0x1234, BM_CQE_PHASE },
    /* The next one is the other command's. */
    { "lie/tag-free", BM_INJECT_TAG_FREE, 0,
      0, 2, TAG ^ 2, BM_CQE_PHASE },
    { "lie/tag-stale", BM_INJECT_TAG_STALE, 0,
      0, 2, TAG ^ 0x8000, BM_CQE_PHASE },
    { "lie/tag-stale-arg", BM_INJECT_TAG_STALE, 0x1000,
      0, 2, TAG ^ 0x1000, BM_CQE_PHASE },
    { "lie/phase", BM_INJECT_PHASE, 0,
      0, 2, TAG, 0 },
    { "lie/sq-head", BM_INJECT_SQ_HEAD, 0,
      0, 0x8002, TAG, BM_CQE_PHASE },
    { "lie/sq-head-arg", BM_INJECT_SQ_HEAD, 3,
      0, 1, TAG, BM_CQE_PHASE },
    { "lie/status", BM_INJECT_STATUS, 0,
      0, 2, TAG, BM_CQE_PHASE | 0x7f },
    { "lie/status-arg", BM_INJECT_STATUS, 0xfff20,
      0, 2, TAG, BM_CQE_PHASE | 0x20 },
    { "lie/info", BM_INJECT_INFO, 0,
      UINT64_MAX, 2, TAG, BM_CQE_PHASE },
    { "lie/info-arg", BM_INJECT_INFO, 0x123456789,
      0x123456789, 2, TAG, BM_CQE_PHASE },
};

/* Of two commands the second gets a true completion, which tells of both. */
static void test_lie(const void *data)
{
    const Lie *lie = data;
    Bench t;

    bench_up(&t, NULL);
    bm_arm(t.d, lie->mode, 1, 1, lie->arg);
    bench_submit_all(&t, TAG, 2);
    t.r.head = 1;
    bench_expect(&t, TAG + 1);
    bm_assert_armed(t.d, lie->mode, 1, 0);
    check_entry(&t, 0, lie->info, lie->sq_head, lie->tag, lie->status);
    check_entry(&t, 1, 0, 2, TAG + 1, BM_CQE_PHASE);
    bench_down(&t, lie->mode);
}

/* As the data sheet has it. */
static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void test_mutate(const void *worker)
{
    const unsigned n = 12;
    const uint64_t seeds[] = { 0, 1, 0xfedcba9876543210 };
    unsigned i, j, k;
    Bench t;

    bench_up(&t, worker);
    for (i = 0; i < ARRAY_SIZE(seeds); i++) {
        uint64_t state = seeds[i];

        bench_again(&t);
        bm_arm(t.d, BM_INJECT_CQE_MUTATE, n, ALL, seeds[i]);
        bench_submit_all(&t, 0, n + 1);
        t.r.head = n;
        bench_expect(&t, n);
        bm_assert_armed(t.d, BM_INJECT_CQE_MUTATE, n, 0);
        for (j = 0; j < n; j++) {
            struct bm_hw_cqe cqe = {
                .sq_head = cpu_to_le16(n + 1),
                .tag = cpu_to_le16(j),
                .status = cpu_to_le32(BM_CQE_PHASE),
            }, seen = entry(&t, j);
            uint8_t *byte = (uint8_t *)&cqe, flip[sizeof(cqe)] = {};
            uint64_t random = splitmix64(&state);

            for (k = 0; k <= (random & 3); k++) {
                unsigned bit = (random >> (2 + 7 * k)) & 127;

                flip[bit / 8] |= 1 << (bit % 8);
            }
            for (k = 0; k < sizeof(cqe); k++) {
                byte[k] ^= flip[k];
            }
            g_assert_cmpmem(&seen, sizeof(seen), &cqe, sizeof(cqe));
        }
    }
    bench_down(&t, BM_INJECT_CQE_MUTATE);
}

/*
 * Completions that do not come, or too often, or too late
 */

static void test_drop(const void *worker)
{
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    bm_arm(t.d, BM_INJECT_CQE_DROP, 2, ALL, 0);
    bench_submit_all(&t, 0, 5);
    bench_expect_all(&t, 2, 3);
    bench_nothing(&t);
    bm_ack(&t.r, 0);
    bm_assert_armed(t.d, BM_INJECT_CQE_DROP, 2, 0);

    /* Forgotten: no slot is lost, and a drain waits for nothing. */
    bm_arm(t.d, BM_INJECT_CQE_DROP, 40, ALL, 0);
    for (i = 0; i < 40; i++) {
        bench_submit(&t, i);
        /* Nothing else says that there is room for the next. */
        bm_wait_reg(t.d, BM_REG_INJECT_STATE(BM_INJECT_CQE_DROP),
                    BM_INJECT_FIRED, BM_PREP(BM_INJECT_FIRED, i + 1));
    }
    bench_submit(&t, 40);
    bench_expect(&t, 40);
    bm_arm(t.d, BM_INJECT_CQE_DROP, 1, ALL, 0);
    bench_submit(&t, 41);
    bench_nothing(&t);
    bm_ring_write(&t.r, BM_QREG_CTL, 0);
    bm_ring_wait_state(&t.r, BM_QSTATE_DISABLED);
    bench_down(&t, BM_INJECT_CQE_DROP);
}

static void test_duplicate(const void *worker)
{
    const unsigned most = (1 << BENCH_ORDER) - 1;
    Bench t;

    bench_up(&t, worker);
    bm_arm(t.d, BM_INJECT_CQE_DUPLICATE, 2, ALL, 0);
    bench_submit_all(&t, 0, 3);
    bench_expect_all(&t, 0, 3);
    bench_expect_all(&t, 0, 2);
    bench_nothing(&t);
    bm_ack(&t.r, 0);
    bm_assert_armed(t.d, BM_INJECT_CQE_DUPLICATE, 2, 0);

    /* A full ring: they wait for room as all others do. */
    bench_again(&t);
    bm_arm(t.d, BM_INJECT_CQE_DUPLICATE, ALWAYS, 1, 0);
    bench_submit_all(&t, 0, most);
    bench_expect_all(&t, 0, most);
    bench_nothing(&t);
    bm_ack(&t.r, 0);
    bench_expect_all(&t, 0, most);
    bench_nothing(&t);
    bm_ack(&t.r, 0);
    bm_assert_armed(t.d, BM_INJECT_CQE_DUPLICATE, most, ALWAYS);
    bm_arm(t.d, BM_INJECT_CQE_DUPLICATE, 0, ALL, 0);
    bench_down(&t, BM_INJECT_CQE_DUPLICATE);
}

static void test_delay(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    /* Later ones overtake it. */
    bm_arm(t.d, BM_INJECT_CQE_DELAY, 1, ALL, 0);
    bench_submit(&t, 1);
    bench_submit(&t, 2);
    bench_expect(&t, 2);
    bench_step(&t, 99999 * US);
    bench_nothing(&t);
    bench_step(&t, 1 * US);
    bench_expect(&t, 1);
    bm_ack(&t.r, 0);

    /* A drain waits for it. */
    bm_arm(t.d, BM_INJECT_CQE_DELAY, 3, ALL, 50);
    bench_submit(&t, 3);
    bench_nothing(&t);
    bm_ring_write(&t.r, BM_QREG_CTL, 0);
    bm_settle(t.d);
    bm_ring_wait_state(&t.r, BM_QSTATE_DRAINING);
    bench_step(&t, 50 * US);
    bench_expect(&t, 3);
    bm_ring_wait_state(&t.r, BM_QSTATE_DISABLED);

    /* To stop ends it, even if the queue runs again by then. */
    bench_again(&t);
    bench_submit(&t, 4);
    bench_nothing(&t);
    bench_again(&t);
    bench_step(&t, 50 * US);
    bench_nothing(&t);
    bench_submit(&t, 5);
    bench_nothing(&t);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    bm_enable(t.d);
    bm_ring_enable(&t.r);
    bench_step(&t, 50 * US);
    bench_nothing(&t);
    bm_assert_armed(t.d, BM_INJECT_CQE_DELAY, 3, 0);

    /* What cannot be counted in microseconds is very late, not early. */
    bench_again(&t);
    bm_arm(t.d, BM_INJECT_CQE_DELAY, 1, ALL, UINT64_MAX);
    bench_submit(&t, 6);
    bench_nothing(&t);
    bench_step(&t, 1000000 * US);
    bench_nothing(&t);
    bench_again(&t);

    /* As many as a ring takes, at one time. */
    bm_arm(t.d, BM_INJECT_CQE_DELAY, 15, ALL, 1000);
    bench_submit_all(&t, 0, 15);
    bench_nothing(&t);
    bench_step(&t, 1000 * US);
    bench_expect_all(&t, 0, 15);
    bench_down(&t, BM_INJECT_CQE_DELAY);
}

/* With shadow doorbells it sleeps meanwhile, and is heard when rung for. */
static void test_delay_shadow(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    t.d->shadow = true;
    bench_again(&t);
    bm_ring_write(&t.r, BM_QREG_CTL, 0);
    bm_ring_wait_state(&t.r, BM_QSTATE_DISABLED);
    bm_ring_init(&t.r, t.d, BENCH_QUEUE, BENCH_ORDER);
    bm_arm(t.d, BM_INJECT_CQE_DELAY, 1, ALL, 0);
    bench_submit(&t, 1);
    bench_nothing(&t);
    g_assert_cmphex(bm_shadow_read(&t.r, offsetof(struct bm_hw_shadow,
                                                  sq_event)), ==, 1);
    bench_submit(&t, 2);
    bench_expect(&t, 2);
    bench_step(&t, 100000 * US);
    bench_expect(&t, 1);
    bench_down(&t, BM_INJECT_CQE_DELAY);
}

static void test_tear(const void *worker)
{
    const uint32_t crc = bm_crc32c(0, (const uint8_t *)"\0\0\0\0", 4);
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_CRC32C, TAG, 4, bm_local(0),
                                  bm_none());
    uint64_t written;
    Bench t;

    bench_up(&t, worker);
    bm_arm(t.d, BM_INJECT_CQE_TEAR, 1, ALL, 0);
    bm_submit(&t.r, &sqe);
    bm_reap(&t.r);
    check_entry(&t, 0, 0, 0, 0, BM_CQE_PHASE);
    bench_submit(&t, 1);
    bench_expect(&t, 1);
    bench_step(&t, 999 * US);
    bm_settle(t.d);
    check_entry(&t, 0, 0, 0, 0, BM_CQE_PHASE);
    written = bm_read(t.d, BM_REG_MWR_BYTES);
    bench_step(&t, 1 * US);
    bm_wait_reg(t.d, BM_REG_MWR_BYTES, UINT64_MAX, written + 12);
    /* What is not fetched yet is as it is at that time. */
    check_entry(&t, 0, crc, 2, TAG, BM_CQE_PHASE);
    bm_assert_armed(t.d, BM_INJECT_CQE_TEAR, 1, 0);

    /* To stop ends it: the ring is the driver's again. */
    bm_arm(t.d, BM_INJECT_CQE_TEAR, 1, ALL, 7);
    bench_again(&t);
    bm_submit(&t.r, &sqe);
    bm_reap(&t.r);
    bench_again(&t);
    bench_step(&t, 7 * US);
    bm_settle(t.d);
    check_entry(&t, 0, 0, 0, 0, 0);

    /* The rest is refused: it is a ring that cannot be written. */
    bm_arm(t.d, BM_INJECT_CQE_TEAR, 1, ALL, 7);
    bm_submit(&t.r, &sqe);
    bm_reap(&t.r);
    bm_master(t.d, false);
    bench_step(&t, 7 * US);
    bm_assert_halted(&t.r, BM_HALT_CQ_FAULT);
    bm_master(t.d, true);
    g_assert_cmphex(bm_read(t.d, BM_REG_FAULT_ADDR), ==, t.r.cq);
    bench_down(&t, BM_INJECT_CQE_TEAR);
}

/*
 * Interrupts
 */

static void check_messages(Bench *t, uint64_t messages)
{
    bm_settle(t->d);
    g_assert_cmpuint(bm_read(t->d, BM_REG_MSG_TLPS), ==, messages);
}

static void test_irq_skip(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    bm_arm(t.d, BM_INJECT_IRQ_SKIP, 1, ALL, 0);
    bm_ack(&t.r, ARM);
    bench_submit(&t, 1);
    bench_expect(&t, 1);
    check_messages(&t, 0);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_CQ_HEAD) & ARM, ==, 0);
    bm_assert_armed(t.d, BM_INJECT_IRQ_SKIP, 1, 0);

    /* It is lost for good, the next is not. */
    bench_submit(&t, 2);
    bench_expect(&t, 2);
    check_messages(&t, 0);
    bm_ack(&t.r, ARM);
    bench_submit(&t, 3);
    bm_msix_wait(t.d, BM_VECTOR_QUEUE(BENCH_QUEUE));
    check_messages(&t, 1);
    bench_down(&t, BM_INJECT_IRQ_SKIP);
}

static void test_irq_spurious(const void *worker)
{
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    bm_arm(t.d, BM_INJECT_IRQ_SPURIOUS, 4, ALL, 0);
    bm_ack(&t.r, ARM);
    bench_submit(&t, 1);
    bench_expect(&t, 1);
    bm_msix_wait(t.d, BM_VECTOR_QUEUE(BENCH_QUEUE));
    bm_ack(&t.r, 0);
    bench_step(&t, 9999 * US);
    check_messages(&t, 1);
    bench_step(&t, 1 * US);
    bm_msix_wait(t.d, BM_VECTOR_QUEUE(BENCH_QUEUE));
    bench_step(&t, 10000 * US);
    check_messages(&t, 2);

    /* While it waits for one it adds no other; to stop ends it. */
    for (i = 0; i < 2; i++) {
        bm_ack(&t.r, ARM);
        bench_submit(&t, 2);
        bench_expect(&t, 2);
        bm_msix_wait(t.d, BM_VECTOR_QUEUE(BENCH_QUEUE));
        bench_step(&t, 5000 * US);
    }
    bm_msix_wait(t.d, BM_VECTOR_QUEUE(BENCH_QUEUE));
    bench_step(&t, 10000 * US);
    check_messages(&t, 5);
    bm_ack(&t.r, ARM);
    bench_submit(&t, 3);
    bm_msix_wait(t.d, BM_VECTOR_QUEUE(BENCH_QUEUE));
    bench_again(&t);
    bench_step(&t, 10000 * US);
    bench_submit(&t, 4);
    bench_expect(&t, 4);
    check_messages(&t, 6);
    bm_assert_armed(t.d, BM_INJECT_IRQ_SPURIOUS, 4, 0);
    bench_down(&t, BM_INJECT_IRQ_SPURIOUS);
}

void bm_add_lie_tests(void)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(lies); i++) {
        bm_add_data(lies[i].name, test_lie, &lies[i]);
    }
    bm_add_both("lie/cqe-drop", test_drop);
    bm_add_both("lie/cqe-duplicate", test_duplicate);
    bm_add_both("lie/cqe-delay", test_delay);
    bm_add_both("lie/cqe-delay-shadow", test_delay_shadow);
    bm_add_both("lie/cqe-tear", test_tear);
    bm_add_both("lie/cqe-mutate", test_mutate);
    bm_add_both("lie/irq-skip", test_irq_skip);
    bm_add_both("lie/irq-spurious", test_irq_spurious);
}
