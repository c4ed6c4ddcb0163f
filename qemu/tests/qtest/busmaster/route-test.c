/*
 * busmaster qtests: peer to peer, through switches
 *
 *   pcie.0 -- VT-d -- rp -- up +-- a -- A
 *                     |        +-- b -- B
 *                     FAR      +-- c -- up2 +-- d -- D
 *                                           +-- e -- E
 *
 * Capitals are busmasters. Three things may become of a request, and VT-d tells
 * them from each other: what a switch routes to a peer arrives even if VT-d
 * maps nothing there, what leaves the switch arrives only if it does, and what
 * is refused never arrives.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "harness.h"

#define ORDER       4
#define LEN         8192            /* more than a page: VT-d is asked twice */
#define MEM_SIZE    "mem-size=1M"
#define LONG        (1 * GiB)       /* seconds of CRC */

#define ON(bus)     ((bus) << 8)    /* what is in its slot 0 */
#define RP          BM_PORT
#define UP          ON(1)
#define PORT_A      ON(2)
#define PORT_B      (ON(2) | QPCI_DEVFN(1, 0))
#define PORT_C      (ON(2) | QPCI_DEVFN(2, 0))
#define UP2         ON(5)
#define FAR_DEVFN   QPCI_DEVFN(6, 0)
#define PORT_D      ON(6)
#define PORT_E      (ON(6) | QPCI_DEVFN(1, 0))

#define PAGE_LARGE  0x80
#define ACS         0x148           /* in the switches' downstream ports */

/* Each function has a window of this size; all begin at BM_PCI_WINDOW. */
#define WINDOW      (16 * MiB)
#define HOLE        (BM_PCI_WINDOW + 4 * WINDOW)    /* up has it, no port has */
#define ELSEWHERE   (BM_PCI_WINDOW + 5 * WINDOW)    /* likewise */
#define SWITCH_SIZE (6 * WINDOW)

/* In the upper half of a window is nobody; for VT-d it is RAM, and works. */
#define EMPTY       (WINDOW / 2)
#define SPARE       (192 * MiB)     /* 2 MiB of RAM that nobody else uses */

typedef enum Who { A, B, D, E, FAR, ALL } Who;

typedef enum Fate { TO_PEER, UPSTREAM, REFUSED } Fate;

typedef struct Bench {
    BmDev *d[ALL];
    BmRing r[ALL];
    uint64_t tables;    /* VT-d's: 0 without it */
} Bench;

static uint64_t window(Who who)
{
    return BM_PCI_WINDOW + (who == FAR ? 6 : who) * WINDOW;
}

static void open_bridges(BmDev *d)
{
    bm_open_bridge(d, RP, 1, 8, window(A), SWITCH_SIZE);
    bm_open_bridge(d, UP, 2, 8, window(A), SWITCH_SIZE);
    bm_open_bridge(d, PORT_A, 3, 3, window(A), WINDOW);
    bm_open_bridge(d, PORT_B, 4, 4, window(B), WINDOW);
    bm_open_bridge(d, PORT_C, 5, 8, window(D), 2 * WINDOW);
    bm_open_bridge(d, UP2, 6, 8, window(D), 2 * WINDOW);
    bm_open_bridge(d, PORT_D, 7, 7, window(D), WINDOW);
    bm_open_bridge(d, PORT_E, 8, 8, window(E), WINDOW);
}

/* All functions see RAM where it is, and all windows: these, or not. */
static void translate(Bench *t, bool windows)
{
    QTestState *qts = t->d[A]->qts;
    static const int devfns[] = { 0, FAR_DEVFN }; /* on their buses */
    uint64_t context = t->tables + 0x1000, top = t->tables + 0x2000;
    uint64_t pages = t->tables + 0x3000;
    unsigned bus, i;

    for (bus = 0; bus <= 8; bus++) {
        qtest_writeq(qts, t->tables + bus * 16, context | 1);
    }
    /* 39 bits: a page of 1 GiB for RAM, pages of 2 MiB in the fourth GiB */
    for (i = 0; i < ARRAY_SIZE(devfns); i++) {
        qtest_writeq(qts, context + devfns[i] * 16, top | 1);
        qtest_writeq(qts, context + devfns[i] * 16 + 8, 1 << 8 | 1);
    }
    qtest_writeq(qts, top, PAGE_LARGE | 3);
    qtest_writeq(qts, top + 3 * 8, windows ? pages | 3 : 0);
    for (i = 0; i < 8 * WINDOW / (2 * MiB); i++) {
        uint64_t addr = BM_PCI_WINDOW + i * 2 * MiB;
        uint64_t to = addr % WINDOW < EMPTY ? addr : SPARE;

        qtest_writeq(qts, pages + (addr / (2 * MiB) % 512) * 8,
                     to | PAGE_LARGE | 3);
    }
    bm_vtd_enable(t->d[A], t->tables);
}

