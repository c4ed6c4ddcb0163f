/*
 * busmaster qtests: how long things take, to the nanosecond
 *
 * The clock stands still unless a test moves it. What is expected is worked out
 * here, from PCI Express' own numbers: nothing is shared with the device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "world.h"

#define ORDER       6
#define MEM         "mem-size=4M"

/* What it takes to ask for data, to deliver it and to write it, below 4 GiB. */
#define ASK         20.0
#define COMPLETION  20.0
#define WRITE       20.0
#define SQE         64.0
#define CQE         16.0

typedef struct Bench {
    BmDev *d;
    BmRing r;
    uint64_t data;          /* 1 MiB of RAM */
    double per_byte;        /* ns */
    double latency;         /* of a read */
    double mps;
    double mrrs;
    int64_t since;          /* ns: when the clock was looked at last */
} Bench;

/* Payloads are powers of two from 128 bytes. */
static unsigned code(double size)
{
    return ctz32((uint32_t)size) - 7;
}

static void set_sizes(Bench *t, double mps, double mrrs)
{
    t->mps = mps;
    t->mrrs = mrrs;
    qpci_config_writew(t->d->pci, BM_EXP + PCI_EXP_DEVCTL,
                       code(mps) << 5 | code(mrrs) << 12);
}

static void bench_ring(Bench *t)
{
    bm_enable(t->d);
    bm_msix_setup(t->d, 3);
    bm_ring_init(&t->r, t->d, 0, ORDER);
    t->data = bm_alloc(t->d, 1 * MiB);
    t->since = bm_read(t->d, BM_REG_CLOCK);
}

static void bench_start(Bench *t, const char *args, const char *props,
                        double gts, double lanes)
{
    double bits = gts < 8 ? 10 / 8.0 : 130 / 128.0;
    g_autofree char *all = g_strconcat("queues=2," MEM, ",", props, NULL);

    t->per_byte = 8 * bits / (gts * lanes);
    t->latency = 1000;
    t->d = bm_start_below(args, &bm_in_main_loop, all);
    set_sizes(t, 128, 512);
    bench_ring(t);
}

/* All that takes time, but for the link, takes none if @props do not say so. */
static void bench_up(Bench *t, const char *props)
{
    static const char *const none[] = {
        "command-overhead-ns", "medium-latency-ns", "irq-latency-ns",
    };
    g_autoptr(GString) all = g_string_new("timing=true,read-latency-ns=1000");
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(none); i++) {
        if (!strstr(props, none[i])) {
            g_string_append_printf(all, ",%s=0", none[i]);
        }
    }
    g_string_append_printf(all, "%s%s", *props ? "," : "", props);
    bench_start(t, "", all->str, 16, 4);
}

static void bench_down(Bench *t)
{
    bm_end(t->d);
}

/* Move the clock to the next thing that happens until @r has a completion. */
static double wait_for(Bench *t, BmRing *r)
{
    int64_t now = bm_step_posted(r, t->since, BM_ST_SUCCESS);
    double took = now - t->since;

    t->since = now;
    return took;
}

static double wait_all(Bench *t, unsigned n)
{
    double took = 0;

    while (n--) {
        took += wait_for(t, &t->r);
    }
    bm_ack(&t->r, 0);
    return took;
}

/* Each of the waits for it, and the one before, may be a nanosecond late. */
static void check_time(double is, double wanted)
{
    g_test_message("%.0f ns, expected %.3f", is, wanted);
    g_assert_cmpfloat(is, >=, wanted - 1.2);
    g_assert_cmpfloat(is, <=, wanted + 3);
}

static struct bm_hw_sqe to_host(Bench *t, uint16_t tag, uint32_t len)
{
    return bm_cmd(BM_OP_COPY, tag, len, bm_local(0), bm_host(t->data));
}

static struct bm_hw_sqe to_device(Bench *t, uint16_t tag, uint32_t len)
{
    return bm_cmd(BM_OP_COPY, tag, len, bm_host(t->data), bm_local(0));
}

/* So many TLPs, if the data is aligned: libm is not linked. */
static double tlps(double size)
{
    return (uint64_t)size + ((uint64_t)size < size);
}

