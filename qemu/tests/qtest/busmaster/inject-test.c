/*
 * busmaster qtests: how faults are armed
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "bench.h"

#define QOM_PATH    "/machine/peripheral/bm"

/* An event of BM_INJECT_STATUS in queue @r: is it hit? */
static bool is_hit(BmRing *r)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());

    return bm_exec(r, &sqe) != BM_ST_SUCCESS;
}

/* The rules are those of all registers. */
static void test_registers(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M,x-fault-injection=true");
    static const uint64_t reserved[] = {
        0x7f8, 0x820, 0x9f8, BM_REG_INJECT_STATE(0),
        BM_REG_INJECT_STATE(BM_INJECT_END), 0xff8,
    };
    const uint64_t arg = d->regs + BM_REG_INJECT_ARG;
    unsigned i, mode;

    g_assert_cmphex(BM_GET(BM_CAP2_FEATURES, bm_read(d, BM_REG_CAP2)) &
                    BM_FEAT_FAULTS, !=, 0);
    g_assert_cmphex(bm_read(d, BM_REG_INJECT_MODES), ==, 0xfffffffe);
    bm_write(d, BM_REG_INJECT_MODES, 0);
    g_assert_cmphex(bm_read(d, BM_REG_INJECT_MODES), ==, 0xfffffffe);

    qtest_writeq(d->qts, arg, 0x1122334455667788);
    qtest_writel(d->qts, arg, 0xaabbccdd);
    g_assert_cmphex(qtest_readq(d->qts, arg), ==, 0x11223344aabbccdd);
    qtest_writel(d->qts, arg + 4, 0x55667788);
    g_assert_cmphex(qtest_readq(d->qts, arg), ==, 0x55667788aabbccdd);
    qtest_writew(d->qts, arg, 0x1111);
    g_assert_cmphex(qtest_readq(d->qts, arg), ==, 0x55667788aabbccdd);
    bm_write(d, BM_REG_INJECT_COUNT, 0x12345678fffffffe);
    g_assert_cmphex(bm_read(d, BM_REG_INJECT_COUNT), ==, 0xfffffffe);
    g_assert_cmphex(bm_read(d, BM_REG_INJECT_ARM), ==, 0);

    for (i = 0; i < ARRAY_SIZE(reserved); i++) {
        bm_write(d, reserved[i], UINT64_MAX);
        g_assert_cmphex(bm_read(d, reserved[i]), ==, 0);
    }
    for (mode = 1; mode < BM_INJECT_END; mode++) {
        bm_assert_armed(d, mode, 0, 0);
        bm_write(d, BM_REG_INJECT_STATE(mode), UINT64_MAX);
        bm_assert_armed(d, mode, 0, 0);
    }

    /* There are no such modes. */
    bm_arm(d, 0, 1, ALL, 0);
    bm_arm(d, BM_INJECT_END, 1, ALL, 0);
    bm_arm(d, 0xff, 1, ALL, 0);
    for (mode = 1; mode < BM_INJECT_END; mode++) {
        bm_assert_armed(d, mode, 0, 0);
    }
    /* Nothing of queues that are not there ever happens; it may be armed. */
    bm_arm(d, BM_INJECT_STATUS, 7, 200, 0);
    bm_assert_armed(d, BM_INJECT_STATUS, 0, 7);
    /* Reserved bits are ignored. */
    bm_write(d, BM_REG_INJECT_ARM, 0xffffffff0000ff00 | BM_INJECT_INFO);
    bm_assert_armed(d, BM_INJECT_INFO, 0, 7);
    bm_write(d, BM_REG_INJECT_ARM, 0xffffff00 | BM_INJECT_PHASE);
    bm_assert_armed(d, BM_INJECT_PHASE, 0, 7);
    bm_end(d);
}

static void test_counts(const void *worker)
{
    const enum bm_inject mode = BM_INJECT_STATUS;
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    g_assert_false(is_hit(&t.r));
    bm_arm(t.d, mode, 1, ALL, 0);
    bm_assert_armed(t.d, mode, 0, 1);
    g_assert_true(is_hit(&t.r));
    bm_assert_armed(t.d, mode, 1, 0);
    g_assert_false(is_hit(&t.r));

    bm_arm(t.d, mode, 3, ALL, 0);
    for (i = 0; i < 5; i++) {
        g_assert_cmpint(is_hit(&t.r), ==, i < 3);
    }
    bm_assert_armed(t.d, mode, 3, 0);

    /* Always, until disarmed, which leaves the count to be read. */
    bm_arm(t.d, mode, ALWAYS, ALL, 0);
    for (i = 0; i < 50; i++) {
        g_assert_true(is_hit(&t.r));
        bm_assert_armed(t.d, mode, i + 1, ALWAYS);
    }
    bm_arm(t.d, mode, 0, ALL, 0);
    bm_assert_armed(t.d, mode, 50, 0);
    g_assert_false(is_hit(&t.r));

    /* Armed anew while it is armed; and two modes at once. */
    bm_arm(t.d, mode, 10, ALL, 0);
    g_assert_true(is_hit(&t.r));
    bm_arm(t.d, mode, 1, ALL, 0x55);
    bm_arm(t.d, BM_INJECT_INFO, 2, ALL, 0x1234);
    g_assert_true(is_hit(&t.r));
    g_assert_cmphex(t.r.cqe.status, ==, 0x55);
    g_assert_cmphex(t.r.cqe.info, ==, 0x1234);
    g_assert_false(is_hit(&t.r));
    g_assert_cmphex(t.r.cqe.info, ==, 0x1234);
    bench_down(&t, mode);
}

