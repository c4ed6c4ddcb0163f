/*
 * busmaster qtests: a device in the middle of everything
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "qobject/qdict.h"
#include "world.h"

#define ARM         BM_CQ_HEAD_ARM
#define US          1000
#define BEFORE      (20000 * US) /* time that passed before anything was held */
#define AGE         (400 * US)  /* and for how long it was, when it stopped */
#define INFO        0x123456789abcdefull
#define PATTERN     0x1122334455667788ull
#define PIECES      100         /* of a list */
#define DEADLINE    (60 * G_USEC_PER_SEC)

static const unsigned orders[QUEUES] = {
    [LONG] = 4, [FULL] = 2, [HELD] = 3, [MODERATED] = 3, [HALTED] = 3,
    [DRAINING] = 1, [HUNG] = 3, [OTHER] = 3,
};

/* Those that do not depend on how many completions are posted at a time. */
static const uint64_t counters[COUNTERS] = {
    BM_REG_MRD_TLPS, BM_REG_MRD_BYTES, BM_REG_MWR_BYTES,
};

void bm_stop(BmDev *d)
{
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'stop' }");
}

void bm_cont(BmDev *d)
{
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'cont' }");
}

static void count(World *w, uint64_t *values)
{
    unsigned i;

    for (i = 0; i < COUNTERS; i++) {
        values[i] = bm_read(w->d, counters[i]);
    }
}

static struct bm_hw_sqe nop(uint16_t tag)
{
    return bm_cmd(BM_OP_NOP, tag, 0, bm_none(), bm_none());
}

static void submit_nop(World *w, unsigned q, uint16_t tag)
{
    struct bm_hw_sqe sqe = nop(tag);

    bm_submit(&w->r[q], &sqe);
}

/* @n completions are there, and are taken. */
static void reap(World *w, unsigned q, unsigned n)
{
    while (n--) {
        bm_reap(&w->r[q]);
    }
}

static bool posted(BmRing *r)
{
    uint64_t addr = r->cq + r->head * sizeof(struct bm_hw_cqe);
    uint32_t status = qtest_readl(r->d->qts, addr +
                                  offsetof(struct bm_hw_cqe, status));

    return !!(status & BM_CQE_PHASE) == r->phase;
}

/* Odd pieces of one place, in chained lists of 40 entries, @len bytes in all */
static struct bm_hw_ptr pieces(BmDev *d, uint64_t addr, uint64_t len)
{
    const unsigned most = 40;
    uint64_t list = bm_alloc(d, 4096);
    unsigned i = 0, at = 0;

    while (i < PIECES) {
        uint64_t piece = i < PIECES - 1 ? len / PIECES - i % 3 : len;
        unsigned left = PIECES - i;

        if (at % most == most - 1 && left > 1) {
            bm_seg(d, list, at, list + (at + 1) * sizeof(struct bm_hw_seg),
                   MIN(left, most), BM_SEG_CHAIN);
        } else {
            bm_seg(d, list, at, addr + i % 7, piece, 0);
            len -= piece;
            i++;
        }
        at++;
    }
    return bm_sgl(list, most);
}

/* By lists and without, in RAM and in the device: to read, and to write. */
static void long_commands(World *w, uint64_t len)
{
    BmDev *d = w->d;

    w->len = len;
    w->sqe[SGL_CRC] = bm_cmd(BM_OP_CRC32C, SGL_CRC, len,
                             pieces(d, w->addr, len), bm_none());
    w->sqe[SGL_FILL] = bm_cmd(BM_OP_FILL, SGL_FILL, len, bm_none(),
                              pieces(d, w->fill, len));
    w->sqe[SGL_FILL].operand = cpu_to_le64(PATTERN);
    w->sqe[HOST_CRC] = bm_cmd(BM_OP_CRC32C, HOST_CRC, MIN(len, 64 * MiB),
                              bm_host(w->addr + 77), bm_none());
    w->sqe[LOCAL_CRC] = bm_cmd(BM_OP_COPY_CRC32C, LOCAL_CRC,
                               MIN(len, 32 * MiB), bm_local(3),
                               bm_host(w->copy));
    w->sqe[FENCE] = nop(FENCE);
    w->sqe[FENCE].flags = BM_SQE_FENCE;
    w->sqe[ABORTED] = nop(ABORTED);
    w->sqe[LAST] = nop(LAST);
}

