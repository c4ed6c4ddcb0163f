/*
 * busmaster: a fuzzer of the queue: what an input means
 *
 * An input is a device, then steps: it writes memory, rings, takes completions,
 * aborts, drains, and takes memory away, in any order. In the end the queue is
 * drained if it can be, and stopped with its work queued if not.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "walker.h"

/* Enough for all that a queue can hold to be done, if it is small. */
#define MAX_RUNS            64

/* The first byte of a step, and how many follow it. */
typedef enum Step {
    STEP_WRITE,             /* address (2), length, the bytes */
    STEP_TAIL,              /* entries to be added */
    STEP_ACK,               /* completions to be left; arm, if odd */
    STEP_RUN,               /* - */
    STEP_REGISTER,          /* which doorbell, value (4) */
    STEP_ABORT,             /* tag (2) */
    STEP_PAGE,              /* page, mode */
    STEP_CLOCK,             /* microseconds (2) */
    STEP_MODERATION,        /* register (4) */
    STEP_DRAIN,             /* - */
    STEP_STOP,              /* - */
    STEP_ENABLE,            /* - */
    STEP_INJECT,            /* mode, count, argument (8) */
    STEPS
} Step;

typedef struct Input {
    const uint8_t *data;
    size_t left;
} Input;

BmCore core;
BmQueue queue;
static BmWorker worker;

static uint64_t input_take(Input *in, size_t bytes)
{
    uint8_t word[8] = {};
    size_t len = MIN(bytes, in->left);

    memcpy(word, in->data, len);
    in->data += len;
    in->left -= len;
    return ldq_le_p(word);
}

/* What the device asks of the rest of itself, which is not here. */
void bm_irq_raise(BmCore *s, unsigned vector)
{
    g_assert_cmpuint(vector, <=, BM_VECTOR_QUEUE(queue.index));
    if (vector == BM_VECTOR_EVENT) {
        g_assert_true(bm_queue_state(&queue) == BM_QSTATE_HALTED ||
                      bm_queue_state(&queue) == BM_QSTATE_DISABLED);
        account_forget();
    }
}

void bm_irq_flush(BmCore *s)
{
}

void bm_report_error(BmCore *s, bool correctable, uint32_t errors)
{
}

void bm_report_forge(BmCore *s, uint64_t message)
{
}

bool bm_worker_begin(BmWorker *w)
{
    return true;
}

void bm_worker_end(BmWorker *w)
{
}

void bm_bad_write(hwaddr addr, uint64_t value, const char *why)
{
}

Object *bm_core_hold_peer(void *host)
{
    return NULL;
}

void bm_core_leave_peer(Object *peer)
{
}

void bm_fatal(BmCore *s, enum bm_fatal cause)
{
    s->fatal = true;
}

static void stop(void)
{
    bm_queue_stop(&queue);
    account_forget();
}

static void run(void)
{
    aio_bh_poll(worker.ctx);
    timerlistgroup_run_timers(&worker.ctx->tlg);
    if (core.fatal) {
        stop();
    }
}

/* A driver's words, in the registers or in memory. */
static void ring_tail(uint32_t tail)
{
    if (queue.shadow) {
        stl_le_p(ram + SHADOW_BASE, tail);
    }
    bm_doorbell_tail(&queue, tail);
}

static void ring_head(uint32_t head, bool arm)
{
    uint32_t word = head | (arm ? BM_CQ_HEAD_ARM : 0);

    if (queue.shadow) {
        word = head | (queue.shadow_arm + arm) << 16;
        stl_le_p(ram + SHADOW_BASE + 4, word);
    }
    bm_doorbell_head(&queue, word);
}

static void step_write(Input *in)
{
    unsigned addr = input_take(in, 2);
    size_t len = MIN(input_take(in, 1), in->left);

    len = MIN(len, RAM_SIZE - addr);
    memcpy(ram + addr, in->data, len);
    in->data += len;
    in->left -= len;
}

static void step_ack(unsigned arg)
{
    uint32_t mask = (1u << queue.order) - 1;
    uint32_t posted = (queue.cq_tail - queue.cq_head) & mask;

    ring_head((queue.cq_tail - MIN(arg / 2, posted)) & mask, arg & 1);
}

static void step_register(Input *in)
{
    bool head = input_take(in, 1) & 1;
    uint32_t value = input_take(in, 4);

    if (head) {
        bm_doorbell_head(&queue, value);
    } else {
        bm_doorbell_tail(&queue, value);
    }
}

