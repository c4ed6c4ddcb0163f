/*
 * busmaster qtests: a machine that moves, or is saved and comes back
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "world.h"

#define SHADOW_WORD(word) offsetof(struct bm_hw_shadow, word)

typedef struct Route {
    const char *name;
    BmVariant from;
    BmVariant to;
    bool socket;
} Route;

static void add_values(GArray *all, BmDev *d, uint64_t addr, uint64_t len)
{
    uint64_t end = addr + len;

    for (; addr < end; addr += 8) {
        uint64_t value = qtest_readq(d->qts, addr);

        g_array_append_val(all, value);
    }
}

/* What a driver can read of the device; the clock is the machine's. */
static GArray *visible(BmDev *d)
{
    GArray *all = g_array_new(false, false, sizeof(uint64_t));
    unsigned q;

    add_values(all, d, d->regs, BM_REG_CLOCK);
    add_values(all, d, d->regs + BM_REG_CLOCK + 8,
               BM_REG_INJECT_STATE(BM_INJECT_END) - BM_REG_CLOCK - 8);
    for (q = 0; q < QUEUES; q++) {
        add_values(all, d, d->regs + BM_QUEUE_PAGE(q), BM_QREG_SHADOW + 8);
    }
    add_values(all, d, bm_ecam(d, BM_DEVFN, 0), 4 * KiB);
    add_values(all, d, d->msix, 4 * KiB);
    return all;
}

static void assert_same(GArray *a, GArray *b)
{
    unsigned i;

    g_assert_cmpuint(a->len, ==, b->len);
    for (i = 0; i < a->len; i++) {
        if (g_array_index(a, uint64_t, i) != g_array_index(b, uint64_t, i)) {
            g_test_message("value %u differs", i);
        }
        g_assert_cmphex(g_array_index(a, uint64_t, i), ==,
                        g_array_index(b, uint64_t, i));
    }
    g_array_free(a, true);
    g_array_free(b, true);
}

static BmDev *move_by_file(World *w, const void *worker)
{
    return bm_move_by_file(w->d, worker, WORLD_PROPS, "");
}

static BmDev *move_by_socket(World *w, const void *worker)
{
    g_autofree char *uri = world_uri(w, "unix", 's');
    g_autofree char *args = g_strdup_printf("-incoming %s", uri);
    BmDev *to = bm_receiver(w->d, worker, WORLD_PROPS, args);

    bm_migrate(w->d, uri);
    bm_migrate_wait(w->d, "completed");
    bm_migrate_wait(to, "completed");
    return to;
}

static void test_route(const void *data)
{
    const Route *route = data;
    GArray *before;
    World w;

    world_up(&w, &route->from);
    world_begin(&w);
    before = visible(w.d);
    world_moves(&w, route->socket ? move_by_socket(&w, &route->to) :
                                    move_by_file(&w, &route->to));
    assert_same(before, visible(w.d));
    world_check(&w);
    world_end(&w);
}

/* As `BmCmdState` has them */
enum { REQ_BUS = 1, WAIT_GRANT = 2, INTERRUPT = 9 };

static unsigned states(const BmStream *s, unsigned q, unsigned state)
{
    g_autofree char *queue = g_strdup_printf("core[1]/queues[%u]/moved", q);
    g_autofree char *num = g_strdup_printf("%s.num_commands", queue);
    unsigned i, n = 0, all = bm_stream_get(s, num);

    for (i = 0; i < all; i++) {
        g_autofree char *name = g_strdup_printf(
            all > 1 ? "%s.commands[%u]/state" : "%s.commands/state", queue, i);

        n += bm_stream_get(s, name) == state;
    }
    return n;
}

/*
 * What the other tests move has commands in all states in which they rest. What
 * is saved, loaded and saved again is the same to the last bit.
 */