/* The most that a completion has. */
static double answer(const Bench *t)
{
    return MIN(t->mps, t->mrrs);
}

/* From the doorbell to where the device knows @n submissions. */
static double fetch(Bench *t, unsigned n)
{
    double bytes = n * SQE;

    return (ASK * tlps(bytes / t->mrrs) +
            COMPLETION * tlps(bytes / answer(t)) + bytes) * t->per_byte +
           t->latency;
}

static double completion(Bench *t)
{
    return (WRITE + CQE) * t->per_byte;
}

/* @len bytes that are written, aligned. */
static double written(Bench *t, double len)
{
    return (len + tlps(len / t->mps) * WRITE) * t->per_byte;
}

/* @len bytes that are read, as many requests at a time as one likes. */
static double data_read(Bench *t, double len)
{
    return ASK * t->per_byte + t->latency +
           (len + tlps(len / answer(t)) * COMPLETION) * t->per_byte;
}

static void run(Bench *t, struct bm_hw_sqe sqe)
{
    t->since = bm_read(t->d, BM_REG_CLOCK);
    bm_submit(&t->r, &sqe);
}

/* Another queue that writes, to other memory. */
static void run_other(Bench *t, BmRing *other, uint32_t len)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY, 2, len, bm_local(0),
                                  bm_host(t->data + len));

    bm_submit(other, &sqe);
}

static void check_run(Bench *t, struct bm_hw_sqe sqe, double wanted)
{
    run(t, sqe);
    check_time(wait_all(t, 1), wanted);
}

static double whole_write(Bench *t, double len)
{
    return fetch(t, 1) + written(t, len) + completion(t);
}

static double whole_read(Bench *t, double len)
{
    return fetch(t, 1) + data_read(t, len) + completion(t);
}

static void test_sizes(const void *data)
{
    static const double sizes[] = { 128, 256, 512 };
    static const double requests[] = { 128, 512, 4096 };
    unsigned i, j;
    Bench t;

    bench_up(&t, "read-tags=1024");
    for (i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (j = 0; j < ARRAY_SIZE(requests); j++) {
            double len = 64 * KiB;

            set_sizes(&t, sizes[i], requests[j]);
            check_run(&t, to_host(&t, 1, len), whole_write(&t, len));
            check_run(&t, to_device(&t, 2, len), whole_read(&t, len));
            check_run(&t, to_host(&t, 3, 1), whole_write(&t, 1));
            check_run(&t, to_device(&t, 4, 1), whole_read(&t, 1));
        }
    }
    bench_down(&t);
}

static const struct Speed {
    const char *name;       /* of the device */
    const char *port;
    double gts;             /* of the link */
    double lanes;
    unsigned cap;           /* Link Capabilities: speed, width << 4 */
    unsigned status;
} speeds[] = {
    { "link-speed=\"2.5\",link-width=1", "16", 2.5, 1, 0x11, 0x11 },
    { "link-speed=\"5\",link-width=2", "16", 5, 2, 0x22, 0x22 },
    { "link-speed=\"8\",link-width=8", "32", 8, 8, 0x83, 0x83 },
    { "link-speed=\"16\",link-width=4", "64", 16, 4, 0x44, 0x44 },
    { "link-speed=\"32\",link-width=16", "64", 32, 16, 0x105, 0x105 },
    { "link-speed=\"16\",link-width=16", "8", 8, 16, 0x104, 0x103 },
    { "link-speed=\"32\",link-width=12", "2_5", 2.5, 12, 0xc5, 0xc1 },
};

static void test_speed(const void *data)
{
    const struct Speed *speed = data;
    g_autofree char *args =
        g_strdup_printf("-global pcie-root-port.x-speed=%s", speed->port);
    g_autofree char *props =
        g_strdup_printf("timing=true,command-overhead-ns=0,"
                        "read-latency-ns=1000,read-tags=256,%s", speed->name);
    Bench t;

    bench_start(&t, args, props, speed->gts, speed->lanes);
    g_assert_cmphex(qpci_config_readl(t.d->pci, BM_EXP + PCI_EXP_LNKCAP) &
                    (PCI_EXP_LNKCAP_SLS | PCI_EXP_LNKCAP_MLW), ==, speed->cap);
    g_assert_cmphex(qpci_config_readw(t.d->pci, BM_EXP + PCI_EXP_LNKSTA) &
                    (PCI_EXP_LNKSTA_CLS | PCI_EXP_LNKSTA_NLW), ==,
                    speed->status);
    check_run(&t, to_host(&t, 1, 64 * KiB), whole_write(&t, 64 * KiB));
    check_run(&t, to_device(&t, 2, 64 * KiB), whole_read(&t, 64 * KiB));
    bench_down(&t);
}