/* What is armed for one queue leaves the events of others alone. */
static void test_queues(const void *worker)
{
    const enum bm_inject mode = BM_INJECT_STATUS;
    BmRing other;
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    bm_ring_init(&other, t.d, 0, BENCH_ORDER);
    bm_arm(t.d, mode, 2, BENCH_QUEUE, 0);
    for (i = 0; i < 3; i++) {
        g_assert_false(is_hit(&other));
        g_assert_cmpint(is_hit(&t.r), ==, i < 2);
    }
    bm_arm(t.d, mode, 2, 0, 0);
    for (i = 0; i < 3; i++) {
        g_assert_false(is_hit(&t.r));
        g_assert_cmpint(is_hit(&other), ==, i < 2);
    }
    bm_arm(t.d, mode, 3, ALL, 0);
    g_assert_true(is_hit(&t.r));
    g_assert_true(is_hit(&other));
    g_assert_true(is_hit(&t.r));
    g_assert_false(is_hit(&other));
    bench_down(&t, mode);
}

/* CTRL.RESET resets the device, not the bench that it is on. */
static void test_resets(const void *worker)
{
    const enum bm_inject mode = BM_INJECT_STATUS;
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    bm_arm(t.d, mode, 3, BENCH_QUEUE, 0x66);
    g_assert_true(is_hit(&t.r));
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    bm_assert_armed(t.d, mode, 1, 2);
    g_assert_cmphex(bm_read(t.d, BM_REG_INJECT_ARG), ==, 0x66);
    g_assert_cmphex(bm_read(t.d, BM_REG_INJECT_COUNT), ==, 3);
    bench_again(&t);
    g_assert_true(is_hit(&t.r));
    g_assert_cmphex(t.r.cqe.status, ==, 0x66);

    for (i = 0; i < 2; i++) {
        if (i) {
            qtest_qmp_assert_success(t.d->qts, "{'execute': 'system_reset'}");
            qtest_qmp_eventwait(t.d->qts, "RESET");
        }
        bench_flr(&t);
        bm_assert_armed(t.d, mode, 0, 0);
        g_assert_cmphex(bm_read(t.d, BM_REG_INJECT_ARG), ==, 0);
        g_assert_cmphex(bm_read(t.d, BM_REG_INJECT_COUNT), ==, 0);
        bench_again(&t);
        g_assert_false(is_hit(&t.r));
        bm_arm(t.d, mode, ALWAYS, BENCH_QUEUE, 0x66);
    }
    bm_arm(t.d, mode, 0, ALL, 0);
    bench_down(&t, mode);
}

static void qom_set(Bench *t, const char *property, const char *value)
{
    qtest_qmp_assert_success(t->d->qts, "{'execute': 'qom-set', 'arguments':"
                             " {'path': %s, 'property': %s, 'value': %s}}",
                             QOM_PATH, property, value);
}

static void check_property(Bench *t, const char *property, const char *value)
{
    QDict *reply = qtest_qmp(t->d->qts, "{'execute': 'qom-get', 'arguments':"
                             " {'path': %s, 'property': %s}}", QOM_PATH,
                             property);

    g_assert_cmpstr(qdict_get_str(reply, "return"), ==, value);
    qobject_unref(reply);
}

