/*
 * busmaster qtests: the harness
 *
 * A machine with the device in it, rings, commands and places for data: what a
 * driver does, in as few words as possible, and with every number in reach.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_BUSMASTER_HARNESS_H
#define TESTS_QTEST_BUSMASTER_HARNESS_H

#include "hw/dma/busmaster_hw.h"
#include "hw/pci/pci_regs.h"
#include "libqtest.h"
#include "libqos/pci.h"
#include "libqos/pci-pc.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/units.h"

#define BM_RAM_SIZE         (256 * MiB) /* as bm_start() has it */
#define BM_NOWHERE          0xa0000000ull /* neither RAM nor anything else */
#define BM_DEVFN            QPCI_DEVFN(4, 0)
#define BM_PORT             QPCI_DEVFN(5, 0)    /* bm_start_below() has it, */
#define BM_BELOW            (1 << 8)            /* and the device here */
#define BM_PCI_WINDOW       0xe0000000ull       /* its BARs are here */

/* Power off, both indicators off: what is in the slot goes at once. */
#define BM_SLOT_OFF         (PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PWR_IND_OFF | \
                             PCI_EXP_SLTCTL_ATTN_IND_OFF)

#define BM_PM               0x40
#define BM_EXP              0x50
#define BM_MSIX             0x8c
#define BM_AER              0x100

typedef struct BmDev {
    QTestState *qts;
    QPCIBus *bus;
    QPCIDevice *pci;
    uint64_t regs;          /* where the BARs are */
    uint64_t mem;
    uint64_t msix;
    uint64_t mem_size;
    uint64_t next;          /* free RAM */
    uint64_t msi;           /* RAM that takes the messages: a word a vector */
    bool shadow;            /* its rings have shadow doorbells */
} BmDev;

typedef struct BmCqe {
    uint64_t info;
    uint16_t sq_head;
    uint16_t tag;
    uint32_t status;
} BmCqe;

typedef struct BmRing {
    BmDev *d;
    unsigned q;
    unsigned order;
    uint64_t sq;
    uint64_t cq;
    uint32_t tail;
    uint32_t head;
    uint64_t shadow;        /* struct bm_hw_shadow, or 0 */
    uint32_t told_tail;     /* what is in it */
    uint32_t told_head;
    bool phase;
    BmCqe cqe;              /* the last that bm_reap() took */
} BmRing;

/* Somewhere that data can be: in RAM, in device memory, or in pieces. */
typedef struct BmPlace {
    BmDev *d;
    struct bm_hw_ptr ptr;
    size_t len;
    unsigned pieces;
    uint64_t addr[64];      /* as the CPU sees it */
    size_t size[64];
} BmPlace;

/*
 * How a test is run; none at all: in the main loop, with registers, unless the
 * environment's BUSMASTER_IOTHREADS is a list as in @iothreads.
 */
typedef struct BmVariant {
    const char *name;
    const char *iothread;   /* its id */
    const char *iothreads;  /* several, as a JSON array */
    bool shadow;
} BmVariant;

/* In the main loop, whatever the environment says. */
extern const BmVariant bm_in_main_loop;

/*
 * The machine. @worker is a test's data: NULL, or a BmVariant. bm_add_data()
 * registers a test with data of its own, bm_add_inline() one that needs the
 * main loop, bm_add_both() one to run in the main loop and in an iothread,
 * bm_add_all() to run both ways with shadow doorbells as well, bm_add_many() to
 * run in several iothreads as well.
 */
BmDev *bm_start(const void *worker, const char *props);
BmDev *bm_start_machine(const char *args, const void *worker,
                        const char *props);
BmDev *bm_start_below(const char *args, const void *worker,
                      const char *props);
BmDev *bm_new(QTestState *qts);
void bm_open_bridge(BmDev *d, int bridge, uint8_t first, uint8_t last,
                    uint64_t base, uint64_t size);
void bm_open_port(BmDev *d, int port);
uint64_t bm_ecam(BmDev *d, int devfn, unsigned offset);
uint64_t bm_port_slot_control(BmDev *d, int devfn);
uint64_t bm_slot_control(BmDev *d);
void bm_vtd_enable(BmDev *d, uint64_t root);
void bm_assert_unplugged(BmDev *d);
void bm_attach(BmDev *d, int devfn, uint64_t window);
void bm_map(BmDev *d);
void bm_end(BmDev *d);
void bm_add(const char *name, void (*fn)(const void *));
void bm_add_data(const char *name, void (*fn)(const void *), const void *data);
void bm_add_inline(const char *name, void (*fn)(const void *));
void bm_add_both(const char *name, void (*fn)(const void *));
void bm_add_all(const char *name, void (*fn)(const void *));
void bm_add_many(const char *name, void (*fn)(const void *));
char *bm_device(const void *worker, const char *where, const char *props);