static void start_long(World *w)
{
    unsigned i;

    count(w, w->before);
    for (i = 0; i < LONGS; i++) {
        bm_push(&w->r[LONG], &w->sqe[i]);
    }
    bm_doorbell(&w->r[LONG]);
}

/* All of them end, and those behind the fence after those before it. */
static void end_long(World *w, uint64_t *info)
{
    BmRing *r = &w->r[LONG];
    unsigned i, seen = 0;

    for (i = 0; i < LONGS; i++) {
        bm_reap(r);
        g_assert_cmpuint(r->cqe.tag, <, LONGS);
        g_assert_cmphex(r->cqe.status, ==, r->cqe.tag == ABORTED &&
                        w->sqe[ABORTED].opcode != BM_OP_NOP ? BM_ST_ABORTED :
                        BM_ST_SUCCESS);
        g_assert_cmphex(r->cqe.sq_head, ==, r->tail);
        g_assert_cmphex(seen & BIT(r->cqe.tag), ==, 0);
        g_assert_cmpuint(r->cqe.tag < FENCE, ==, i < FENCE);
        g_assert_cmpuint(r->cqe.tag == FENCE, ==, i == FENCE);
        seen |= BIT(r->cqe.tag);
        info[r->cqe.tag] = r->cqe.info;
    }
    bm_ack(r, 0);
}

/* The machine is stopped while each of those before the fence is under way. */
static void stop_within_long(World *w)
{
    const uint64_t enough = 4 * MiB;
    uint64_t len;
    unsigned i;

    for (len = 16 * MiB; ; len *= 2) {
        uint64_t info[LONGS];

        long_commands(w, len);
        start_long(w);
        end_long(w, w->info);
        count(w, w->counted);
        for (i = 0; i < COUNTERS; i++) {
            w->counted[i] -= w->before[i];
        }
        w->sqe[ABORTED] = bm_cmd(BM_OP_CRC32C, ABORTED, len, bm_host(w->addr),
                                 bm_none());
        start_long(w);
        bm_stop(w->d);
        while (bm_read(w->d, BM_REG_MRD_BYTES) - w->before[1] < enough) {
            bm_cont(w->d);
            bm_stop(w->d);
        }
        if (!posted(&w->r[LONG])) {
            /* It is noted, and takes effect when the machine goes on. */
            bm_ring_write(&w->r[LONG], BM_QREG_ABORT, ABORTED);
            return;
        }
        /* The machine was too quick: once more, with longer ones. */
        g_assert_cmphex(len, <, 1 * GiB);
        bm_ring_write(&w->r[LONG], BM_QREG_ABORT, ABORTED);
        bm_cont(w->d);
        end_long(w, info);
    }
}

/* The completion ring is full, and what waits is to be posted with lies. */
static void fill_up(World *w)
{
    uint64_t data = bm_alloc(w->d, 4096);
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_CRC32C, 13, 9, bm_host(data),
                                  bm_none());
    unsigned i;

    qtest_memwrite(w->d->qts, data, "123456789", 9);
    for (i = 0; i < 3; i++) {
        submit_nop(w, FULL, 10 + i);
    }
    reap(w, FULL, 3);
    bm_arm(w->d, BM_INJECT_INFO, 1, FULL, INFO);
    sqe.flags = BM_SQE_NOIRQ;
    bm_submit(&w->r[FULL], &sqe);
    bm_wait_reg(w->d, BM_REG_INJECT_STATE(BM_INJECT_INFO), BM_INJECT_LEFT, 0);
    bm_arm(w->d, BM_INJECT_CQE_DUPLICATE, 1, FULL, 0);
    submit_nop(w, FULL, 14);
    bm_wait_reg(w->d, BM_REG_INJECT_STATE(BM_INJECT_CQE_DUPLICATE),
                BM_INJECT_LEFT, 0);
    bm_arm(w->d, BM_INJECT_CQE_TEAR, 1, FULL, 500);
    sqe.tag = cpu_to_le16(15);
    sqe.flags = 0;
    bm_submit(&w->r[FULL], &sqe);
    bm_wait_reg(w->d, BM_REG_INJECT_STATE(BM_INJECT_CQE_TEAR), BM_INJECT_LEFT,
                0);
}