/* Properties say what a function reset arms, and arm at once. */
static void test_properties(const void *worker)
{
    static const char *const names[] = BM_INJECT_NAMES;
    const enum bm_inject mode = BM_INJECT_STATUS;
    unsigned i;
    Bench t;

    t.d = bm_start(worker, "queues=2,mem-size=1M,x-fault-injection=true,"
                   "x-inject-status=\"2:1:0x44\","
                   "x-inject-hang=\"always:0\"");
    bm_msix_setup(t.d, 3);
    bm_ring_init(&t.r, t.d, BENCH_QUEUE, BENCH_ORDER);
    bm_assert_armed(t.d, mode, 0, 2);
    bm_assert_armed(t.d, BM_INJECT_HANG, 0, ALWAYS);
    for (i = 0; i < 3; i++) {
        g_assert_cmpint(is_hit(&t.r), ==, i < 2);
        g_assert_cmphex(t.r.cqe.status, ==, i < 2 ? 0x44 : 0);
    }
    check_property(&t, "x-inject-status", "2:1:0x44");
    check_property(&t, "x-inject-hang", "always:0");
    check_property(&t, "x-inject-phase", "0");

    /* Whatever is armed by registers meanwhile. */
    bm_arm(t.d, mode, 9, ALL, 0);
    bm_arm(t.d, BM_INJECT_INFO, 9, ALL, 0);
    bench_flr(&t);
    bm_assert_armed(t.d, mode, 0, 2);
    bm_assert_armed(t.d, BM_INJECT_INFO, 0, 0);
    bm_assert_armed(t.d, BM_INJECT_HANG, 0, ALWAYS);
    bench_again(&t);
    g_assert_true(is_hit(&t.r));
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    bm_assert_armed(t.d, mode, 1, 1);

    /* At run time. */
    qom_set(&t, "x-inject-status", "1:all:0x45");
    bm_assert_armed(t.d, mode, 0, 1);
    bench_again(&t);
    g_assert_true(is_hit(&t.r));
    g_assert_cmphex(t.r.cqe.status, ==, 0x45);
    bench_flr(&t);
    bm_assert_armed(t.d, mode, 0, 1);
    for (i = 1; i < BM_INJECT_END; i++) {
        g_autofree char *name = g_strdup_printf("x-inject-%s", names[i]);

        if (i != BM_INJECT_READS_ONES && i != BM_INJECT_READS_ZEROS) {
            qom_set(&t, name, "0x10");
            bm_assert_armed(t.d, i, 0, 16);
        }
        qom_set(&t, name, "0");
        bm_assert_armed(t.d, i, 0, 0);
    }
    bench_down(&t, mode);
}

static const char *const bad_texts[] = {
    "", ":", "1:", "1:0:", "1:0:0:", "1:0:0:0", "once", "-1", "4294967295",
    "0x1ffffffff", "1 ", "1:2", "1:-1", "1:everyone", "1:all:x", "always:",
    "1:0:0x10000000000000000",
};

static void check_error(QDict *error, const char *property, const char *value)
{
    const char *desc = qdict_get_str(error, "desc");
    g_autofree char *is = g_strdup_printf("'%s' is '%s', must ", property,
                                          value);

    g_test_message("%s", desc);
    g_assert_nonnull(strstr(desc, is));
    qobject_unref(error);
}

static void try_add(QTestState *qts, bool faults, const char *value)
{
    QDict *args = qdict_new();

    qdict_put_str(args, "driver", "busmaster");
    qdict_put_str(args, "bus", "rp");
    qdict_put_int(args, "queues", 2);
    qdict_put_bool(args, "x-fault-injection", faults);
    qdict_put_str(args, "x-inject-phase", value);
    check_error(qtest_qmp_assert_failure_ref(qts, "{ 'execute': 'device_add',"
                                             " 'arguments': %p }", args),
                "x-inject-phase", value);
}

static void try_set(QTestState *qts, const char *value)
{
    check_error(qtest_qmp_assert_failure_ref(qts,
                    "{'execute': 'qom-set', 'arguments': {'path': %s, "
                    "'property': 'x-inject-phase', 'value': %s}}",
                    QOM_PATH, value), "x-inject-phase", value);
}

static void test_errors(const void *worker)
{
    QTestState *qts;
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    qom_set(&t, "x-inject-phase", "5");
    for (i = 0; i < ARRAY_SIZE(bad_texts); i++) {
        try_set(t.d->qts, bad_texts[i]);
    }
    bm_assert_armed(t.d, BM_INJECT_PHASE, 0, 5);
    check_property(&t, "x-inject-phase", "5");
    bm_end(t.d);

    qts = qtest_init("-M q35 -nodefaults "
                     "-device pcie-root-port,id=rp,chassis=1");
    for (i = 0; i < ARRAY_SIZE(bad_texts); i++) {
        try_add(qts, true, bad_texts[i]);
    }
    try_add(qts, false, "1");
    qtest_quit(qts);

    /* Without the window there is nothing to be armed. */
    t.d = bm_start(worker, "queues=2,mem-size=1M");
    try_set(t.d->qts, "1");
    bm_end(t.d);
}

void bm_add_inject_tests(void)
{
    bm_add("inject/registers", test_registers);
    bm_add_both("inject/counts", test_counts);
    bm_add_both("inject/queues", test_queues);
    bm_add_both("inject/resets", test_resets);
    bm_add_both("inject/properties", test_properties);
    bm_add("inject/errors", test_errors);
}