/* At 64 GT/s there are FLITs: of 256 bytes 236 are TLPs', without a frame. */
static void test_flits(const void *data)
{
    double per_byte = 8 * 256 / 236.0 / (64 * 16), len = 64 * KiB;
    Bench t;

    bench_start(&t, "-global pcie-root-port.x-speed=64", "timing=true,"
                "command-overhead-ns=0,read-latency-ns=1000,link-speed=\"64\","
                "link-width=16", 64, 16);
    check_run(&t, to_host(&t, 1, len),
              (12 + 12 + SQE + len + len / 128 * 12 + 12 + CQE) * per_byte +
              1000);
    bench_down(&t);
}

/* A request waits for a tag: with one, each waits for the one before. */
static void test_tags(const void *data)
{
    double len = 8 * KiB, each;
    unsigned tags;
    Bench t;

    for (tags = 1; tags <= 2; tags++) {
        g_autofree char *props = g_strdup_printf("read-tags=%u", tags);

        bench_up(&t, props);
        each = data_read(&t, 512);
        if (tags == 1) {
            check_run(&t, to_device(&t, 1, len),
                      fetch(&t, 1) + 16 * each + completion(&t));
        } else {
            double second = data_read(&t, 1024) - each;

            /* Two at a time, and the latency of each pair's first one. */
            check_run(&t, to_device(&t, 1, len),
                      fetch(&t, 1) + 8 * each + second + completion(&t));
        }
        /* Writes need none. */
        check_run(&t, to_host(&t, 2, len), whole_write(&t, len));
        bench_down(&t);
    }
}

static void test_overhead(const void *data)
{
    struct bm_hw_sqe sqe;
    unsigned i;
    Bench t;

    bench_up(&t, "command-overhead-ns=5000");
    t.since = bm_read(t.d, BM_REG_CLOCK);
    for (i = 0; i < 4; i++) {
        sqe = bm_cmd(BM_OP_NOP, i, 0, bm_none(), bm_none());
        bm_push(&t.r, &sqe);
    }
    bm_doorbell(&t.r);
    check_time(wait_for(&t, &t.r), fetch(&t, 4) + 5000 + completion(&t));
    for (i = 1; i < 4; i++) {
        check_time(wait_for(&t, &t.r), 5000);
    }
    bench_down(&t);
}

/* Two channels serve two commands at once, and the next two behind them. */
static void test_medium(const void *data)
{
    const bool write = data;
    const double medium = 100000, len = 64;
    struct bm_hw_sqe sqe;
    unsigned i;
    double at;
    Bench t;

    bench_up(&t, "medium-latency-ns=100000,channels=2");
    at = (write ? whole_read(&t, len) : whole_write(&t, len)) - fetch(&t, 1);
    t.since = bm_read(t.d, BM_REG_CLOCK);
    for (i = 0; i < 4; i++) {
        sqe = write ? to_device(&t, i, len) : to_host(&t, i, len);
        bm_push(&t.r, &sqe);
    }
    bm_doorbell(&t.r);
    check_time(wait_for(&t, &t.r), fetch(&t, 4) + medium + at);
    g_assert_cmpfloat(wait_for(&t, &t.r), <, 50);
    at = wait_for(&t, &t.r);
    g_assert_cmpfloat(at, >, medium - 50);
    g_assert_cmpfloat(at, <=, medium + 1);
    g_assert_cmpfloat(wait_for(&t, &t.r), <, 50);
    bench_down(&t);
}

