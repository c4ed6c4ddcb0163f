/*
 * busmaster: the link, and who may use it
 *
 * A link has two wires. Requests for data, data that is written, completions
 * and messages go up; data that was asked for comes down, the latency of the
 * root complex and of memory later. A TLP of n bytes of data takes
 *
 *   (framing + header + n) x 8 x encoding / (rate x lanes)
 *
 * on its wire. A read is cut into requests by Max_Read_Request_Size, each with
 * a tag, and its data into completions by Max_Payload_Size, as writes are.
 *
 * What is small is sent behind what is on the wire. What is long is cut into
 * shares, and a queue asks before it sends one: the queues that wait get the
 * wire in turn, and so do reads, which may wait for a tag, and writes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "internal.h"
#include "trace.h"

/* Bytes, as PCI Express has them: 3.0 and later, up to 32 GT/s. */
#define BM_TLP_FRAMING      8   /* STP or its like, sequence number, LCRC */
#define BM_TLP_COMPLETION   12  /* header */
#define BM_TLP_REQUEST_32   12  /* header, of an address below 4 GiB */
#define BM_TLP_REQUEST_64   16
#define BM_TLP_GEN6         6   /* by Link Capabilities: FLITs, no framing */

#define BM_SHARE            (4 * KiB)
#define BM_GRANTS           64  /* before others in the main loop have a turn */

/*
 * By the number that Link Capabilities have for it: GT/s, MT/s, and how many
 * bits are sent for how many bits of TLPs.
 */
static const struct {
    const char *name;
    unsigned rate;
    unsigned sent;
    unsigned of;
} bm_speeds[] = {
    [1] = { "2.5", 2500, 10, 8 },
    [2] = { "5", 5000, 10, 8 },
    [3] = { "8", 8000, 130, 128 },
    [4] = { "16", 16000, 130, 128 },
    [5] = { "32", 32000, 130, 128 },
    [6] = { "64", 64000, 256, 236 },    /* a FLIT: the rest is DLP, CRC, FEC */
};

/* The number of a speed that is @name GT/s, or 0. */
unsigned bm_link_speed(const char *name)
{
    unsigned i;

    for (i = 1; i < ARRAY_SIZE(bm_speeds); i++) {
        if (!strcmp(name, bm_speeds[i].name)) {
            return i;
        }
    }
    return 0;
}

/* How long a TLP takes on the wire. */
static int64_t bm_tlp_time(BmTiming *t, unsigned header, unsigned data)
{
    unsigned bytes = header + data;

    if (t->rate < BM_TLP_GEN6) {
        bytes += BM_TLP_FRAMING;
    }
    return bytes * 8ull * 1000 * 1000 * bm_speeds[t->rate].sent *
           t->time_scale /
           ((uint64_t)bm_speeds[t->rate].rate * bm_speeds[t->rate].of *
            t->lanes);
}

static unsigned bm_request_header(uint64_t addr)
{
    return addr >> 32 ? BM_TLP_REQUEST_64 : BM_TLP_REQUEST_32;
}

/* How much of @len bytes at @addr is in the same block of 1 << @shift. */
static uint64_t bm_in_block(uint64_t addr, uint64_t len, unsigned shift)
{
    return MIN(len, BIT_ULL(shift) - (addr & (BIT_ULL(shift) - 1)));
}

/* How long all TLPs of @len bytes at @addr take, each with such a header. */
static int64_t bm_data_time(BmCore *s, unsigned header, uint64_t addr,
                            uint64_t len)
{
    unsigned mps = qatomic_read(&s->mps_shift);
    int64_t time = 0;

    while (len) {
        uint64_t data = bm_in_block(addr, len, mps);

        time += bm_tlp_time(&s->timing, header, data);
        addr += data;
        len -= data;
    }
    return time;
}

/*
 * Send what takes @time, once it is there at @from. Others have been there
 * before @now: what is later than that takes its place on the wire now, so that
 * it is not in the way of those who come and are there.
 */
static int64_t bm_wire_send(BmWire *w, int64_t now, int64_t from, int64_t time)
{
    w->free = bm_time_after(MAX(w->free, MIN(from, now)), time);
    return MAX(w->free, bm_time_after(from, time));
}