static void test_again(const void *worker)
{
    BmStream *first, *second;
    World w;

    world_up(&w, NULL);
    world_begin(&w);
    first = world_saved(&w, w.d, 'a');
    g_assert_cmpuint(states(first, LONG, WAIT_GRANT), ==, FENCE);
    g_assert_cmpuint(states(first, LONG, REQ_BUS), ==, LONGS - FENCE);
    g_assert_cmpuint(states(first, FULL, INTERRUPT), ==, 3);
    g_assert_cmpuint(states(first, HELD, INTERRUPT), ==, 2);
    g_assert_cmpuint(states(first, DRAINING, INTERRUPT), ==, 1);

    {
        g_autofree char *uri = world_uri(&w, "file", 'a');
        g_autofree char *args = g_strdup_printf("-incoming %s", uri);

        world_moves(&w, bm_receiver(w.d, NULL, WORLD_PROPS, args));
    }
    bm_migrate_wait(w.d, "completed");
    second = world_saved(&w, w.d, 'b');
    bm_stream_assert_equal(first, second);
    bm_stream_free(first);
    bm_stream_free(second);
    world_end(&w);
}

/* A job of QEMU's, from its begin to its end: does it succeed? */
static bool job(BmDev *d, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static bool job(BmDev *d, const char *fmt, ...)
{
    int64_t deadline = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    bool ended = false, failed = false;
    va_list ap;

    va_start(ap, fmt);
    qtest_vqmp_assert_success(d->qts, fmt, ap);
    va_end(ap);
    while (!ended) {
        QDict *reply = qtest_qmp(d->qts, "{ 'execute': 'query-jobs' }");
        QDict *info = qobject_to(QDict,
                                 qlist_peek(qdict_get_qlist(reply, "return")));

        failed = qdict_get_try_str(info, "error");
        ended = !strcmp(qdict_get_str(info, "status"), "concluded");
        qobject_unref(reply);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(10000);
    }
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'job-dismiss', 'arguments': "
                             "{ 'id': 'job' } }");
    return !failed;
}

static void add_file(World *w)
{
    g_autofree char *path = g_build_filename(w->dir, "d", NULL);

    qtest_qmp_assert_success(w->d->qts, "{ 'execute': 'blockdev-add', "
        "'arguments': { 'driver': 'file', 'node-name': 'file', "
        "'filename': %s } }", path);
}

static void add_image(World *w)
{
    qtest_qmp_assert_success(w->d->qts, "{ 'execute': 'blockdev-add', "
        "'arguments': { 'driver': 'qcow2', 'node-name': 'disk', "
        "'file': 'file' } }");
}

/* A disk that belongs to no device, for the machine's state */
static void add_disk(World *w)
{
    g_autofree char *path = g_build_filename(w->dir, "d", NULL);

    g_assert_true(job(w->d, "{ 'execute': 'blockdev-create', 'arguments': { "
        "'job-id': 'job', 'options': { 'driver': 'file', 'filename': %s, "
        "'size': 0 } } }", path));
    add_file(w);
    g_assert_true(job(w->d, "{ 'execute': 'blockdev-create', 'arguments': { "
        "'job-id': 'job', 'options': { 'driver': 'qcow2', 'file': 'file', "
        "'size': 1048576 } } }"));
    add_image(w);
}

#define SNAPSHOT "{ 'execute': %s, 'arguments': { 'job-id': 'job', " \
                 "'tag': 'now', 'vmstate': 'disk', 'devices': [ 'disk' ] } }"

static void snapshot(World *w, const char *command)
{
    g_assert_true(job(w->d, SNAPSHOT, command));
}

/* QEMU itself loses some bytes with snapshots, and with a move that ends. */
static char *ignore_leaks(void)
{
    char *options = g_strdup(g_getenv("ASAN_OPTIONS") ?: "");
    g_autofree char *lax = g_strdup_printf("%s:detect_leaks=0", options);

    g_setenv("ASAN_OPTIONS", lax, true);
    return options;
}

static void world_up_leaking(World *w, const void *worker)
{
    g_autofree char *options = ignore_leaks();

    world_up(w, worker);
    g_setenv("ASAN_OPTIONS", options, true);
}

static void set_bandwidth(BmDev *d, uint64_t bytes)
{
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'migrate-set-parameters', "
                             "'arguments': { 'max-bandwidth': %" PRIu64 " } }",
                             bytes);
}

