/*
 * busmaster qtests: the trace of a command
 *
 * What the data sheet shows under "Watching it": which states follow which, and
 * that every command which begins comes to its end, whatever ends it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "harness.h"

#define QUEUES      2
#define TAGS        16
#define LEN         (4 * KiB)
#define LIST        70      /* entries: more than there are pieces in a turn */

typedef enum State {
    IDLE, REQ_BUS, WAIT_GRANT, SETUP_ADDR, DO_READ, DO_WRITE, WAIT_READY,
    CHECK_DONE, DONE, INTERRUPT, STATES
} State;

static const char *const names[STATES] = {
    "IDLE", "REQ_BUS", "WAIT_GRANT", "SETUP_ADDR", "DO_READ", "DO_WRITE",
    "WAIT_READY", "CHECK_DONE", "DONE", "INTERRUPT",
};

/* Where a command goes from a state. It is stopped only where it waits. */
static const unsigned next[STATES] = {
    [IDLE] = BIT(REQ_BUS),
    [REQ_BUS] = BIT(WAIT_GRANT),
    [WAIT_GRANT] = BIT(SETUP_ADDR) | BIT(CHECK_DONE),
    [SETUP_ADDR] = BIT(DO_READ) | BIT(DO_WRITE) | BIT(CHECK_DONE),
    [DO_READ] = BIT(DO_WRITE) | BIT(WAIT_READY),
    [DO_WRITE] = BIT(WAIT_READY),
    [WAIT_READY] = BIT(CHECK_DONE),
    [CHECK_DONE] = BIT(SETUP_ADDR) | BIT(WAIT_GRANT) | BIT(DONE),
    [DONE] = BIT(INTERRUPT),
    [INTERRUPT] = BIT(IDLE),
};

static const unsigned stops = BIT(REQ_BUS) | BIT(WAIT_GRANT) | BIT(INTERRUPT);

typedef struct Bench {
    BmDev *d;
    char *path;
    unsigned seen[STATES][STATES];
    long long last;         /* when the last command ended */
} Bench;

static void bench_up(Bench *t, const void *worker, const char *props)
{
    g_autofree char *args = NULL;
    int fd;

    memset(t, 0, sizeof(*t));
    fd = g_file_open_tmp("busmaster-trace-XXXXXX", &t->path, NULL);
    g_assert_cmpint(fd, >=, 0);
    close(fd);
    args = g_strdup_printf("-trace busmaster_state,file=%s", t->path);
    t->d = bm_start_machine(args, worker, props);
    bm_enable(t->d);
}

static State state_named(const char *name)
{
    unsigned i = 0;

    while (i < STATES && strcmp(name, names[i])) {
        i++;
    }
    g_assert_cmpuint(i, <, STATES);
    return i;
}

/* Where the commands are, and how late it was last. */
typedef struct View {
    State at[QUEUES][TAGS];
    long long then[QUEUES];
} View;

static void read_line(Bench *t, View *v, const char *line)
{
    unsigned long long done, length;
    long long now;
    unsigned queue, tag;
    char was[16], is[16];
    State from, to;

    g_test_message("%s", line);
    g_assert_cmpint(sscanf(line, "busmaster_state queue %u tag %u: %15s -> "
                           "%15[^,], %llu of %llu bytes, at %lld ns", &queue,
                           &tag, was, is, &done, &length, &now), ==, 7);
    g_assert_cmpuint(queue, <, QUEUES);
    g_assert_cmpuint(tag, <, TAGS);
    from = state_named(was);
    to = state_named(is);
    g_assert_cmpstr(names[from], ==, names[v->at[queue][tag]]);
    g_assert_true(next[from] & BIT(to) || (to == IDLE && stops & BIT(from)));
    g_assert_cmpuint(done, <=, length);
    g_assert_cmpint(now, >=, v->then[queue]);
    v->then[queue] = now;
    t->last = MAX(t->last, now);
    v->at[queue][tag] = to;
    t->seen[from][to]++;
}