/* @iommu: its option, or "" */
static void bench_up(Bench *t, const void *worker, const char *iommu)
{
    static const int devfns[ALL] = {
        ON(3), ON(4), ON(7), ON(8), FAR_DEVFN,
    };
    g_autofree char *device = bm_device(worker, "\"bus\":\"a\"", MEM_SIZE);
    BmDev *d;
    Who who;

    d = bm_new(qtest_initf(
        "-M q35 -m 256M -nodefaults %s "
        "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "
        "-device pcie-root-port,id=rp,chassis=1,addr=05.0 "
        "-device x3130-upstream,id=up,bus=rp "
        "-device xio3130-downstream,id=a,bus=up,chassis=2,slot=1,addr=0 "
        "-device xio3130-downstream,id=b,bus=up,chassis=2,slot=2,addr=1 "
        "-device xio3130-downstream,id=c,bus=up,chassis=2,slot=3,addr=2 "
        "-device x3130-upstream,id=up2,bus=c "
        "-device xio3130-downstream,id=d,bus=up2,chassis=3,slot=1,addr=0 "
        "-device xio3130-downstream,id=e,bus=up2,chassis=3,slot=2,addr=1 "
        "-device busmaster,bus=b,id=B," MEM_SIZE " "
        "-device busmaster,bus=d," MEM_SIZE " "
        "-device busmaster,bus=e," MEM_SIZE " "
        "-device busmaster,addr=06.0," MEM_SIZE " %s", iommu, device));
    open_bridges(d);
    for (who = A; who < ALL; who++) {
        t->d[who] = g_memdup2(d, sizeof(*d));
        t->d[who]->next += who * 32 * MiB;
        bm_attach(t->d[who], devfns[who], window(who));
        bm_enable(t->d[who]);
        bm_ring_init(&t->r[who], t->d[who], 0, ORDER);
    }
    g_free(d);
    t->tables = *iommu ? bm_alloc(t->d[A], 4 * 4096) : 0;
}

static void bench_down(Bench *t)
{
    Who who;

    for (who = B; who < ALL; who++) {
        g_free(t->d[who]->pci);
        g_free(t->d[who]);
    }
    bm_end(t->d[A]);
}

static void acs(Bench *t, int port, uint16_t control)
{
    uint64_t at = bm_ecam(t->d[A], port, ACS);
    QTestState *qts = t->d[A]->qts;

    g_assert_cmphex(qtest_readw(qts, at), ==, PCI_EXT_CAP_ID_ACS);
    g_assert_cmphex(qtest_readw(qts, at + PCI_ACS_CAP) & control, ==, control);
    qtest_writew(qts, at + PCI_ACS_CTRL, control);
    g_assert_cmphex(qtest_readw(qts, at + PCI_ACS_CTRL), ==, control);
}

static void copy(Bench *t, Who from, bool write, uint64_t addr, bool works)
{
    struct bm_hw_sqe sqe = write ?
        bm_cmd(BM_OP_COPY, 1, LEN, bm_local(0), bm_host(addr)) :
        bm_cmd(BM_OP_COPY, 2, LEN, bm_host(addr), bm_local(2 * LEN));
    unsigned status = bm_exec(&t->r[from], &sqe);

    if (works) {
        g_assert_cmphex(status, ==, BM_ST_SUCCESS);
    } else {
        g_assert_cmphex(status, ==, write ? BM_ST_DMA_WRITE_FAULT :
                                            BM_ST_DMA_READ_FAULT);
        g_assert_cmphex(t->r[from].cqe.info, ==, addr);
    }
}

/* There and back: @from's memory at 0, @addr, and @from's memory at 2 * LEN. */
static void check_addr(Bench *t, Who from, uint64_t addr, Fate fate)
{
    QTestState *qts = t->d[A]->qts;
    uint8_t seen[LEN];
    unsigned mapped;

    for (mapped = 0; mapped < 2; mapped++) {
        bool works = fate == TO_PEER || (fate == UPSTREAM && mapped);
        g_autofree uint8_t *data = bm_random(LEN);

        translate(t, mapped);
        qtest_memwrite(qts, t->d[from]->mem, data, LEN);
        qtest_memset(qts, t->d[from]->mem + 2 * LEN, 0, LEN);
        copy(t, from, true, addr, works);
        copy(t, from, false, addr, works);
        if (!works) {
            memset(data, 0, LEN);
        }
        qtest_memread(qts, t->d[from]->mem + 2 * LEN, seen, LEN);
        g_assert_true(!memcmp(seen, data, LEN));
    }
}