/* Who was to move and did not, or did and goes on here, too, loses nothing. */
static void test_stays(const void *worker)
{
    GArray *before;
    World w;

    world_up_leaking(&w, worker);
    world_begin(&w);
    before = visible(w.d);
    set_bandwidth(w.d, 4 * KiB);
    {
        g_autofree char *uri = world_uri(&w, "file", 'c');

        bm_migrate(w.d, uri);
        bm_migrate_wait(w.d, "active");
        qtest_qmp_assert_success(w.d->qts, "{ 'execute': 'migrate_cancel' }");
        bm_migrate_wait(w.d, "cancelled");
    }
    set_bandwidth(w.d, 1 * TiB);
    bm_stream_free(world_saved(&w, w.d, 'a'));
    assert_same(before, visible(w.d));
    world_check(&w);
    world_end(&w);
}

static BmDev *timed_device(const char *props)
{
    g_autofree char *options = ignore_leaks();
    BmDev *d = bm_start(&bm_in_main_loop, props);

    g_setenv("ASAN_OPTIONS", options, true);
    return d;
}

/* Nothing but a device that takes its time, and a disk */
static void timed_up(World *w, const char *props)
{
    w->d = timed_device(props);
    w->dir = g_dir_make_tmp("busmaster-XXXXXX", NULL);
    add_disk(w);
}

/* All that was in flight is lost; then it comes back, where it was. */
static void test_snapshot(const void *worker)
{
    GArray *before;
    World w, then;

    world_up_leaking(&w, worker);
    add_disk(&w);
    world_begin(&w);
    then = w;
    before = visible(w.d);
    snapshot(&w, "snapshot-save");
    bm_cont(w.d);
    bm_write(w.d, BM_REG_CTRL, 0);
    bm_arm(w.d, BM_INJECT_STATUS, 7, FULL, 3);
    qtest_memset(w.d->qts, w.r[FULL].cq, 0x55, 64);
    qtest_memset(w.d->qts, w.d->mem, 0x55, 4096);
    bm_map(w.d);
    bm_enable(w.d);
    bm_ring_enable(&w.r[OTHER]);
    bm_stop(w.d);
    snapshot(&w, "snapshot-load");
    w = then;
    assert_same(before, visible(w.d));
    world_check(&w);
    world_end(&w);
}

/*
 * A command whose data is on its way comes back into a slot in which another
 * has failed since, in the middle of a list: nothing of that one is left.
 */
static void test_slot(const void *worker)
{
    struct bm_hw_sqe sqe;
    BmRing r, then;
    uint64_t data;
    World w;

    timed_up(&w, "queues=1,mem-size=1M,outstanding=1,timing=true");
    bm_ring_init(&r, w.d, 0, 3);
    data = bm_alloc(w.d, 4096);
    sqe = bm_cmd(BM_OP_COPY, 1, 4096, bm_local(0), bm_host(data));
    bm_submit(&r, &sqe);
    while (bm_read(w.d, BM_REG_MWR_BYTES) < 4096) {
        qtest_clock_step_next(w.d->qts);
    }
    g_assert_false(bm_poll(&r));
    then = r;
    snapshot(&w, "snapshot-save");
    bm_step_posted(&r, 0, BM_ST_SUCCESS);
    sqe = bm_cmd(BM_OP_COPY, 2, 4096, bm_sgl(data + 1, 1), bm_local(0));
    bm_submit(&r, &sqe);
    bm_step_posted(&r, 0, BM_ST_BAD_SGL);
    snapshot(&w, "snapshot-load");
    r = then;
    bm_step_posted(&r, 0, BM_ST_SUCCESS);
    g_assert_cmphex(r.cqe.tag, ==, 1);
    world_end(&w);
}

/* A state that is refused has come in part: who goes on has a reset device. */
static void test_refused(const void *worker)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    BmRing r;
    World w;

    timed_up(&w, "queues=1,mem-size=1M,timing=true,read-tags=8");
    bm_ring_init(&r, w.d, 0, 3);
    snapshot(&w, "snapshot-save");
    bm_end(w.d);

    w.d = timed_device("queues=1,mem-size=1M,timing=true,read-tags=7");
    add_file(&w);
    add_image(&w);
    bm_ring_init(&r, w.d, 0, 3);
    g_assert_false(job(w.d, SNAPSHOT, "snapshot-load"));
    bm_cont(w.d);
    g_assert_cmphex(bm_read(w.d, BM_REG_CTRL), ==, 0);
    bm_map(w.d);
    bm_enable(w.d);
    bm_ring_init(&r, w.d, 0, 3);
    bm_submit(&r, &sqe);
    bm_step_posted(&r, 0, BM_ST_SUCCESS);
    world_end(&w);
}