/* As long as it is full, nothing moves. Then all that was noted shows. */
static void check_full(World *w)
{
    BmRing *r = &w->r[FULL];

    bm_settle(w->d);
    g_assert_false(posted(r));
    bm_ack(r, 0);
    bm_reap(r);
    g_assert_cmphex(r->cqe.tag, ==, 13);
    g_assert_cmphex(r->cqe.info, ==, INFO);
    g_assert_cmphex(r->cqe.sq_head, ==, 2);
    bm_reap(r);
    g_assert_cmphex(r->cqe.tag, ==, 14);
    /* Its rest is that of the lap before. */
    bm_reap(r);
    g_assert_cmphex(r->cqe.tag, ==, 11);
    qtest_clock_step(w->d->qts, 499 * US);
    bm_settle(w->d);
    r->head = (r->head - 1) & 3;
    bm_reap(r);
    g_assert_cmphex(r->cqe.tag, ==, 11);
    qtest_clock_step(w->d->qts, 1 * US);
    bm_settle(w->d);
    r->head = (r->head - 1) & 3;
    bm_reap(r);
    g_assert_cmphex(r->cqe.tag, ==, 15);
    g_assert_cmphex(r->cqe.info, ==, 0xe3069283);
    /* The second of 14, which armed or not wants no interrupt of 13's. */
    bm_ack(r, ARM);
    bm_reap(r);
    g_assert_cmphex(r->cqe.tag, ==, 14);
    bm_msix_wait(w->d, BM_VECTOR_QUEUE(FULL));
}

/* A late completion, half of one, and an interrupt to come. */
static void hold(World *w)
{
    submit_nop(w, HELD, 20);
    submit_nop(w, HELD, 21);
    reap(w, HELD, 2);
    bm_arm(w->d, BM_INJECT_CQE_TEAR, 1, HELD, 900);
    submit_nop(w, HELD, 22);
    reap(w, HELD, 1);
    bm_arm(w->d, BM_INJECT_IRQ_SPURIOUS, 1, HELD, 1100);
    bm_ack(&w->r[HELD], ARM);
    submit_nop(w, HELD, 23);
    reap(w, HELD, 1);
    bm_msix_wait(w->d, BM_VECTOR_QUEUE(HELD));
    bm_arm(w->d, BM_INJECT_CQE_DELAY, 1, HELD, 700);
    submit_nop(w, HELD, 24);
    bm_wait_reg(w->d, BM_REG_INJECT_STATE(BM_INJECT_CQE_DELAY),
                BM_INJECT_LEFT, 0);
}

/* To the microsecond at which something is to happen @us after the begin. */
static void just_before(World *w, unsigned us)
{
    bm_settle(w->d);
    qtest_clock_set(w->d->qts, BEFORE + (us - 1) * US);
    bm_settle(w->d);
}

static void just_then(World *w, unsigned us)
{
    qtest_clock_set(w->d->qts, BEFORE + us * US);
    bm_settle(w->d);
}

static uint16_t torn_tag(World *w)
{
    return qtest_readw(w->d->qts, w->r[HELD].cq +
                       2 * sizeof(struct bm_hw_cqe) +
                       offsetof(struct bm_hw_cqe, tag));
}

static void check_times(World *w)
{
    BmDev *d = w->d;

    just_before(w, 700);
    g_assert_false(posted(&w->r[HELD]));
    just_then(w, 700);
    bm_reap(&w->r[HELD]);
    g_assert_cmphex(w->r[HELD].cqe.tag, ==, 24);
    just_before(w, 900);
    g_assert_cmphex(torn_tag(w), ==, 0);
    just_then(w, 900);
    g_assert_cmphex(torn_tag(w), ==, 22);
    just_before(w, 1000);
    g_assert_false(bm_msix_taken(d, BM_VECTOR_QUEUE(MODERATED)));
    just_then(w, 1000);
    bm_msix_wait(d, BM_VECTOR_QUEUE(MODERATED));
    just_before(w, 1100);
    g_assert_false(bm_msix_taken(d, BM_VECTOR_QUEUE(HELD)));
    just_then(w, 1100);
    bm_msix_wait(d, BM_VECTOR_QUEUE(HELD));
}