static void check(Bench *t, Who from, Who to, Fate fate)
{
    QTestState *qts = t->d[A]->qts;
    uint64_t addr = t->d[to]->mem + LEN;
    uint8_t sent[LEN], seen[LEN];

    qtest_memset(qts, addr, 0, LEN);
    check_addr(t, from, addr, fate);
    if (fate != REFUSED) {
        /* It is that one's memory, not whoever else's is at the address. */
        qtest_memread(qts, t->d[from]->mem, sent, LEN);
        qtest_memread(qts, addr, seen, LEN);
        g_assert_true(!memcmp(seen, sent, LEN));
    }
}

static void test_peer(const void *worker)
{
    Bench t;

    bench_up(&t, worker, "-device intel-iommu");
    check(&t, A, B, TO_PEER);
    check(&t, B, A, TO_PEER);
    check(&t, A, FAR, UPSTREAM);
    check(&t, FAR, A, UPSTREAM);
    bench_down(&t);
}

static void test_miss(const void *worker)
{
    Bench t;

    bench_up(&t, worker, "-device intel-iommu");
    check_addr(&t, A, HOLE + EMPTY, REFUSED);
    check_addr(&t, D, HOLE + EMPTY, REFUSED);
    /* in a window, but in no BAR */
    check_addr(&t, A, window(B) + EMPTY, REFUSED);
    check_addr(&t, A, window(D) + EMPTY, REFUSED);
    /* not in a window of the switch */
    check_addr(&t, A, window(FAR) + EMPTY, UPSTREAM);
    /* A port does not turn back what comes from below. */
    check(&t, A, A, REFUSED);
    check(&t, D, D, REFUSED);
    bench_down(&t);
}

static void test_redirect(const void *worker)
{
    Bench t;

    bench_up(&t, worker, "-device intel-iommu");
    acs(&t, PORT_A, PCI_ACS_RR);
    check(&t, A, B, UPSTREAM);
    check(&t, A, E, UPSTREAM);
    check(&t, B, A, TO_PEER);
    check(&t, A, A, REFUSED);
    check_addr(&t, A, HOLE + EMPTY, REFUSED);

    acs(&t, PORT_A, PCI_ACS_SV | PCI_ACS_UF);
    check(&t, A, B, TO_PEER);
    check(&t, A, A, UPSTREAM);

    acs(&t, PORT_A, 0);
    check(&t, A, B, TO_PEER);
    check(&t, A, A, REFUSED);
    bench_down(&t);
}

static void test_nested(const void *worker)
{
    Bench t;

    bench_up(&t, worker, "-device intel-iommu");
    check(&t, D, E, TO_PEER);
    check(&t, D, B, TO_PEER);
    check(&t, B, D, TO_PEER);
    check(&t, E, FAR, UPSTREAM);

    /* Each switch on the way up asks its own port. */
    acs(&t, PORT_D, PCI_ACS_RR);
    check(&t, D, B, TO_PEER);
    check(&t, D, E, REFUSED);
    acs(&t, PORT_C, PCI_ACS_UF);
    check(&t, D, E, UPSTREAM);
    acs(&t, PORT_C, PCI_ACS_UF | PCI_ACS_RR);
    check(&t, D, E, UPSTREAM);
    check(&t, D, B, UPSTREAM);
    check(&t, E, D, TO_PEER);
    check(&t, E, B, UPSTREAM);
    check(&t, B, E, TO_PEER);
    bench_down(&t);
}

static void command(Bench *t, int bridge, uint16_t value)
{
    QPCIBus *bus = t->d[A]->bus;

    bus->config_writew(bus, bridge, PCI_COMMAND, value);
}

static void test_decoding(const void *worker)
{
    const uint16_t on = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
    Bench t;
    BmDev *b;

    bench_up(&t, worker, "-device intel-iommu");
    b = t.d[B];
    /* The function, then its port, do not answer. */
    qpci_config_writew(b->pci, PCI_COMMAND, PCI_COMMAND_MASTER);
    check_addr(&t, A, b->mem, REFUSED);
    qpci_config_writew(b->pci, PCI_COMMAND, on);
    check(&t, A, B, TO_PEER);
    command(&t, PORT_B, PCI_COMMAND_MASTER);
    check_addr(&t, A, b->mem, REFUSED);
    command(&t, PORT_B, on);
    check(&t, A, B, TO_PEER);

    /* It moves away, and the window follows. */
    b->mem = ELSEWHERE;
    bm_map(b);
    check_addr(&t, A, ELSEWHERE, REFUSED);
    bm_open_bridge(b, PORT_B, 4, 4, ELSEWHERE, WINDOW);
    check(&t, A, B, TO_PEER);
    check_addr(&t, A, window(B) + 2 * MiB, REFUSED);

    /* Bus mastering is the requester's own affair. */
    bm_master(t.d[B], false);
    check(&t, A, B, TO_PEER);
    bench_down(&t);
}