/* Here what the driver said, and what it was told, is in memory, too. */
static void test_shadow(const void *worker)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    uint64_t read, written;
    unsigned i;
    BmRing *r;
    World w;

    world_up(&w, NULL);
    w.d->shadow = true;
    r = &w.r[RAISED];
    bm_ring_init(r, w.d, RAISED, 2);
    bm_ack(r, BM_CQ_HEAD_ARM);
    for (i = 0; i < 5; i++) {
        bm_submit(r, &sqe);
    }
    bm_msix_wait(w.d, BM_VECTOR_QUEUE(RAISED));
    for (i = 0; i < 3; i++) {
        bm_reap(r);
    }
    bm_settle(w.d);
    g_assert_cmphex(bm_shadow_read(r, SHADOW_WORD(sq_event)), ==, 1);
    g_assert_cmphex(bm_shadow_read(r, SHADOW_WORD(cq_event)), ==, 0);

    bm_stop(w.d);
    read = bm_read(w.d, BM_REG_MRD_BYTES);
    written = bm_read(w.d, BM_REG_MWR_BYTES);
    world_moves(&w, move_by_file(&w, NULL));
    bm_cont(w.d);
    bm_settle(w.d);
    /* It has looked, and has found nothing new: neither to say nor to hear. */
    g_assert_cmphex(bm_read(w.d, BM_REG_MRD_BYTES), >, read);
    g_assert_cmphex(bm_read(w.d, BM_REG_MWR_BYTES), ==, written);
    g_assert_cmphex(bm_ring_reg(r, BM_QREG_CQ_HEAD), ==, 0);
    g_assert_false(bm_msix_taken(w.d, BM_VECTOR_QUEUE(RAISED)));
    bm_ack(r, BM_CQ_HEAD_ARM);
    bm_msix_wait(w.d, BM_VECTOR_QUEUE(RAISED));
    bm_reap(r);
    bm_reap(r);
    world_end(&w);
}

/* Rung while the machine was stopped: it is heard where it goes on. */
static void test_bad_doorbells(const void *worker)
{
    World w;

    world_up(&w, NULL);
    bm_stop(w.d);
    bm_ring_write(&w.r[OTHER], BM_QREG_SQ_TAIL, 99);
    bm_ring_write(&w.r[HUNG], BM_QREG_CQ_HEAD, 3);
    world_moves(&w, move_by_file(&w, NULL));
    g_assert_cmphex(bm_ring_reg(&w.r[OTHER], BM_QREG_STATE), ==,
                    BM_QSTATE_RUNNING);
    bm_cont(w.d);
    bm_assert_halted(&w.r[OTHER], BM_HALT_BAD_TAIL);
    bm_assert_halted(&w.r[HUNG], BM_HALT_BAD_HEAD);
    world_end(&w);
}

/* It has failed; or it has found out, and nobody knows yet. */
static void test_fatal(const void *worker)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    g_autofree char *file = NULL, *uri = NULL, *args = NULL;
    BmStream *s;
    World w;

    world_up(&w, NULL);
    bm_stop(w.d);
    s = world_saved(&w, w.d, 'a');
    bm_stream_put(s, "core[1]/fatal_cause", 0x55);
    file = g_build_filename(w.dir, "b", NULL);
    bm_stream_save(s, file);
    bm_stream_free(s);
    args = g_strdup_printf("-incoming file:%s", file);
    world_moves(&w, bm_receiver(w.d, NULL, WORLD_PROPS, args));
    bm_migrate_wait(w.d, "completed");
    g_assert_cmphex(bm_read(w.d, BM_REG_STATUS), ==, BM_STATUS_READY);
    bm_cont(w.d);
    bm_msix_wait(w.d, BM_VECTOR_EVENT);
    g_assert_cmphex(bm_read(w.d, BM_REG_STATUS), ==, BM_STATUS_FATAL |
                    BM_PREP(BM_STATUS_CAUSE, 0x55));

    bm_stop(w.d);
    world_moves(&w, move_by_file(&w, NULL));
    bm_cont(w.d);
    g_assert_cmphex(bm_read(w.d, BM_REG_STATUS), ==, BM_STATUS_FATAL |
                    BM_PREP(BM_STATUS_CAUSE, 0x55));
    bm_settle(w.d);
    g_assert_false(bm_msix_taken(w.d, BM_VECTOR_EVENT));
    bm_write(w.d, BM_REG_CTRL, BM_CTRL_RESET);
    bm_enable(w.d);
    bm_ring_enable(&w.r[OTHER]);
    g_assert_cmphex(bm_exec(&w.r[OTHER], &sqe), ==, BM_ST_SUCCESS);
    world_end(&w);
}