/* Three are seen; two of three are not enough, and the third is silent. */
static void moderate(World *w)
{
    BmRing *r = &w->r[MODERATED];
    struct bm_hw_sqe sqe = nop(35);

    bm_ring_write(r, BM_QREG_MODERATION, BM_PREP(BM_MODERATION_COUNT, 3) |
                                         BM_PREP(BM_MODERATION_USECS, 1000));
    submit_nop(w, MODERATED, 30);
    submit_nop(w, MODERATED, 31);
    submit_nop(w, MODERATED, 32);
    reap(w, MODERATED, 3);
    bm_ack(r, ARM);
    submit_nop(w, MODERATED, 33);
    submit_nop(w, MODERATED, 34);
    sqe.flags = BM_SQE_NOIRQ;
    bm_submit(r, &sqe);
    reap(w, MODERATED, 3);
}

/* To the counters, its own BAR is a device's memory as any other. */
static void reach_device(World *w)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY, 1, 64, bm_host(w->d->mem),
                                  bm_host(w->d->mem + 128));

    g_assert_cmphex(bm_exec(&w->r[OTHER], &sqe), ==, BM_ST_SUCCESS);
    g_assert_cmpuint(bm_read(w->d, BM_REG_PEER_MRD_TLPS), ==, 1);
    g_assert_cmpuint(bm_read(w->d, BM_REG_PEER_MRD_BYTES), ==, 64);
    g_assert_cmpuint(bm_read(w->d, BM_REG_PEER_MWR_TLPS), ==, 1);
    g_assert_cmpuint(bm_read(w->d, BM_REG_PEER_MWR_BYTES), ==, 64);
}

static void arm_for_later(World *w)
{
    BmDev *d = w->d;
    struct bm_hw_sqe bad = bm_cmd(BM_OP_CRC32C, 1, 64, bm_host(BM_NOWHERE),
                                  bm_none());

    g_assert_cmphex(bm_exec(&w->r[OTHER], &bad), ==, BM_ST_DMA_READ_FAULT);
    /* An interrupt that the guest has masked. */
    bm_msix_mask(d, BM_VECTOR_QUEUE(OTHER), true);
    bm_ack(&w->r[OTHER], ARM);
    submit_nop(w, OTHER, 2);
    reap(w, OTHER, 1);
    bm_ack(&w->r[OTHER], 0);
    while (!bm_msix_pending(d, BM_VECTOR_QUEUE(OTHER))) {
        bm_settle(d);
    }
    bm_arm(d, BM_INJECT_SQ_HEAD, 5, OTHER, 0x123);
    bm_arm(d, BM_INJECT_STATUS, BM_INJECT_ALWAYS, OTHER, 0x66);
    bm_arm(d, BM_INJECT_RESET_IGNORE, 1, BM_INJECT_ALL_QUEUES, 0);
    bm_write(d, BM_REG_CTRL, BM_CTRL_ENABLE | BM_CTRL_RESET);
    bm_write(d, BM_REG_INJECT_ARG, 0x5566778899);
    bm_write(d, BM_REG_INJECT_COUNT, 77);
}

/* Armed for one queue, with an argument; and for those events that are left. */
static void check_armed(World *w)
{
    BmDev *d = w->d;
    struct bm_hw_sqe sqe = nop(40);

    bm_msix_mask(d, BM_VECTOR_QUEUE(OTHER), false);
    bm_msix_wait(d, BM_VECTOR_QUEUE(OTHER));
    bm_submit(&w->r[OTHER], &sqe);
    reap(w, OTHER, 1);
    g_assert_cmphex(w->r[OTHER].cqe.sq_head, ==, w->r[OTHER].tail ^ 0x123);
    g_assert_cmphex(w->r[OTHER].cqe.status, ==, 0x66);
    bm_assert_armed(d, BM_INJECT_SQ_HEAD, 1, 4);
    bm_assert_armed(d, BM_INJECT_STATUS, 1, BM_INJECT_ALWAYS);
    bm_assert_armed(d, BM_INJECT_INFO, 1, 0);
}