/* When @len bytes at @addr are there that are asked for @from. */
int64_t bm_link_read(BmCore *s, int64_t from, uint64_t addr, uint64_t len)
{
    BmTiming *t = &s->timing;
    unsigned mrrs = qatomic_read(&s->mrrs_shift);
    int64_t now, latency, request, asked, answer, done = 0;

    if (!t->on) {
        return 0;
    }
    now = bm_time_now(s);
    latency = bm_time_scaled(t, t->read_latency_ns);
    while (len) {
        uint64_t data = bm_in_block(addr, len, mrrs);
        int64_t *tag = &t->tags[t->next_tag];

        request = bm_tlp_time(t, bm_request_header(addr), 0);
        asked = bm_wire_send(&t->up, now, MAX(from, *tag), request);
        trace_busmaster_link("MRd", addr, data, asked - request, asked);
        answer = bm_data_time(s, BM_TLP_COMPLETION, addr, data);
        done = bm_wire_send(&t->down, bm_time_after(t->up.free, latency),
                            bm_time_after(asked, latency), answer);
        trace_busmaster_link("CplD", addr, data, done - answer, done);
        *tag = done;
        t->next_tag = (t->next_tag + 1) % t->read_tags;
        addr += data;
        len -= data;
    }
    return done;
}

/* Returns when all of @len bytes are gone that are to be written @from. */
int64_t bm_link_write(BmCore *s, int64_t from, uint64_t addr, uint64_t len)
{
    BmTiming *t = &s->timing;
    int64_t time, done;

    if (!t->on) {
        return 0;
    }
    time = bm_data_time(s, bm_request_header(addr), addr, len);
    done = bm_wire_send(&t->up, bm_time_now(s), from, time);
    trace_busmaster_link("MWr", addr, len, done - time, done);
    return done;
}

/* When the next share can be sent. */
static int64_t bm_lane_free(BmTiming *t, BmLane lane)
{
    return lane == BM_LANE_READ ? MAX(t->up.free, t->tags[t->next_tag]) :
                                  t->up.free;
}

/* Use what was granted, once. Returns how many of @all bytes may be sent. */
uint64_t bm_link_take(BmCore *s, BmLane lane, uint64_t all)
{
    BmTiming *t = &s->timing;
    unsigned mrrs = qatomic_read(&s->mrrs_shift);
    uint64_t most = MIN(BM_SHARE >> mrrs, t->read_tags), tags;

    if (!t->on) {
        return all;
    }
    t->granted = NULL;
    if (lane == BM_LANE_WRITE) {
        return MIN(all, BM_SHARE);
    }
    for (tags = 1; tags < most; tags++) {
        if (!bm_time_past(s, t->tags[(t->next_tag + tags) % t->read_tags])) {
            break;
        }
    }
    return MIN(all, tags << mrrs);
}

/* Come back when the first one that waits can be granted what it waits for. */
static void bm_link_call(BmCore *s)
{
    BmTiming *t = &s->timing;
    int64_t first = INT64_MAX;
    BmLane lane;

    for (lane = 0; lane < BM_LANES; lane++) {
        if (!QTAILQ_EMPTY(&t->waiting[lane])) {
            first = MIN(first, bm_lane_free(t, lane));
        }
    }
    if (first < INT64_MAX) {
        bm_call_at(&t->call, bm_time_ns(s, first));
    }
}

/* May @q send a share? If not, it waits in line, and will be called. */
bool bm_link_ask(BmQueue *q, BmLane lane)
{
    BmTiming *t = &q->core->timing;

    if (!t->on || (t->granted == q && t->last == lane)) {
        return true;
    }
    if (!q->in_line[lane]) {
        q->in_line[lane] = true;
        QTAILQ_INSERT_TAIL(&t->waiting[lane], q, line[lane]);
        bm_link_call(q->core);
    }
    return false;
}

static void bm_link_leave(BmQueue *q, BmLane lane)
{
    if (q->in_line[lane]) {
        q->in_line[lane] = false;
        QTAILQ_REMOVE(&q->core->timing.waiting[lane], q, line[lane]);
    }
}

/* Nothing of @q is to be sent any more. */
void bm_link_forget(BmQueue *q)
{
    bm_link_leave(q, BM_LANE_READ);
    bm_link_leave(q, BM_LANE_WRITE);
}

/* Whose turn it is, in a lane that is free: reads and writes alternate. */
static BmQueue *bm_link_next(BmCore *s)
{
    BmTiming *t = &s->timing;
    unsigned i;

    for (i = 1; i <= BM_LANES; i++) {
        BmLane lane = (t->last + i) % BM_LANES;
        BmQueue *q = QTAILQ_FIRST(&t->waiting[lane]);

        if (q && bm_time_past(s, bm_lane_free(t, lane))) {
            t->last = lane;
            bm_link_leave(q, lane);
            return q;
        }
    }
    return NULL;
}

/* The link may be free: grant it to those who wait, one after the other. */
void bm_link_called(void *opaque)
{
    BmCore *s = opaque;
    BmTiming *t = &s->timing;
    unsigned grants = 0;
    BmQueue *q;

    bm_time_look(s);
    while (!s->holds && grants++ < BM_GRANTS && (q = bm_link_next(s))) {
        t->granted = q;
        bm_queue_granted(q);
        t->granted = NULL;
    }
    if (!s->holds) {
        bm_link_call(s);
        bm_irq_flush(s);
    }
}