/* What does not touch device memory does not wait for the medium. */
static void test_no_medium(const void *data)
{
    double len = 4 * KiB;
    struct bm_hw_sqe sqe;
    Bench t;

    bench_up(&t, "medium-latency-ns=100000");
    sqe = bm_cmd(BM_OP_CRC32C, 1, len, bm_host(t.data), bm_none());
    check_run(&t, sqe, whole_read(&t, len));
    sqe = bm_cmd(BM_OP_FILL, 2, len, bm_none(), bm_host(t.data));
    check_run(&t, sqe, whole_write(&t, len));
    sqe.opcode = 0xff;
    bm_submit(&t.r, &sqe);
    while (!bm_poll(&t.r)) {
        qtest_clock_step_next(t.d->qts);
    }
    g_assert_cmphex(t.r.cqe.status, ==, BM_ST_BAD_OPCODE);
    bench_down(&t);
}

/* The message is behind the completion on the wire, and late by its latency. */
static void test_message(const void *data)
{
    double latency = 3000, wire;
    int64_t now;
    Bench t;

    bench_up(&t, "irq-latency-ns=3000");
    wire = (WRITE + 4) * t.per_byte;
    bm_ack(&t.r, BM_CQ_HEAD_ARM);
    run(&t, bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none()));
    check_time(wait_for(&t, &t.r), fetch(&t, 1) + completion(&t));
    g_assert_false(bm_msix_taken(t.d, BM_VECTOR_QUEUE(0)));
    do {
        now = qtest_clock_step_next(t.d->qts);
    } while (!bm_msix_taken(t.d, BM_VECTOR_QUEUE(0)));
    check_time(now - t.since, wire + latency);
    g_assert_cmpuint(bm_read(t.d, BM_REG_MSG_TLPS), ==, 1);
    bench_down(&t);
}

/* Both queues have what they want at about the same time, in twice the time. */
static void test_share(const void *data)
{
    double len = 256 * KiB, first, second, share = 4096;
    BmRing other;
    Bench t;

    bench_up(&t, "");
    bm_ring_init(&other, t.d, 1, ORDER);
    run(&t, to_host(&t, 1, len));
    run_other(&t, &other, len);
    first = wait_for(&t, &t.r);
    second = wait_for(&t, &other);
    g_assert_cmpfloat(first, >, 2 * written(&t, len) - 2 * written(&t, share));
    g_assert_cmpfloat(second, <=, 2 * written(&t, share) + 20);
    check_time(first + second, fetch(&t, 1) + 2 * written(&t, len) +
               completion(&t) + 2 * ASK * t.per_byte);
    bench_down(&t);
}

/* Data goes up and comes down at the same time: only requests go between. */
static void test_duplex(const void *data)
{
    double len = 256 * KiB, longer;
    struct bm_hw_sqe sqe;
    Bench t;

    bench_up(&t, "");
    t.since = bm_read(t.d, BM_REG_CLOCK);
    sqe = to_host(&t, 1, len);
    bm_push(&t.r, &sqe);
    sqe = bm_cmd(BM_OP_COPY, 2, len, bm_host(t.data + len), bm_local(0));
    bm_push(&t.r, &sqe);
    bm_doorbell(&t.r);
    longer = wait_all(&t, 2);
    g_assert_cmpfloat(longer, >, written(&t, len));
    g_assert_cmpfloat(longer, <, written(&t, len) * 1.06 + 2500);
    bench_down(&t);
}

/* A queue that waits for tags is not in the way of one that writes. */
static void test_no_tag(const void *data)
{
    double len = 64 * KiB;
    BmRing other;
    Bench t;

    bench_up(&t, "read-tags=1");
    bm_ring_init(&other, t.d, 1, ORDER);
    run(&t, to_device(&t, 1, len));
    run_other(&t, &other, len);
    g_assert_cmpfloat(wait_for(&t, &other), <,
                      2 * whole_write(&t, len) + 4 * t.latency);
    bench_down(&t);
}