void world_up(World *w, const void *worker)
{
    BmDev *d = bm_start_machine("", worker, WORLD_PROPS);
    unsigned q, i;

    memset(w, 0, sizeof(*w));
    w->d = d;
    w->dir = g_dir_make_tmp("busmaster-XXXXXX", NULL);
    qpci_config_writew(d->pci, BM_EXP + PCI_EXP_DEVCTL, 0x3020);
    qtest_writel(d->qts, bm_ecam(d, BM_DEVFN, BM_AER + PCI_ERR_UNCOR_SEVER),
                 PCI_ERR_UNC_POISON_TLP);
    bm_enable(d);
    bm_msix_setup(d, QUEUES + 1);
    for (q = 0; q < QUEUES; q++) {
        if (orders[q]) {
            bm_ring_init(&w->r[q], d, q, orders[q]);
        }
    }
    w->addr = 64 * MiB;
    w->fill = 144 * MiB;
    w->copy = 192 * MiB - 3;
    for (i = 0; i < 64; i++) {
        g_autofree uint8_t *data = bm_random(256);

        qtest_memwrite(d->qts, w->addr + i * 37 * KiB, data, 256);
        qtest_memwrite(d->qts, d->mem + i * 37 * KiB, data, 256);
    }
}

/* Leaves the machine stopped. */
void world_begin(World *w)
{
    struct bm_hw_sqe bad = bm_cmd(0xff, 51, 0, bm_none(), bm_none());
    BmDev *d = w->d;
    uint64_t read;

    qtest_clock_set(d->qts, BEFORE);
    fill_up(w);
    hold(w);
    moderate(w);
    bm_ring_write(&w->r[HALTED], BM_QREG_SQ_TAIL, 99);
    bm_assert_halted(&w->r[HALTED], BM_HALT_BAD_TAIL);
    bm_msix_wait(d, BM_VECTOR_EVENT);
    submit_nop(w, DRAINING, 50);
    reap(w, DRAINING, 1);
    read = bm_read(d, BM_REG_MRD_BYTES);
    bm_submit(&w->r[DRAINING], &bad);
    bm_wait_reg(d, BM_REG_MRD_BYTES, UINT64_MAX, read + sizeof(bad));
    bm_ring_write(&w->r[DRAINING], BM_QREG_CTL, 0);
    bm_arm(d, BM_INJECT_HANG, 1, HUNG, 0);
    submit_nop(w, HUNG, 60);
    bm_wait_reg(d, BM_REG_INJECT_STATE(BM_INJECT_HANG), BM_INJECT_LEFT, 0);
    reach_device(w);
    arm_for_later(w);
    qtest_clock_set(d->qts, BEFORE + AGE);
    stop_within_long(w);

    /* A vector is raised, and nobody may send a message. */
    bm_write(d, BM_QUEUE_PAGE(RAISED) + BM_QREG_CTL, BM_QCTL_ENABLE);
}

/* It goes on, and all comes to the end that it would have had. */
void world_check(World *w)
{
    uint64_t info[LONGS], counted[COUNTERS], last;
    struct bm_hw_sqe same;
    BmDev *d = w->d;
    unsigned i;

    bm_cont(d);
    qtest_clock_set(d->qts, BEFORE + AGE);
    bm_msix_wait(d, BM_VECTOR_EVENT);
    end_long(w, info);
    count(w, counted);
    for (i = 0; i < COUNTERS; i++) {
        g_assert_cmphex(counted[i] - w->before[i], ==, w->counted[i]);
    }
    for (i = 0; i < FENCE; i++) {
        g_assert_cmphex(info[i], ==, w->info[i]);
    }
    last = w->len - (PIECES - 1) * (w->len / PIECES) + PIECES - 1;
    g_assert_cmphex(qtest_readq(d->qts, w->fill + (PIECES - 1) % 7), ==,
                    ror64(PATTERN, (w->len - last) % 8 * 8));
    g_assert_cmphex(bm_read(d, BM_REG_HALTED), ==, BIT(HALTED) | BIT(RAISED));

    check_times(w);
    check_full(w);
    check_armed(w);
    bm_ack(&w->r[DRAINING], 0);
    reap(w, DRAINING, 1);
    g_assert_cmphex(w->r[DRAINING].cqe.tag, ==, 51);
    g_assert_cmphex(w->r[DRAINING].cqe.status, ==, BM_ST_BAD_OPCODE);
    bm_ring_wait_state(&w->r[DRAINING], BM_QSTATE_DISABLED);
    submit_nop(w, HUNG, 61);
    bm_settle(d);
    g_assert_false(posted(&w->r[HUNG]));

    /* Device memory, and what was copied from it */
    same = bm_cmd(BM_OP_COMPARE, 99, MIN(w->len, 32 * MiB), bm_local(3),
                  bm_host(w->copy));
    g_assert_cmphex(bm_exec(&w->r[LONG], &same), ==, BM_ST_SUCCESS);
}