/* A reset of a switch ends redirection. */
static void test_reset(const void *worker)
{
    QPCIBus *bus;
    Bench t;

    bench_up(&t, worker, "-device intel-iommu");
    bus = t.d[A]->bus;
    acs(&t, PORT_C, PCI_ACS_RR | PCI_ACS_UF);
    check(&t, D, B, UPSTREAM);
    /* up is reset, and all that is below it */
    bus->config_writew(bus, RP, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
    bus->config_writew(bus, RP, PCI_BRIDGE_CONTROL, 0);
    open_bridges(t.d[A]);
    bm_map(t.d[B]);
    bm_map(t.d[D]);
    bm_enable(t.d[D]);
    bm_ring_enable(&t.r[D]);
    check(&t, D, B, TO_PEER);
    bench_down(&t);
}

/* CRC of all of @to's memory, again and again. */
static struct bm_hw_sqe long_read(Bench *t, Who from, Who to)
{
    BmDev *d = t->d[from];
    unsigned n = LONG / t->d[to]->mem_size, i;
    uint64_t list = bm_alloc(d, n * sizeof(struct bm_hw_seg));

    for (i = 0; i < n; i++) {
        bm_seg(d, list, i, t->d[to]->mem, t->d[to]->mem_size, 0);
    }
    return bm_cmd(BM_OP_CRC32C, 3, LONG, bm_sgl(list, n), bm_none());
}

/* Its memory was being read. */
static void check_cut_off(Bench *t, Who from, Who to)
{
    BmRing *r = &t->r[from];

    bm_reap(r);
    bm_ack(r, 0);
    g_assert_cmphex(r->cqe.status, ==, BM_ST_DMA_READ_FAULT);
    g_assert_cmphex(r->cqe.info, >=, t->d[to]->mem);
    g_assert_cmphex(r->cqe.info, <, t->d[to]->mem + t->d[to]->mem_size);
}

static void test_gone(const void *worker)
{
    struct bm_hw_sqe sqe;
    BmDev *a;
    Bench t;

    bench_up(&t, worker, "");
    a = t.d[A];
    sqe = long_read(&t, A, B);
    bm_submit(&t.r[A], &sqe);
    qtest_writew(a->qts, bm_port_slot_control(a, PORT_B), BM_SLOT_OFF);
    check_cut_off(&t, A, B);
    g_assert_cmphex(qpci_config_readl(t.d[B]->pci, PCI_VENDOR_ID), ==,
                    0xffffffff);
    copy(&t, A, true, t.d[B]->mem, false);
    copy(&t, A, true, t.d[D]->mem, true);

    /* A port with all that is below it */
    sqe = long_read(&t, A, E);
    bm_submit(&t.r[A], &sqe);
    qtest_writew(a->qts, bm_port_slot_control(a, PORT_C), BM_SLOT_OFF);
    check_cut_off(&t, A, E);
    copy(&t, A, true, t.d[D]->mem, false);
    bench_down(&t);
}

/* Windows that come and go while a peer is read: cut off, or in time. */
static void test_flapping(const void *worker)
{
    const uint16_t on = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
    struct bm_hw_sqe sqe;
    unsigned i;
    Bench t;

    bench_up(&t, worker, "");
    sqe = long_read(&t, A, B);
    for (i = 0; i < 20; i++) {
        bm_submit(&t.r[A], &sqe);
        command(&t, i % 2 ? PORT_B : ON(4), PCI_COMMAND_MASTER);
        check_cut_off(&t, A, B);
        command(&t, i % 2 ? PORT_B : ON(4), on);
        copy(&t, A, true, t.d[B]->mem, true);
    }
    bench_down(&t);
}

static uint64_t dma_bytes(QTestState *qts, const char *region)
{
    QDict *reply = qtest_qmp(qts, "{ 'execute': 'qom-get', 'arguments': { "
                             "'path': %s, 'property': 'dma-bytes' } }", region);
    uint64_t n = qdict_get_int(reply, "return");

    qobject_unref(reply);
    return n;
}

typedef struct Counts {
    uint64_t ram;           /* counted by QEMU */
    uint64_t b;
    uint64_t mrd[2];        /* by A: requests and bytes; peers' */
    uint64_t mwr[2];
} Counts;

static Counts count(Bench *t)
{
    BmDev *a = t->d[A];

    return (Counts) {
        .ram = dma_bytes(a->qts, "/objects/pc.ram/pc.ram[0]"),
        .b = dma_bytes(a->qts, "/machine/peripheral/B/busmaster.mem[0]"),
        .mrd = { bm_read(a, BM_REG_PEER_MRD_TLPS),
                 bm_read(a, BM_REG_PEER_MRD_BYTES) },
        .mwr = { bm_read(a, BM_REG_PEER_MWR_TLPS),
                 bm_read(a, BM_REG_PEER_MWR_BYTES) },
    };
}

/* The submission, which costs RAM as much as the completion: ours is not in. */
#define RING    (sizeof(struct bm_hw_sqe) + sizeof(struct bm_hw_cqe))

/* @e: what @sqe costs, rings not in it */
static void check_counted(Bench *t, struct bm_hw_sqe sqe, Counts e)
{
    BmDev *a = t->d[A];
    uint64_t written = bm_read(a, BM_REG_MWR_BYTES) +
                       sizeof(struct bm_hw_cqe) + e.mwr[1];
    Counts before, is;
    unsigned i;

    if (sqe.dst.space == BM_SPACE_HOST && !e.mwr[1]) {
        written += LEN;
    }
    bm_push(&t->r[A], &sqe);
    before = count(t);
    bm_doorbell(&t->r[A]);
    bm_wait_reg(a, BM_REG_MWR_BYTES, UINT64_MAX, written);
    is = count(t);
    bm_reap(&t->r[A]);
    bm_ack(&t->r[A], 0);
    g_assert_cmphex(t->r[A].cqe.status, ==, BM_ST_SUCCESS);
    g_assert_cmpuint(is.ram - before.ram, ==, e.ram + RING);
    g_assert_cmpuint(is.b - before.b, ==, e.b);
    for (i = 0; i < 2; i++) {
        g_assert_cmpuint(is.mrd[i] - before.mrd[i], ==, e.mrd[i]);
        g_assert_cmpuint(is.mwr[i] - before.mwr[i], ==, e.mwr[i]);
    }
}

/* By the region that was reached, and apart in the device: of RAM, nothing. */
static void test_counted(const void *worker)
{
    const Counts nothing = { 0 }, to_ram = { .ram = LEN };
    const Counts to_b = { .b = LEN, .mwr = { LEN / 128, LEN } };
    const Counts from_b = { .b = LEN, .mrd = { LEN / 512, LEN } };
    const Counts from_b_to_ram = {
        .ram = LEN, .b = LEN, .mrd = { LEN / 512, LEN },
    };
    const Counts from_far = { .mrd = { LEN / 512, LEN } };
    struct bm_hw_ptr ram, b, here = bm_local(0);
    Bench t;

    bench_up(&t, worker, "");
    ram = bm_host(bm_alloc(t.d[A], LEN));
    b = bm_host(t.d[B]->mem);
    check_counted(&t, bm_cmd(BM_OP_FILL, 4, LEN, bm_none(), here), nothing);
    check_counted(&t, bm_cmd(BM_OP_COPY, 4, LEN, here, ram), to_ram);
    check_counted(&t, bm_cmd(BM_OP_COPY, 4, LEN, ram, here), to_ram);
    check_counted(&t, bm_cmd(BM_OP_COPY, 4, LEN, here, b), to_b);
    check_counted(&t, bm_cmd(BM_OP_COPY, 4, LEN, b, here), from_b);
    check_counted(&t, bm_cmd(BM_OP_COPY, 4, LEN, b, ram), from_b_to_ram);
    /* No switch is between them. */
    check_counted(&t, bm_cmd(BM_OP_COPY, 4, LEN, bm_host(t.d[FAR]->mem), here),
                  from_far);
    bench_down(&t);
}

void bm_add_route_tests(void)
{
    bm_add_both("route/peer", test_peer);
    bm_add("route/miss", test_miss);
    bm_add("route/redirect", test_redirect);
    bm_add("route/nested", test_nested);
    bm_add("route/decoding", test_decoding);
    bm_add("route/reset", test_reset);
    bm_add_both("route/gone", test_gone);
    bm_add_both("route/flapping", test_flapping);
    bm_add_both("route/counted", test_counted);
}