/* What is read and written takes both wires; a list is read before. */
static void test_both_sides(const void *data)
{
    double len = 4 * KiB, list = 2 * 16;
    uint64_t segs;
    struct bm_hw_sqe sqe;
    Bench t;

    bench_up(&t, "");
    sqe = bm_cmd(BM_OP_COPY, 1, len, bm_host(t.data), bm_host(t.data + len));
    check_run(&t, sqe, fetch(&t, 1) + data_read(&t, len) + written(&t, len) +
              completion(&t));
    segs = bm_alloc(t.d, 64);
    bm_seg(t.d, segs, 0, t.data, len, 0);
    bm_seg(t.d, segs, 1, t.data + len, len, 0);
    sqe = bm_cmd(BM_OP_COPY, 2, 2 * len, bm_local(0), bm_sgl(segs, 2));
    check_run(&t, sqe, fetch(&t, 1) + data_read(&t, list) +
              written(&t, 2 * len) + completion(&t));
    bench_down(&t);
}

/* One read fetches as many submissions as may be, and no more. */
static void test_prefetch(const void *data)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    unsigned i;
    double ask;
    Bench t;

    bench_up(&t, "prefetch=2");
    t.since = bm_read(t.d, BM_REG_CLOCK);
    for (i = 0; i < 4; i++) {
        bm_push(&t.r, &sqe);
    }
    bm_doorbell(&t.r);
    /* The next read begins when those before are there, and is asked for. */
    ask = ASK * t.per_byte;
    check_time(wait_for(&t, &t.r), fetch(&t, 2) + ask + completion(&t));
    check_time(wait_for(&t, &t.r), completion(&t));
    check_time(wait_for(&t, &t.r), fetch(&t, 2) - ask - completion(&t));
    bench_down(&t);
}

static void test_scale(const void *data)
{
    double len = 64 * KiB;
    Bench t;

    bench_up(&t, "time-scale=100,medium-latency-ns=2000,"
             "command-overhead-ns=300");
    t.per_byte *= 100;
    t.latency *= 100;
    check_run(&t, to_host(&t, 1, len), whole_write(&t, len) + 230000);
    check_run(&t, to_device(&t, 2, len), whole_read(&t, len) + 230000);
    bench_down(&t);
}

/* Off, all is done at once; the clock is there all the same. */
static void test_off(const void *data)
{
    struct bm_hw_sqe sqe;
    Bench t;

    bench_start(&t, "", "inline-bytes=1M,medium-latency-ns=1000000", 16, 4);
    g_assert_cmphex(BM_GET(BM_CAP2_FEATURES, bm_read(t.d, BM_REG_CAP2)) &
                    BM_FEAT_CLOCK, !=, 0);
    sqe = to_host(&t, 1, 64 * KiB);
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
    g_assert_cmpint(bm_read(t.d, BM_REG_CLOCK), ==, t.since);
    qtest_clock_step(t.d->qts, 12345);
    g_assert_cmpuint(bm_read(t.d, BM_REG_CLOCK), ==, t.since + 12345);
    bench_down(&t);
}

/* What is under way when the device is reset is not there afterwards. */
static void test_reset(const void *data)
{
    double len = 64 * KiB;
    Bench t;

    bench_up(&t, "medium-latency-ns=1000000");
    run(&t, to_host(&t, 1, len));
    run(&t, to_device(&t, 2, len));
    qtest_clock_step(t.d->qts, 500000);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    qtest_clock_step(t.d->qts, 5000000);
    g_assert_false(bm_poll(&t.r));
    bench_ring(&t);
    check_run(&t, to_host(&t, 3, len), whole_write(&t, len) + 1000000);
    bench_down(&t);
}

/* A command that is aborted while it waits ends, when its turn comes. */
static void test_abort(const void *data)
{
    Bench t;

    bench_up(&t, "medium-latency-ns=1000000");
    run(&t, to_host(&t, 7, 64 * KiB));
    qtest_clock_step(t.d->qts, 5000);
    bm_ring_write(&t.r, BM_QREG_ABORT, 7);
    while (!bm_poll(&t.r)) {
        qtest_clock_step_next(t.d->qts);
    }
    g_assert_cmphex(t.r.cqe.status, ==, BM_ST_ABORTED);
    bench_down(&t);
}

