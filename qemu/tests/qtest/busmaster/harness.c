/*
 * busmaster qtests: the harness
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "harness.h"

const BmVariant bm_in_main_loop;

#define BM_DEADLINE         (60 * G_USEC_PER_SEC)
#define BM_RAM_START        (16 * MiB)

/* With a ring of its own for each test, all data lie above this. */
#define BM_MSI_DATA         0xb5000000u

void bm_map(BmDev *d)
{
    QPCIDevice *pci = d->pci;

    qpci_config_writel(pci, PCI_BASE_ADDRESS_0, d->regs);
    qpci_config_writel(pci, PCI_BASE_ADDRESS_2, d->mem);
    qpci_config_writel(pci, PCI_BASE_ADDRESS_4, d->msix);
    qpci_config_writew(pci, PCI_COMMAND,
                       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* Find the device at @devfn, and put its BARs into @window. */
void bm_attach(BmDev *d, int devfn, uint64_t window)
{
    uint32_t size;

    d->pci = g_new0(QPCIDevice, 1);
    d->pci->bus = d->bus;
    d->pci->devfn = devfn;
    g_assert_cmphex(qpci_config_readl(d->pci, PCI_VENDOR_ID), ==,
                    BM_PCI_VENDOR_ID | BM_PCI_DEVICE_ID << 16);

    qpci_config_writel(d->pci, PCI_BASE_ADDRESS_2, 0xffffffff);
    size = -(qpci_config_readl(d->pci, PCI_BASE_ADDRESS_2) &
             PCI_BASE_ADDRESS_MEM_MASK);
    d->regs = window;
    d->msix = window + 1 * MiB;
    d->mem = ROUND_UP(window + 2 * MiB, size);
    d->mem_size = size;
    bm_map(d);
}

/* A machine of the test's own making. */
BmDev *bm_new(QTestState *qts)
{
    BmDev *d = g_new0(BmDev, 1);

    d->qts = qts;
    d->bus = qpci_new_pc(qts, NULL);
    d->next = BM_RAM_START;
    return d;
}

/*
 * The options that make the iothreads and the device. Only JSON has arrays. A
 * value in @props is a number, or something else as JSON has it.
 */
char *bm_device(const void *worker, const char *where, const char *props)
{
    const BmVariant *variant = worker;
    const char *otherwise = getenv("BUSMASTER_IOTHREADS");
    g_auto(GStrv) list = g_strsplit(props, ",", 0);
    GString *all = g_string_new("-object iothread,id=io0 "
                                "-object iothread,id=io1 "
                                "-object iothread,id=io2 -device '{");
    unsigned i;

    g_string_append_printf(all, "\"driver\":\"busmaster\",\"id\":\"bm\",%s",
                           where);
    if (variant && variant->iothread) {
        g_string_append_printf(all, ",\"iothread\":\"%s\"",
                               variant->iothread);
    }
    if (variant && variant->iothreads) {
        g_string_append_printf(all, ",\"iothreads\":%s", variant->iothreads);
    }
    if (!variant && otherwise) {
        g_string_append_printf(all, ",\"iothreads\":%s", otherwise);
    }
    for (i = 0; list[i]; i++) {
        g_auto(GStrv) prop = g_strsplit(list[i], "=", 2);
        uint64_t value;

        g_string_append_printf(all, ",\"%s\":", prop[0]);
        if (qemu_strtosz(prop[1], NULL, &value)) {
            g_string_append(all, prop[1]);
        } else {
            g_string_append_printf(all, "%" PRIu64, value);
        }
    }
    g_string_append(all, "}'");
    return g_string_free(all, false);
}

BmDev *bm_start_machine(const char *args, const void *worker,
                        const char *props)
{
    const BmVariant *variant = worker;
    g_autofree char *device = bm_device(worker, "\"addr\":\"04.0\"", props);
    BmDev *d = bm_new(qtest_initf("-M q35 -m 256M -nodefaults %s %s", args,
                                  device));

    d->shadow = variant && variant->shadow;
    bm_attach(d, BM_DEVFN, BM_PCI_WINDOW);
    return d;
}

BmDev *bm_start(const void *worker, const char *props)
{
    BmDev *d = bm_start_machine("", worker, props);

    bm_enable(d);
    return d;
}

void bm_end(BmDev *d)
{
    g_free(d->pci);
    qpci_free_pc(d->bus);
    qtest_quit(d->qts);
    g_free(d);
}

void bm_add_data(const char *name, void (*fn)(const void *), const void *data)
{
    g_autofree char *path = g_strdup_printf("busmaster/%s", name);

    qtest_add_data_func(path, data, fn);
}

void bm_add(const char *name, void (*fn)(const void *))
{
    bm_add_data(name, fn, NULL);
}

void bm_add_inline(const char *name, void (*fn)(const void *))
{
    bm_add_data(name, fn, &bm_in_main_loop);
}

static void bm_add_variant(const char *name, void (*fn)(const void *),
                           const BmVariant *variant)
{
    g_autofree char *path = g_strdup_printf("busmaster/%s/%s", variant->name,
                                            name);

    qtest_add_data_func(path, variant, fn);
}

void bm_add_both(const char *name, void (*fn)(const void *))
{
    static const BmVariant iothread = { "iothread", "io0" };

    bm_add(name, fn);
    bm_add_variant(name, fn, &iothread);
}

void bm_add_all(const char *name, void (*fn)(const void *))
{
    static const BmVariant variants[] = {
        { "shadow", .shadow = true },
        { "shadow-iothread", "io1", .shadow = true },
    };
    unsigned i;

    bm_add_both(name, fn);
    for (i = 0; i < ARRAY_SIZE(variants); i++) {
        bm_add_variant(name, fn, &variants[i]);
    }
}

void bm_add_many(const char *name, void (*fn)(const void *))
{
    static const BmVariant iothreads = {
        "iothreads", .iothreads = "[\"io1\",\"io0\",\"io2\"]",
    };

    bm_add_both(name, fn);
    bm_add_variant(name, fn, &iothreads);
}

uint64_t bm_read(BmDev *d, uint64_t reg)
{
    return qtest_readq(d->qts, d->regs + reg);
}

void bm_write(BmDev *d, uint64_t reg, uint64_t value)
{
    qtest_writeq(d->qts, d->regs + reg, value);
}

void bm_wait_reg(BmDev *d, uint64_t reg, uint64_t mask, uint64_t value)
{
    int64_t deadline = g_get_monotonic_time() + BM_DEADLINE;

    while ((bm_read(d, reg) & mask) != value) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
}

void bm_enable(BmDev *d)
{
    bm_write(d, BM_REG_CTRL, BM_CTRL_ENABLE);
    g_assert_cmphex(bm_read(d, BM_REG_STATUS), ==, BM_STATUS_READY);
}

/* Long enough for whatever is wrongly under way to show. */
void bm_settle(BmDev *d)
{
    unsigned i;

    for (i = 0; i < 5; i++) {
        g_usleep(4000);
        bm_read(d, BM_REG_ID);
    }
}

void bm_master(BmDev *d, bool on)
{
    qpci_config_writew(d->pci, PCI_COMMAND, PCI_COMMAND_MEMORY |
                       (on ? PCI_COMMAND_MASTER : 0));
}

/* @count events of @queue, or BM_INJECT_ALL_QUEUES, are to be hit by @mode. */
void bm_arm(BmDev *d, enum bm_inject mode, uint32_t count, unsigned queue,
            uint64_t arg)
{
    bm_write(d, BM_REG_INJECT_ARG, arg);
    bm_write(d, BM_REG_INJECT_COUNT, count);
    bm_write(d, BM_REG_INJECT_ARM, BM_PREP(BM_INJECT_MODE, mode) |
                                   BM_PREP(BM_INJECT_QUEUE, queue));
}

void bm_assert_armed(BmDev *d, enum bm_inject mode, uint32_t fired,
                     uint32_t left)
{
    uint64_t state = bm_read(d, BM_REG_INJECT_STATE(mode));

    g_assert_cmpuint(BM_GET(BM_INJECT_FIRED, state), ==, fired);
    g_assert_cmpuint(BM_GET(BM_INJECT_LEFT, state), ==, left);
}

uint64_t bm_alloc(BmDev *d, uint64_t size)
{
    uint64_t addr = d->next;

    d->next += ROUND_UP(size, 4 * KiB);
    g_assert_cmphex(d->next, <=, BM_RAM_SIZE);
    return addr;
}

static uint64_t bm_msix_entry(BmDev *d, unsigned vector)
{
    return d->msix + vector * PCI_MSIX_ENTRY_SIZE;
}

/* Messages are memory writes: have them written to memory. */
void bm_msix_setup(BmDev *d, unsigned vectors)
{
    unsigned v;

    d->msi = bm_alloc(d, vectors * 4);
    for (v = 0; v < vectors; v++) {
        uint64_t entry = bm_msix_entry(d, v);

        qtest_writeq(d->qts, entry + PCI_MSIX_ENTRY_LOWER_ADDR,
                     d->msi + v * 4);
        qtest_writel(d->qts, entry + PCI_MSIX_ENTRY_DATA, BM_MSI_DATA | v);
        bm_msix_mask(d, v, false);
        qtest_writel(d->qts, d->msi + v * 4, 0);
    }
    qpci_config_writew(d->pci, BM_MSIX + PCI_MSIX_FLAGS,
                       PCI_MSIX_FLAGS_ENABLE);
}

void bm_msix_mask(BmDev *d, unsigned vector, bool mask)
{
    qtest_writel(d->qts, bm_msix_entry(d, vector) + PCI_MSIX_ENTRY_VECTOR_CTRL,
                 mask ? PCI_MSIX_ENTRY_CTRL_MASKBIT : 0);
}

bool bm_msix_pending(BmDev *d, unsigned vector)
{
    uint32_t pba = qpci_config_readl(d->pci, BM_MSIX + PCI_MSIX_PBA) &
                   ~PCI_MSIX_FLAGS_BIRMASK;

    return qtest_readl(d->qts, d->msix + pba + vector / 32 * 4) &
           (1u << (vector % 32));
}

/* Did @vector's message come since this was asked last? */
bool bm_msix_taken(BmDev *d, unsigned vector)
{
    uint32_t data = qtest_readl(d->qts, d->msi + vector * 4);

    if (!data) {
        return false;
    }
    g_assert_cmphex(data, ==, BM_MSI_DATA | vector);
    qtest_writel(d->qts, d->msi + vector * 4, 0);
    return true;
}

void bm_msix_wait(BmDev *d, unsigned vector)
{
    int64_t deadline = g_get_monotonic_time() + BM_DEADLINE;

    while (!bm_msix_taken(d, vector)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
}

uint64_t bm_ring_reg(BmRing *r, uint64_t reg)
{
    return bm_read(r->d, BM_QUEUE_PAGE(r->q) + reg);
}

void bm_ring_write(BmRing *r, uint64_t reg, uint64_t value)
{
    bm_write(r->d, BM_QUEUE_PAGE(r->q) + reg, value);
}

void bm_ring_wait_state(BmRing *r, enum bm_qstate state)
{
    bm_wait_reg(r->d, BM_QUEUE_PAGE(r->q) + BM_QREG_STATE, BM_QSTATE_STATE,
                BM_PREP(BM_QSTATE_STATE, state));
}

void bm_assert_halted(BmRing *r, enum bm_halt cause)
{
    bm_ring_wait_state(r, BM_QSTATE_HALTED);
    g_assert_cmphex(BM_GET(BM_QSTATE_CAUSE, bm_ring_reg(r, BM_QREG_STATE)), ==,
                    cause);
    g_assert_cmphex(bm_read(r->d, BM_REG_HALTED) & BIT_ULL(r->q), !=, 0);
}

/* (Re)enable a queue whose geometry is known, with clean rings. */
void bm_ring_enable(BmRing *r)
{
    qtest_memset(r->d->qts, r->cq, 0, sizeof(struct bm_hw_cqe) << r->order);
    r->tail = 0;
    r->head = 0;
    r->phase = true;
    if (r->shadow) {
        r->told_tail = 0;
        r->told_head = 0;
        qtest_memset(r->d->qts, r->shadow, 0, sizeof(struct bm_hw_shadow));
        bm_shadow_write(r, offsetof(struct bm_hw_shadow, cq_event),
                        BM_EVENT_NONE);
    }
    bm_ring_write(r, BM_QREG_SQ_BASE, r->sq);
    bm_ring_write(r, BM_QREG_CQ_BASE, r->cq);
    bm_ring_write(r, BM_QREG_ORDER, r->order);
    bm_ring_write(r, BM_QREG_SHADOW, r->shadow);
    bm_ring_write(r, BM_QREG_CTL, BM_QCTL_ENABLE);
}

void bm_ring_init(BmRing *r, BmDev *d, unsigned q, unsigned order)
{
    memset(r, 0, sizeof(*r));
    r->d = d;
    r->q = q;
    r->order = order;
    r->sq = bm_alloc(d, sizeof(struct bm_hw_sqe) << order);
    r->cq = bm_alloc(d, sizeof(struct bm_hw_cqe) << order);
    r->shadow = d->shadow ? bm_alloc(d, sizeof(struct bm_hw_shadow)) : 0;
    bm_ring_enable(r);
    g_assert_cmphex(bm_ring_reg(r, BM_QREG_STATE), ==, BM_QSTATE_RUNNING);
}

/* Write a submission, but do not ring. */
void bm_push(BmRing *r, const struct bm_hw_sqe *sqe)
{
    qtest_memwrite(r->d->qts, r->sq + r->tail * sizeof(*sqe), sqe,
                   sizeof(*sqe));
    r->tail = (r->tail + 1) & ((1u << r->order) - 1);
}

/* @word is the offset of a word in struct bm_hw_shadow. */
void bm_shadow_write(BmRing *r, size_t word, uint32_t value)
{
    qtest_writel(r->d->qts, r->shadow + word, value);
}

uint32_t bm_shadow_read(BmRing *r, size_t word)
{
    return qtest_readl(r->d->qts, r->shadow + word);
}

/* Is it passed by a move from @from to @to? */
bool bm_passes(BmRing *r, uint32_t event, uint32_t from, uint32_t to)
{
    uint32_t mask = (1u << r->order) - 1;

    return event != BM_EVENT_NONE &&
           ((to - event - 1) & mask) < ((to - from) & mask);
}

/*
 * Change one of the driver's words; if that passes the event, write the
 * register: with nonsense, since its value does not count.
 */
static void bm_shadow_ring(BmRing *r, size_t word, uint32_t value,
                           uint32_t *told, size_t event, uint64_t reg)
{
    uint32_t mask = (1u << r->order) - 1;
    uint32_t from = *told;

    *told = value;
    bm_shadow_write(r, word, value);
    if (bm_passes(r, bm_shadow_read(r, event), from & mask, value & mask)) {
        bm_ring_write(r, reg, UINT32_MAX);
    }
}

void bm_doorbell(BmRing *r)
{
    if (!r->shadow) {
        bm_ring_write(r, BM_QREG_SQ_TAIL, r->tail);
        return;
    }
    bm_shadow_ring(r, offsetof(struct bm_hw_shadow, sq_tail), r->tail,
                   &r->told_tail, offsetof(struct bm_hw_shadow, sq_event),
                   BM_QREG_SQ_TAIL);
}

void bm_submit(BmRing *r, const struct bm_hw_sqe *sqe)
{
    bm_push(r, sqe);
    bm_doorbell(r);
}

/* Take the next completion if it is there; the device is not told. */
bool bm_poll(BmRing *r)
{
    struct bm_hw_cqe cqe;
    uint64_t addr = r->cq + r->head * sizeof(cqe);
    uint32_t status = qtest_readl(r->d->qts, addr +
                                  offsetof(struct bm_hw_cqe, status));

    if (!!(status & BM_CQE_PHASE) != r->phase) {
        return false;
    }
    qtest_memread(r->d->qts, addr, &cqe, sizeof(cqe));
    r->cqe = (BmCqe) {
        .info = le64_to_cpu(cqe.info),
        .sq_head = le16_to_cpu(cqe.sq_head),
        .tag = le16_to_cpu(cqe.tag),
        .status = BM_GET(BM_CQE_STATUS, le32_to_cpu(cqe.status)),
    };
    g_assert_cmphex(le32_to_cpu(cqe.status) &
                    ~(BM_CQE_STATUS | BM_CQE_PHASE), ==, 0);
    r->head = (r->head + 1) & ((1u << r->order) - 1);
    r->phase ^= !r->head;
    return true;
}

void bm_reap(BmRing *r)
{
    int64_t deadline = g_get_monotonic_time() + BM_DEADLINE;

    while (!bm_poll(r)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
}

/* @flags: BM_CQ_HEAD_ARM */
void bm_ack_at(BmRing *r, uint32_t head, uint32_t flags)
{
    uint32_t arm = r->told_head & BM_SHADOW_ARM;

    if (!r->shadow) {
        bm_ring_write(r, BM_QREG_CQ_HEAD, head | flags);
        return;
    }
    if (flags) {
        arm += BM_PREP(BM_SHADOW_ARM, 1);
    }
    bm_shadow_ring(r, offsetof(struct bm_hw_shadow, cq_head), head | arm,
                   &r->told_head, offsetof(struct bm_hw_shadow, cq_event),
                   BM_QREG_CQ_HEAD);
}

void bm_ack(BmRing *r, uint32_t flags)
{
    bm_ack_at(r, r->head, flags);
}

/* Submit, wait, acknowledge: returns the status, @r->cqe has the rest. */
unsigned bm_exec(BmRing *r, const struct bm_hw_sqe *sqe)
{
    bm_submit(r, sqe);
    bm_reap(r);
    bm_ack(r, 0);
    g_assert_cmphex(r->cqe.tag, ==, le16_to_cpu(sqe->tag));
    g_assert_cmphex(r->cqe.sq_head, ==, r->tail);
    return r->cqe.status;
}

struct bm_hw_ptr bm_none(void)
{
    return (struct bm_hw_ptr) { .space = BM_SPACE_NONE };
}

struct bm_hw_ptr bm_host(uint64_t addr)
{
    return (struct bm_hw_ptr) {
        .space = BM_SPACE_HOST, .addr = cpu_to_le64(addr),
    };
}

struct bm_hw_ptr bm_local(uint64_t offset)
{
    return (struct bm_hw_ptr) {
        .space = BM_SPACE_LOCAL, .addr = cpu_to_le64(offset),
    };
}

struct bm_hw_ptr bm_sgl(uint64_t addr, uint32_t count)
{
    return (struct bm_hw_ptr) {
        .space = BM_SPACE_HOST_SGL,
        .addr = cpu_to_le64(addr), .count = cpu_to_le32(count),
    };
}

struct bm_hw_sqe bm_cmd(enum bm_op op, uint16_t tag, uint32_t length,
                        struct bm_hw_ptr src, struct bm_hw_ptr dst)
{
    return (struct bm_hw_sqe) {
        .opcode = op,
        .tag = cpu_to_le16(tag),
        .length = cpu_to_le32(length),
        .src = src,
        .dst = dst,
    };
}

void bm_seg(BmDev *d, uint64_t list, unsigned index, uint64_t addr,
            uint32_t length, uint32_t flags)
{
    struct bm_hw_seg seg = {
        .addr = cpu_to_le64(addr),
        .length = cpu_to_le32(length),
        .flags = cpu_to_le32(flags),
    };

    qtest_memwrite(d->qts, list + index * sizeof(seg), &seg, sizeof(seg));
}

/* As much work as one command can be: seconds of it, in RAM alone. */
struct bm_hw_sqe bm_long(BmDev *d, uint16_t tag)
{
    uint64_t list = bm_alloc(d, 4096);
    unsigned i;

    for (i = 0; i < 16; i++) {
        bm_seg(d, list, i, 64 * MiB, 64 * MiB, 0);
    }
    return bm_cmd(BM_OP_CRC32C, tag, 1 * GiB, bm_sgl(list, 16), bm_none());
}

uint8_t *bm_random(size_t len)
{
    uint8_t *data = g_malloc(len);
    size_t i;

    for (i = 0; i < len; i++) {
        data[i] = g_test_rand_int();
    }
    return data;
}

/* Bit by bit: it is to share nothing with what it checks. */
uint32_t bm_crc32c(uint32_t seed, const uint8_t *data, size_t len)
{
    uint32_t crc = ~seed;
    unsigned bit;

    while (len--) {
        crc ^= *data++;
        for (bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }
    return ~crc;
}

static void bm_place_piece(BmPlace *p, uint64_t addr, size_t size)
{
    g_assert_cmpuint(p->pieces, <, ARRAY_SIZE(p->addr));
    p->addr[p->pieces] = addr;
    p->size[p->pieces++] = size;
}

/* Segments that grow, lie in no order, and begin at odd addresses. */
static void bm_place_sgl(BmPlace *p)
{
    BmDev *d = p->d;
    uint64_t list = bm_alloc(d, ARRAY_SIZE(p->addr) *
                                sizeof(struct bm_hw_seg));
    uint64_t area = bm_alloc(d, p->len + 64 * KiB);
    uint64_t end = area + p->len + 64 * KiB;
    size_t left, size = 1;

    for (left = p->len; left; left -= size) {
        size = MIN(left, size * 2 + 1);
        end -= size + 3;
        bm_seg(d, list, p->pieces, end, size, 0);
        bm_place_piece(p, end, size);
    }
    p->ptr = bm_sgl(list, p->pieces);
}

void bm_place(BmPlace *p, BmDev *d, enum bm_space space, size_t len)
{
    static uint64_t offset;
    uint64_t addr;

    memset(p, 0, sizeof(*p));
    p->d = d;
    p->len = len;
    switch (space) {
    case BM_SPACE_NONE:
        break;
    case BM_SPACE_HOST:
        addr = bm_alloc(d, len + 7) + 7;
        p->ptr = bm_host(addr);
        bm_place_piece(p, addr, len);
        break;
    case BM_SPACE_LOCAL:
        /* Anywhere, but not where the last one was. */
        offset = (offset + len + 5) % (d->mem_size - 2 * len);
        p->ptr = bm_local(offset);
        bm_place_piece(p, d->mem + offset, len);
        offset += len;
        break;
    case BM_SPACE_HOST_SGL:
        bm_place_sgl(p);
        break;
    }
}

/* The qtest protocol takes time as the square of a line's length. */
static void bm_mem_access(BmDev *d, uint64_t addr, uint8_t *data, size_t len,
                          bool write)
{
    while (len) {
        size_t n = MIN(len, 16 * KiB);

        if (write) {
            qtest_memwrite(d->qts, addr, data, n);
        } else {
            qtest_memread(d->qts, addr, data, n);
        }
        addr += n;
        data += n;
        len -= n;
    }
}

void bm_place_write(BmPlace *p, const uint8_t *data)
{
    unsigned i;

    for (i = 0; i < p->pieces; i++) {
        bm_mem_access(p->d, p->addr[i], (uint8_t *)data, p->size[i], true);
        data += p->size[i];
    }
}

void bm_place_check(BmPlace *p, const uint8_t *data)
{
    g_autofree uint8_t *seen = g_malloc(p->len);
    uint8_t *at = seen;
    unsigned i;

    for (i = 0; i < p->pieces; i++) {
        bm_mem_access(p->d, p->addr[i], at, p->size[i], false);
        at += p->size[i];
    }
    for (i = 0; i < p->len; i++) {
        if (seen[i] != data[i]) {
            g_test_message("first difference at %u", i);
            g_assert_cmphex(seen[i], ==, data[i]);
        }
    }
}