void world_end(World *w)
{
    const char *name;
    GDir *dir = g_dir_open(w->dir, 0, NULL);

    bm_end(w->d);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(w->dir, name, NULL);

        g_unlink(path);
    }
    g_dir_close(dir);
    g_assert_cmpint(g_rmdir(w->dir), ==, 0);
    g_free(w->dir);
}

/* Of file or socket @name */
char *world_uri(World *w, const char *scheme, char name)
{
    return g_strdup_printf("%s:%s/%c", scheme, w->dir, name);
}

/* Until it says "completed", or "failed" if that is what is @wanted. */
void bm_migrate_wait(BmDev *d, const char *wanted)
{
    int64_t deadline = g_get_monotonic_time() + DEADLINE;

    for (;;) {
        QDict *said = qtest_qmp_assert_success_ref(d->qts,
                                             "{ 'execute': 'query-migrate' }");
        const char *status = qdict_get_try_str(said, "status") ?: "";
        bool reached = !strcmp(status, wanted);

        g_assert_true(reached || (strcmp(status, "failed") &&
                                  strcmp(status, "completed")));
        qobject_unref(said);
        if (reached) {
            return;
        }
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(10000);
    }
}

void bm_migrate(BmDev *d, const char *uri)
{
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'migrate', 'arguments': "
                             "{ 'uri': %s } }", uri);
}

/* A device that will be what @d is. */
BmDev *bm_receiver(const BmDev *d, const void *worker, const char *props,
                   const char *args)
{
    g_autofree char *device = bm_device(worker, "\"addr\":\"04.0\"", props);
    BmDev *to = bm_new(qtest_initf("-M q35 -m 256M -nodefaults -S %s %s",
                                   device, args));
    QTestState *qts = to->qts;
    QPCIBus *bus = to->bus;

    *to = *d;
    to->qts = qts;
    to->bus = bus;
    to->pci = g_new0(QPCIDevice, 1);
    to->pci->bus = bus;
    to->pci->devfn = d->pci->devfn;
    return to;
}

/*
 * Into a file, and into another QEMU from there, which has the options @args,
 * too, and does not run yet. @d is at its end.
 */
BmDev *bm_move_by_file(BmDev *d, const void *worker, const char *props,
                       const char *args)
{
    g_autofree char *dir = g_dir_make_tmp("busmaster-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "moved", NULL);
    g_autofree char *uri = g_strdup_printf("file:%s", file);
    g_autofree char *all = g_strdup_printf("%s -incoming %s", args, uri);
    BmDev *to;

    bm_migrate(d, uri);
    bm_migrate_wait(d, "completed");
    to = bm_receiver(d, worker, props, all);
    bm_migrate_wait(to, "completed");
    g_unlink(file);
    g_rmdir(dir);
    return to;
}

/*
 * Move the clock from one thing that happens to the next until @r has a
 * completion, with @status. Returns when that was; @now, if it was there.
 */
int64_t bm_step_posted(BmRing *r, int64_t now, unsigned status)
{
    while (!bm_poll(r)) {
        now = qtest_clock_step_next(r->d->qts);
    }
    g_assert_cmphex(r->cqe.status, ==, status);
    return now;
}

/* The state of @d, which is kept in file @name. */
BmStream *world_saved(World *w, BmDev *d, char name)
{
    g_autofree char *uri = world_uri(w, "file", name);

    bm_migrate(d, uri);
    bm_migrate_wait(d, "completed");
    return bm_stream_load(uri + strlen("file:"));
}

/* The world goes on in @to, and what it was in is no more. */
void world_moves(World *w, BmDev *to)
{
    unsigned q;

    bm_end(w->d);
    w->d = to;
    for (q = 0; q < QUEUES; q++) {
        w->r[q].d = to;
    }
}