static void step_inject(Input *in)
{
    unsigned mode = input_take(in, 1);

    account_trust(false);
    bm_inject_reg_write(&core, BM_REG_INJECT_COUNT, input_take(in, 1));
    bm_inject_reg_write(&core, BM_REG_INJECT_ARG, input_take(in, 8));
    bm_inject_reg_write(&core, BM_REG_INJECT_ARM,
                        BM_PREP(BM_INJECT_MODE, mode) | BM_INJECT_QUEUE);
}

static void enable(void)
{
    if (!core.fatal && bm_queue_state(&queue) == BM_QSTATE_DISABLED) {
        memset(ram + SHADOW_BASE, 0, sizeof(struct bm_hw_shadow));
        account_reset();
        bm_queue_enable(&queue);
    }
}

static void step(Input *in)
{
    uint32_t mask = (1u << queue.order) - 1;
    uint16_t tag;
    unsigned page;

    switch (input_take(in, 1) % STEPS) {
    case STEP_WRITE:
        step_write(in);
        break;
    case STEP_TAIL:
        ring_tail((queue.sq_tail + input_take(in, 1)) & mask);
        break;
    case STEP_ACK:
        step_ack(input_take(in, 1));
        break;
    case STEP_RUN:
        run();
        break;
    case STEP_REGISTER:
        step_register(in);
        break;
    case STEP_ABORT:
        tag = input_take(in, 2);
        account_abort(tag);
        bm_queue_abort(&queue, tag);
        break;
    case STEP_PAGE:
        page = input_take(in, 1);
        bus_set_page(page, input_take(in, 1) % PAGE_MODES);
        break;
    case STEP_CLOCK:
        bus_clock_step(input_take(in, 2) * SCALE_US);
        break;
    case STEP_MODERATION:
        queue.moderation = input_take(in, 4);
        bm_queue_kick(&queue);
        break;
    case STEP_DRAIN:
        bm_queue_disable(&queue);
        break;
    case STEP_STOP:
        stop();
        break;
    case STEP_ENABLE:
        enable();
        break;
    case STEP_INJECT:
        step_inject(in);
        break;
    }
}

/* With all memory there and all completions taken, a drain comes to an end. */
static void drain(void)
{
    unsigned i;

    for (i = 0; i < RAM_SIZE / RAM_PAGE; i++) {
        bus_set_page(i, PAGE_RAM);
    }
    step_ack(0);
    bm_queue_disable(&queue);
    for (i = 0; bm_queue_state(&queue) == BM_QSTATE_DRAINING; i++) {
        if (i == MAX_RUNS) {
            return;
        }
        step_ack(0);
        run();
    }
    account_check_drained();
}

static void set_up(void)
{
    init_clocks(NULL);
    worker = (BmWorker) { .core = &core, .ctx = aio_context_new(&error_abort) };
    core.bus_as = g_new0(AddressSpace, 1);
    core.workers = &worker;
    core.num_workers = 1;
    core.num_queues = 1;
    core.mem_size = LOCAL_SIZE;
    core.outstanding = BM_MAX_OUTSTANDING;
    core.bus_master = true;
    core.write_faults = true;
    core.mps_shift = 7;
    core.mrrs_shift = 9;
    qemu_mutex_init(&core.fault_lock);
    bm_inject_init(&core);
    bm_queue_init(&queue, &core, 0);
    bm_queue_connect(&queue);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    Input in = { data, size };
    uint8_t kind;

    if (!ready) {
        set_up();
        ready = true;
    }
    kind = input_take(&in, 1);
    core.outstanding = 1 + input_take(&in, 1) % BM_MAX_OUTSTANDING;
    core.inline_bytes = kind & 1 ? 0 : 128 * KiB;
    core.dma_limit = kind & 2 ? RAM_SIZE / 2 - 1 : UINT64_MAX;
    bus_reset(3 + input_take(&in, 1) % 14);
    bm_inject_reset(&core);
    bm_queue_reset(&queue);
    account_trust(true);
    core.fatal = false;
    queue.sq_base = SQ_BASE;
    queue.cq_base = CQ_BASE;
    queue.shadow = kind & 4 ? SHADOW_BASE : 0;
    queue.order = BM_MIN_ORDER + input_take(&in, 1) % 6;
    enable();

    while (in.left) {
        account_run_begin();
        step(&in);
        account_run_end(MAX(BM_RUN_COST, core.inline_bytes));
        bus_check_idle();
    }
    drain();
    stop();
    bus_check_idle();
    return 0;
}