/* QEMU ends, and the trace is whole: nothing in it is without an end. */
static void bench_down(Bench *t)
{
    View v = {};
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned i;

    bm_end(t->d);
    g_assert_true(g_file_get_contents(t->path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", 0);
    for (i = 0; lines[i]; i++) {
        const char *line = strstr(lines[i], "busmaster_state ");

        if (line) {
            read_line(t, &v, line);
        }
    }
    for (i = 0; i < QUEUES * TAGS; i++) {
        g_assert_cmpstr(names[v.at[i / TAGS][i % TAGS]], ==, "IDLE");
    }
    g_unlink(t->path);
    g_free(t->path);
}

/* A command for each way through the states. */
static void run_all(BmRing *r)
{
    BmDev *d = r->d;
    uint64_t data = bm_alloc(d, 2 * LEN), list = bm_alloc(d, LEN);
    const struct bm_hw_sqe sqes[] = {
        bm_cmd(BM_OP_NOP, 0, 0, bm_none(), bm_none()),
        bm_cmd(BM_OP_COPY, 1, LEN, bm_host(data), bm_host(data + LEN)),
        bm_cmd(BM_OP_FILL, 2, LEN, bm_none(), bm_local(0)),
        bm_cmd(BM_OP_CRC32C, 3, LIST * 8, bm_sgl(list, LIST), bm_none()),
        bm_cmd(BM_OP_COMPARE, 4, LEN, bm_host(data), bm_local(0)),
        bm_cmd(BM_OP_COPY, 5, LEN, bm_host(BM_NOWHERE), bm_local(0)),
        bm_cmd(BM_OP_COPY, 6, LEN, bm_local(0), bm_host(BM_NOWHERE)),
        bm_cmd(BM_OP_COMPARE, 7, LEN, bm_local(0), bm_host(BM_NOWHERE)),
        bm_cmd(BM_OP_FILL, 8, LEN, bm_none(), bm_sgl(list + 1, 1)),
    };
    unsigned i;

    for (i = 0; i < LIST; i++) {
        bm_seg(d, list, i, data + 16 * i, 8, 0);
    }
    for (i = 0; i < ARRAY_SIZE(sqes); i++) {
        bm_exec(r, &sqes[i]);
    }
}

static void test_states(const void *worker)
{
    State from, to;
    BmRing r;
    Bench t;

    bench_up(&t, worker, "queues=1,mem-size=1M");
    bm_ring_init(&r, t.d, 0, 4);
    run_all(&r);
    bench_down(&t);
    for (from = 0; from < STATES; from++) {
        for (to = 0; to < STATES; to++) {
            g_test_message("%s -> %s", names[from], names[to]);
            g_assert_cmpint(!!t.seen[from][to], ==, !!(next[from] & BIT(to)));
        }
    }
    g_assert_cmpuint(t.seen[IDLE][REQ_BUS], ==, 9);
    g_assert_cmpuint(t.seen[CHECK_DONE][WAIT_GRANT], ==, 1);
}

/* What is wrong with a completion does not keep its command from ending. */
static void test_lies(const void *worker)
{
    static const enum bm_inject modes[] = {
        BM_INJECT_CQE_DROP, BM_INJECT_CQE_DUPLICATE, BM_INJECT_CQE_DELAY,
        BM_INJECT_CQE_TEAR,
    };
    struct bm_hw_sqe sqe;
    BmRing r;
    Bench t;
    unsigned i;

    bench_up(&t, worker, "queues=1,mem-size=1M,x-fault-injection=true");
    bm_ring_init(&r, t.d, 0, 4);
    for (i = 0; i < ARRAY_SIZE(modes); i++) {
        bm_arm(t.d, modes[i], 1, 0, 1);
        sqe = bm_cmd(BM_OP_NOP, i, 0, bm_none(), bm_none());
        bm_submit(&r, &sqe);
    }
    /* A drain waits for what is to be told, and forgets what is not fetched. */
    for (i = 0; i < ARRAY_SIZE(modes); i++) {
        bm_wait_reg(t.d, BM_REG_INJECT_STATE(modes[i]), BM_INJECT_FIRED,
                    BM_PREP(BM_INJECT_FIRED, 1));
    }
    bm_ring_write(&r, BM_QREG_CTL, 0);
    while (bm_ring_reg(&r, BM_QREG_STATE) != BM_QSTATE_DISABLED) {
        qtest_clock_step(t.d->qts, 1000);
    }
    bench_down(&t);
    g_assert_cmpuint(t.seen[IDLE][REQ_BUS], ==, ARRAY_SIZE(modes));
    g_assert_cmpuint(t.seen[INTERRUPT][IDLE], ==, ARRAY_SIZE(modes));
    /* One was held back for a microsecond, and the trace has the time. */
    g_assert_cmpint(t.last, >=, 1000);
}

static void end_by_reset(BmRing *r)
{
    bm_write(r->d, BM_REG_CTRL, BM_CTRL_RESET);
}

static void end_by_disable(BmRing *r)
{
    bm_write(r->d, BM_REG_CTRL, 0);
}

static void end_by_flr(BmRing *r)
{
    qpci_config_writew(r->d->pci, BM_EXP + PCI_EXP_DEVCTL,
                       PCI_EXP_DEVCTL_BCR_FLR);
}

static void end_by_halt(BmRing *r)
{
    unsigned q;

    for (q = 0; q < QUEUES; q++) {
        bm_ring_write(&r[q], BM_QREG_SQ_TAIL, UINT32_MAX);
        bm_assert_halted(&r[q], BM_HALT_BAD_TAIL);
    }
}

static void end_by_abort(BmRing *r)
{
    bm_ring_write(&r[0], BM_QREG_ABORT, 0);
    bm_ring_write(&r[0], BM_QREG_ABORT, 1);
    bm_ack(&r[1], 0);
    bm_ring_write(&r[0], BM_QREG_CTL, 0);
    bm_ring_write(&r[1], BM_QREG_CTL, 0);
    bm_ring_wait_state(&r[0], BM_QSTATE_DISABLED);
    bm_ring_wait_state(&r[1], BM_QSTATE_DISABLED);
}

static const struct End {
    const char *name;
    void (*fn)(BmRing *r);
    bool told;              /* it is the driver's to hear of */
} ends[] = {
    { "reset", end_by_reset },
    { "disable", end_by_disable },
    { "flr", end_by_flr },
    { "halt", end_by_halt },
    { "abort", end_by_abort, .told = true },
};

/* Two commands at work, two behind a fence, and one that cannot be told. */
static void set_to_work(BmDev *d, BmRing *r)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 0, 0, bm_none(), bm_none());

    bm_ring_init(&r[1], d, 1, 1);
    bm_submit(&r[1], &sqe);
    bm_reap(&r[1]);
    sqe.tag = cpu_to_le16(1);
    bm_submit(&r[1], &sqe);
    bm_settle(d);

    bm_ring_init(&r[0], d, 0, 4);
    sqe = bm_long(d, 0);
    bm_push(&r[0], &sqe);
    sqe = bm_long(d, 1);
    bm_push(&r[0], &sqe);
    sqe = bm_cmd(BM_OP_NOP, 2, 0, bm_none(), bm_none());
    sqe.flags = BM_SQE_FENCE;
    bm_push(&r[0], &sqe);
    sqe = bm_cmd(BM_OP_NOP, 3, 0, bm_none(), bm_none());
    bm_push(&r[0], &sqe);
    bm_doorbell(&r[0]);
    while (bm_read(d, BM_REG_MRD_BYTES) < 1 * MiB) {
        bm_settle(d);
    }
}

static void test_ends(const void *worker)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(ends); i++) {
        BmRing r[QUEUES];
        Bench t;

        g_test_message("%s", ends[i].name);
        bench_up(&t, worker, "queues=2,mem-size=1M");
        set_to_work(t.d, r);
        ends[i].fn(r);
        bench_down(&t);
        g_assert_cmpuint(t.seen[IDLE][REQ_BUS], ==, 6);
        g_assert_cmpuint(t.seen[REQ_BUS][IDLE], ==, ends[i].told ? 0 : 2);
        g_assert_cmpuint(t.seen[WAIT_GRANT][IDLE], ==, ends[i].told ? 0 : 2);
        g_assert_cmpuint(t.seen[INTERRUPT][IDLE], ==, ends[i].told ? 6 : 2);
    }
}

void bm_add_trace_tests(void)
{
    bm_add_both("trace/states", test_states);
    bm_add_both("trace/lies", test_lies);
    bm_add_both("trace/ends", test_ends);
}