/* A machine that moves while data is under way takes its times along. */
static void test_move(const void *data)
{
    static const char props[] = "queues=2," MEM ",timing=true,"
        "command-overhead-ns=3000,medium-latency-ns=200000,channels=2,"
        "read-latency-ns=1000,link-speed=\"2.5\",link-width=1,read-tags=2";
    double together = 0, apart = 0, moments[] = { 1500, 220000, 600000 };
    unsigned i, j;

    for (i = 0; i <= ARRAY_SIZE(moments); i++) {
        BmDev *d = bm_start(&bm_in_main_loop, props);
        struct bm_hw_sqe sqe;
        BmRing r;
        Bench t;

        bm_msix_setup(d, 2);
        bm_ring_init(&r, d, 0, ORDER);
        t = (Bench) { .d = d, .r = r, .data = bm_alloc(d, 1 * MiB) };
        bm_ack(&t.r, BM_CQ_HEAD_ARM);
        for (j = 0; j < 6; j++) {
            sqe = j % 2 ? to_host(&t, j, 64 * KiB) : to_device(&t, j, 64 * KiB);
            bm_push(&t.r, &sqe);
        }
        t.since = bm_read(d, BM_REG_CLOCK);
        bm_doorbell(&t.r);
        if (i < ARRAY_SIZE(moments)) {
            BmDev *to;

            qtest_clock_step(d->qts, moments[i]);
            bm_stop(d);
            to = bm_move_by_file(d, &bm_in_main_loop, props, "");
            bm_end(d);
            t.d = to;
            t.r.d = to;
            bm_cont(to);
        }
        apart = wait_all(&t, 6);
        g_test_message("moved at %.0f: %.0f ns", i < 3 ? moments[i] : -1,
                       apart);
        if (i == 0) {
            together = apart;
        }
        g_assert_cmpfloat(apart, ==, together);
        bm_end(t.d);
    }
}

static void test_profiles(const void *data)
{
    static const char *const names[] = {
        "nvme-4x4", "nvme-5x4", "nic-100g", "gpu-4x16", "gpu-5x16", "cxl-5x16",
    };
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(names); i++) {
        g_autofree char *props = g_strdup_printf("timing=true,profile=\"%s\"",
                                                 names[i]);
        struct bm_hw_sqe sqe;
        double took;
        Bench t;

        bench_start(&t, "-global pcie-root-port.x-speed=64", props, 16, 4);
        sqe = to_host(&t, 1, 4096);
        t.since = bm_read(t.d, BM_REG_CLOCK);
        bm_submit(&t.r, &sqe);
        took = wait_for(&t, &t.r);
        g_test_message("%s: %.0f ns", names[i], took);
        g_assert_cmpfloat(took, >, 0);
        if (g_str_has_prefix(names[i], "nvme")) {
            g_assert_cmpfloat(took, >, 97000);
            g_assert_cmpfloat(took, <, 100000);
        }
        bench_down(&t);
    }
}

void bm_add_timing_tests(void)
{
    unsigned i;

    bm_add_inline("timing/sizes", test_sizes);
    for (i = 0; i < ARRAY_SIZE(speeds); i++) {
        g_autofree char *name =
            g_strdup_printf("timing/speed/%gx%g", speeds[i].gts,
                            speeds[i].lanes);

        bm_add_data(name, test_speed, &speeds[i]);
    }
    bm_add_inline("timing/flits", test_flits);
    bm_add_inline("timing/tags", test_tags);
    bm_add_inline("timing/overhead", test_overhead);
    bm_add_data("timing/medium/read", test_medium, NULL);
    bm_add_data("timing/medium/write", test_medium, "write");
    bm_add_inline("timing/no-medium", test_no_medium);
    bm_add_inline("timing/message", test_message);
    bm_add_inline("timing/share", test_share);
    bm_add_inline("timing/duplex", test_duplex);
    bm_add_inline("timing/no-tag", test_no_tag);
    bm_add_inline("timing/both-sides", test_both_sides);
    bm_add_inline("timing/prefetch", test_prefetch);
    bm_add_inline("timing/scale", test_scale);
    bm_add_inline("timing/off", test_off);
    bm_add_inline("timing/reset", test_reset);
    bm_add_inline("timing/abort", test_abort);
    bm_add_inline("timing/move", test_move);
    bm_add_inline("timing/profiles", test_profiles);
}