/* What the bus has told, and nobody has looked at; what is still to be sent. */
static void test_told(const void *worker)
{
    g_autofree char *uri = NULL, *args = NULL;
    struct bm_hw_sqe sqe;
    uint64_t victim;
    GArray *before;
    BmStream *s;
    World w;

    world_up(&w, NULL);
    victim = bm_alloc(w.d, 4096);
    qtest_writel(w.d->qts, victim, 0);
    sqe = bm_cmd(BM_OP_COPY, 1, 64, bm_host(BM_NOWHERE), bm_local(0));
    g_assert_cmphex(bm_exec(&w.r[LONG], &sqe), ==, BM_ST_DMA_READ_FAULT);
    s = world_saved(&w, w.d, 'a');
    g_assert_cmphex(bm_stream_get(s, "core[1]/new_status"), ==,
                    PCI_STATUS_REC_MASTER_ABORT);
    /* These rest there no longer than it takes to send them. */
    bm_stream_put(s, "core[1]/cor_errors", PCI_ERR_COR_RCVR);
    bm_stream_put(s, "core[1]/uncor_errors", PCI_ERR_UNC_COMP_TIME);
    bm_stream_put(s, "core[1]/forged",
                  BM_PREP(BM_ROGUE_MSI_ADDR, victim) | 0x12345678);
    uri = world_uri(&w, "file", 'b');
    bm_stream_save(s, uri + strlen("file:"));
    bm_stream_free(s);
    args = g_strdup_printf("-incoming %s", uri);
    world_moves(&w, bm_receiver(w.d, NULL, WORLD_PROPS, args));
    bm_migrate_wait(w.d, "completed");
    bm_cont(w.d);
    bm_settle(w.d);
    g_assert_cmphex(qpci_config_readw(w.d->pci, PCI_STATUS) &
                    PCI_STATUS_REC_MASTER_ABORT, !=, 0);
    g_assert_cmphex(qtest_readl(w.d->qts, victim), ==, 0x12345678);
    g_assert_cmphex(qtest_readl(w.d->qts, bm_ecam(w.d, BM_DEVFN, BM_AER +
                                                  PCI_ERR_COR_STATUS)), ==,
                    PCI_ERR_COR_RCVR);
    g_assert_cmphex(qtest_readl(w.d->qts, bm_ecam(w.d, BM_DEVFN, BM_AER +
                                                  PCI_ERR_UNCOR_STATUS)), ==,
                    PCI_ERR_UNC_COMP_TIME);

    /* The errors are in its registers now, and move with these. */
    bm_stop(w.d);
    before = visible(w.d);
    world_moves(&w, move_by_file(&w, NULL));
    assert_same(before, visible(w.d));
    world_end(&w);
}

void bm_add_migrate_tests(void)
{
    static const Route routes[] = {
        { "file" },
        { "file-to-iothread", .to = { "", "io1" } },
        { "file-from-iothread", .from = { "", "io0" } },
        { "file-iothreads", { "", "io0" },
          { "", .iothreads = "[\"io2\",\"io1\"]" } },
        { "socket", .socket = true },
        { "socket-iothread", { "", "io1" }, { "", "io0" }, true },
    };
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(routes); i++) {
        g_autofree char *name = g_strdup_printf("migrate/%s", routes[i].name);

        bm_add_data(name, test_route, &routes[i]);
    }
    bm_add_both("migrate/stays", test_stays);
    bm_add("migrate/again", test_again);
    bm_add_both("migrate/snapshot", test_snapshot);
    bm_add("migrate/slot", test_slot);
    bm_add("migrate/refused", test_refused);
    bm_add("migrate/shadow", test_shadow);
    bm_add("migrate/bad-doorbells", test_bad_doorbells);
    bm_add("migrate/fatal", test_fatal);
    bm_add("migrate/told", test_told);
}