/* Registers: 64 bits each, as the contract has them. */
uint64_t bm_read(BmDev *d, uint64_t reg);
void bm_write(BmDev *d, uint64_t reg, uint64_t value);
void bm_wait_reg(BmDev *d, uint64_t reg, uint64_t mask, uint64_t value);
void bm_enable(BmDev *d);
void bm_settle(BmDev *d);
void bm_master(BmDev *d, bool on);

/* Faults */
void bm_arm(BmDev *d, enum bm_inject mode, uint32_t count, unsigned queue,
            uint64_t arg);
void bm_assert_armed(BmDev *d, enum bm_inject mode, uint32_t fired,
                     uint32_t left);

uint64_t bm_alloc(BmDev *d, uint64_t size);

/* Interrupts */
void bm_msix_setup(BmDev *d, unsigned vectors);
void bm_msix_mask(BmDev *d, unsigned vector, bool mask);
bool bm_msix_pending(BmDev *d, unsigned vector);
bool bm_msix_taken(BmDev *d, unsigned vector);
void bm_msix_wait(BmDev *d, unsigned vector);

/* Rings */
void bm_ring_init(BmRing *r, BmDev *d, unsigned q, unsigned order);
void bm_ring_enable(BmRing *r);
uint64_t bm_ring_reg(BmRing *r, uint64_t reg);
void bm_ring_write(BmRing *r, uint64_t reg, uint64_t value);
void bm_ring_wait_state(BmRing *r, enum bm_qstate state);
void bm_assert_halted(BmRing *r, enum bm_halt cause);
void bm_push(BmRing *r, const struct bm_hw_sqe *sqe);
void bm_shadow_write(BmRing *r, size_t word, uint32_t value);
uint32_t bm_shadow_read(BmRing *r, size_t word);
bool bm_passes(BmRing *r, uint32_t event, uint32_t from, uint32_t to);
void bm_doorbell(BmRing *r);
void bm_submit(BmRing *r, const struct bm_hw_sqe *sqe);
bool bm_poll(BmRing *r);
void bm_reap(BmRing *r);
void bm_ack_at(BmRing *r, uint32_t head, uint32_t flags);
void bm_ack(BmRing *r, uint32_t flags);
unsigned bm_exec(BmRing *r, const struct bm_hw_sqe *sqe);

/* Commands */
struct bm_hw_ptr bm_none(void);
struct bm_hw_ptr bm_host(uint64_t addr);
struct bm_hw_ptr bm_local(uint64_t offset);
struct bm_hw_ptr bm_sgl(uint64_t addr, uint32_t count);
struct bm_hw_sqe bm_cmd(enum bm_op op, uint16_t tag, uint32_t length,
                        struct bm_hw_ptr src, struct bm_hw_ptr dst);
struct bm_hw_sqe bm_long(BmDev *d, uint16_t tag);
void bm_seg(BmDev *d, uint64_t list, unsigned index, uint64_t addr,
            uint32_t length, uint32_t flags);

/* Data */
uint8_t *bm_random(size_t len);
uint32_t bm_crc32c(uint32_t seed, const uint8_t *data, size_t len);
void bm_place(BmPlace *p, BmDev *d, enum bm_space space, size_t len);
void bm_place_write(BmPlace *p, const uint8_t *data);
void bm_place_check(BmPlace *p, const uint8_t *data);

/* The tests */
void bm_add_command_tests(void);
void bm_add_sgl_tests(void);
void bm_add_moderation_tests(void);
void bm_add_queue_tests(void);
void bm_add_batch_tests(void);
void bm_add_inline_tests(void);
void bm_add_iothread_tests(void);
void bm_add_irq_tests(void);
void bm_add_fault_tests(void);
void bm_add_bus_tests(void);
void bm_add_reset_tests(void);
void bm_add_route_tests(void);
void bm_add_unplug_tests(void);
void bm_add_iommu_tests(void);
void bm_add_hostile_tests(void);
void bm_add_shadow_tests(void);
void bm_add_inject_tests(void);
void bm_add_lie_tests(void);
void bm_add_migrate_tests(void);
void bm_add_refuse_tests(void);
void bm_add_misbehave_tests(void);
void bm_add_timing_tests(void);
void bm_add_clock_tests(void);
void bm_add_trace_tests(void);

#endif
