// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: memory of others that comes as a dma-buf, may be in use, and may move.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "fake.h"
#include "import.h"

#define DEPTH 3
#define PIECES 3
#define PIECE 0x4000
#define GAP 0x100000 /* between the beginnings of two pieces */
#define HERE 0x1000000
#define THERE 0x7000000

/**
 * struct lender - who exports a dma-buf
 * @buf: it
 * @addr: where it is now
 * @error: what mapping it ends with
 * @blit: when it is mapped next, it is moved to where it then is; which this ends
 * @maps: how often it was mapped
 * @mapped: mappings that there are
 */
struct lender {
	struct dma_buf *buf;
	dma_addr_t addr;
	int error;
	struct dma_fence *blit;
	unsigned int maps;
	unsigned int mapped;
};

static struct sg_table *lender_map(struct dma_buf_attachment *attach, enum dma_data_direction dir)
{
	struct lender *lender = attach->dmabuf->priv;
	struct sg_table *sgt;
	struct scatterlist *sg;
	int i;

	if (lender->error)
		return ERR_PTR(lender->error);
	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt || sg_alloc_table(sgt, PIECES, GFP_KERNEL)) {
		kfree(sgt);
		return ERR_PTR(-ENOMEM);
	}
	for_each_sgtable_dma_sg(sgt, sg, i) {
		sg_dma_address(sg) = lender->addr + i * GAP;
		sg_dma_len(sg) = PIECE;
	}
	if (lender->blit && !dma_resv_reserve_fences(lender->buf->resv, 1))
		dma_resv_add_fence(lender->buf->resv, lender->blit, DMA_RESV_USAGE_KERNEL);
	lender->maps++;
	lender->mapped++;
	return sgt;
}

static void lender_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			 enum dma_data_direction dir)
{
	struct lender *lender = attach->dmabuf->priv;

	lender->mapped--;
	sg_free_table(sgt);
	kfree(sgt);
}

static int lender_pin(struct dma_buf_attachment *attach)
{
	return 0;
}

static void lender_unpin(struct dma_buf_attachment *attach)
{
}

static void lender_release(struct dma_buf *buf)
{
}

static const struct dma_buf_ops lender_ops = {
	.map_dma_buf = lender_map,
	.unmap_dma_buf = lender_unmap,
	.pin = lender_pin,
	.unpin = lender_unpin,
	.release = lender_release,
};

static struct lender *lender_create(struct kunit *test)
{
	struct lender *lender = kunit_kzalloc(test, sizeof(*lender), GFP_KERNEL);
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	KUNIT_ASSERT_NOT_NULL(test, lender);
	lender->addr = HERE;
	info.ops = &lender_ops;
	info.size = PIECES * PIECE;
	info.flags = O_RDWR;
	info.priv = lender;
	lender->buf = dma_buf_export(&info);
	KUNIT_ASSERT_FALSE(test, IS_ERR(lender->buf));
	return lender;
}

static void lender_end(struct kunit *test, struct lender *lender)
{
	KUNIT_EXPECT_EQ(test, lender->mapped, 0);
	dma_buf_put(lender->buf);
}

/* It is somewhere else from now on, as whoever has it mapped is told. */
static void lender_move(struct lender *lender, dma_addr_t addr)
{
	lender->addr = addr;
	dma_resv_lock(lender->buf->resv, NULL);
	dma_buf_invalidate_mappings(lender->buf);
	dma_resv_unlock(lender->buf->resv);
}

static bool lender_in_use(struct lender *lender)
{
	return !dma_resv_test_signaled(lender->buf->resv, DMA_RESV_USAGE_BOOKKEEP);
}

static struct bm_import *borrow(struct kunit *test, struct fake *fake, struct lender *lender,
				enum dma_data_direction dir)
{
	struct bm_import *im;

	get_dma_buf(lender->buf);
	im = bm_import_get(&fake->bm, lender->buf, dir);
	KUNIT_ASSERT_FALSE(test, IS_ERR(im));
	return im;
}

/**
 * struct loan - an operation on a dma-buf
 * @fake: whose operation it is
 * @lender: whose memory
 * @im: the import
 * @rq: a request
 */
struct loan {
	struct fake *fake;
	struct lender *lender;
	struct bm_import *im;
	struct bm_request *rq;
};

static struct loan loan_create(struct kunit *test, struct fake *fake, enum dma_data_direction dir)
{
	struct lender *lender = lender_create(test);

	return (struct loan){
		.fake = fake,
		.lender = lender,
		.im = borrow(test, fake, lender, dir),
		.rq = fake_request(fake),
	};
}

static void loan_end(struct kunit *test, struct loan *l)
{
	bm_request_put(l->rq);
	bm_import_put(l->im);
	lender_end(test, l->lender);
}

/* A part that is in one piece; where it is. */
static int map_at(struct bm_request *rq, struct bm_import *im, u64 offset, u64 *addr)
{
	struct bm_hw_ptr ptr;
	int err;

	memset(&ptr, 0, sizeof(ptr));
	err = bm_import_map(rq, im, offset, 16, &ptr);
	*addr = le64_to_cpu(ptr.addr);
	return err;
}

static void part_is_where_it_is(struct kunit *test)
{
	struct loan l = loan_create(test, fake_start(test, 1, DEPTH), DMA_TO_DEVICE);
	struct bm_hw_ptr ptr;
	u64 addr;

	KUNIT_EXPECT_EQ(test, map_at(l.rq, l.im, PIECE + 100, &addr), 0);
	KUNIT_EXPECT_EQ(test, addr, HERE + GAP + 100);
	KUNIT_EXPECT_EQ(test, l.rq->nr_segs, 1);
	bm_mem_unmap(l.rq);
	KUNIT_EXPECT_EQ(test, bm_import_map(l.rq, l.im, PIECE - 8, PIECE + 16, &ptr), 0);
	KUNIT_EXPECT_EQ(test, l.rq->nr_segs, 3);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(l.rq->sgl.seg[0].addr), HERE + PIECE - 8);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(l.rq->sgl.seg[0].length), 8);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(l.rq->sgl.seg[1].addr), HERE + GAP);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(l.rq->sgl.seg[1].length), PIECE);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(l.rq->sgl.seg[2].addr), HERE + 2 * GAP);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(l.rq->sgl.seg[2].length), 8);
	bm_mem_unmap(l.rq);
	KUNIT_EXPECT_EQ(test, bm_import_map(l.rq, l.im, PIECE, 2 * PIECE + 1, &ptr), -ERANGE);
	KUNIT_EXPECT_EQ(test, l.lender->maps, 1);
	loan_end(test, &l);
}

static void part_of_too_many_pieces_is_refused(struct kunit *test)
{
	struct loan l = loan_create(test, fake_start(test, 1, DEPTH), DMA_TO_DEVICE);
	struct bm_hw_ptr ptr;

	l.fake->bm.cmd_pages = 2;
	KUNIT_EXPECT_EQ(test, bm_import_map(l.rq, l.im, 0, 2 * PIECE + 1, &ptr), -EMSGSIZE);
	KUNIT_EXPECT_FALSE(test, lender_in_use(l.lender));
	KUNIT_EXPECT_EQ(test, bm_import_map(l.rq, l.im, 0, 2 * PIECE, &ptr), 0);
	bm_mem_unmap(l.rq);
	loan_end(test, &l);
}

static void fence_signals_when_the_command_ends(struct kunit *test)
{
	struct loan l = loan_create(test, fake_start(test, 1, DEPTH), DMA_FROM_DEVICE);
	u64 addr;

	KUNIT_EXPECT_EQ(test, map_at(l.rq, l.im, 0, &addr), 0);
	KUNIT_EXPECT_EQ(test, bm_request_submit(l.rq), 0);
	KUNIT_EXPECT_TRUE(test, lender_in_use(l.lender));
	fake_answer(l.rq->queue, fake_fetch_tag(l.rq->queue), BM_ST_SUCCESS, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(l.rq->queue), 1);
	KUNIT_EXPECT_FALSE(test, lender_in_use(l.lender));
	loan_end(test, &l);
}

static void fence_signals_when_the_command_fails(struct kunit *test)
{
	struct loan l = loan_create(test, fake_start(test, 1, DEPTH), DMA_FROM_DEVICE);
	struct dma_fence *fence;
	u64 addr;

	KUNIT_EXPECT_EQ(test, map_at(l.rq, l.im, 0, &addr), 0);
	fence = dma_fence_get(l.rq->fence);
	KUNIT_EXPECT_EQ(test, bm_request_submit(l.rq), 0);
	fake_stop(l.fake);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(fence));
	KUNIT_EXPECT_EQ(test, fence->error, -EIO);
	dma_fence_put(fence);
	loan_end(test, &l);
}

/**
 * struct pair - two operations on one dma-buf
 * @lender: whose it is
 * @reads: the device reads it
 * @writes: the device writes it
 * @one: a request
 * @two: another
 */
struct pair {
	struct lender *lender;
	struct bm_import *reads;
	struct bm_import *writes;
	struct bm_request *one;
	struct bm_request *two;
};

static struct pair pair_create(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct lender *lender = lender_create(test);

	return (struct pair){
		.lender = lender,
		.reads = borrow(test, fake, lender, DMA_TO_DEVICE),
		.writes = borrow(test, fake, lender, DMA_FROM_DEVICE),
		.one = fake_request(fake),
		.two = fake_request(fake),
	};
}

static void pair_end(struct kunit *test, struct pair *p)
{
	bm_request_put(p->one);
	bm_request_put(p->two);
	bm_import_put(p->reads);
	bm_import_put(p->writes);
	lender_end(test, p->lender);
}

static void who_writes_is_alone(struct kunit *test)
{
	struct pair p = pair_create(test);
	u64 addr;

	KUNIT_EXPECT_EQ(test, map_at(p.one, p.reads, 0, &addr), 0);
	KUNIT_EXPECT_EQ(test, map_at(p.two, p.writes, 0, &addr), -EBUSY);
	KUNIT_EXPECT_EQ(test, map_at(p.two, p.reads, 0, &addr), 0);
	bm_mem_unmap(p.one);
	bm_mem_unmap(p.two);
	KUNIT_EXPECT_EQ(test, map_at(p.two, p.writes, 0, &addr), 0);
	KUNIT_EXPECT_EQ(test, map_at(p.one, p.reads, 0, &addr), -EBUSY);
	bm_mem_unmap(p.two);
	pair_end(test, &p);
}

static void lock_is_not_waited_for(struct kunit *test)
{
	struct loan l = loan_create(test, fake_start(test, 1, DEPTH), DMA_TO_DEVICE);
	u64 addr;

	dma_resv_lock(l.lender->buf->resv, NULL);
	KUNIT_EXPECT_EQ(test, map_at(l.rq, l.im, 0, &addr), -EBUSY);
	dma_resv_unlock(l.lender->buf->resv);
	loan_end(test, &l);
}

static const char *blit_name(struct dma_fence *fence)
{
	return "lender";
}

static bool blit_wanted;

/* Some signal only when somebody has asked. */
static bool blit_enable_signaling(struct dma_fence *fence)
{
	blit_wanted = true;
	return true;
}

static const struct dma_fence_ops blit_ops = {
	.get_driver_name = blit_name,
	.get_timeline_name = blit_name,
	.enable_signaling = blit_enable_signaling,
};

/* Its memory is where the device will look, but not yet what it is to find there. */
static void move_by_the_mapping_is_waited_for(struct kunit *test)
{
	struct loan l = loan_create(test, fake_start(test, 1, DEPTH), DMA_TO_DEVICE);
	static DEFINE_SPINLOCK(lock);
	u64 addr;

	l.lender->blit = kzalloc(sizeof(*l.lender->blit), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, l.lender->blit);
	dma_fence_init(l.lender->blit, &blit_ops, &lock, dma_fence_context_alloc(1), 1);
	blit_wanted = false;
	KUNIT_EXPECT_EQ(test, map_at(l.rq, l.im, 0, &addr), -EBUSY);
	KUNIT_EXPECT_TRUE(test, blit_wanted);
	KUNIT_EXPECT_EQ(test, map_at(l.rq, l.im, 0, &addr), -EBUSY);
	dma_fence_signal(l.lender->blit);
	KUNIT_EXPECT_EQ(test, map_at(l.rq, l.im, 0, &addr), 0);
	KUNIT_EXPECT_EQ(test, l.lender->maps, 1);
	bm_mem_unmap(l.rq);
	dma_fence_put(l.lender->blit);
	l.lender->blit = NULL;
	loan_end(test, &l);
}

/* Nor is the mapping kept while that lasts: whoever moves it may wait for the end of all. */
static void mapping_that_was_revoked_is_let_go_of_while_it_moves(struct kunit *test)
{
	struct pair p = pair_create(test);
	u64 addr;

	KUNIT_EXPECT_EQ(test, map_at(p.one, p.reads, 0, &addr), 0);
	bm_mem_unmap(p.one);
	KUNIT_EXPECT_EQ(test, map_at(p.two, p.writes, 0, &addr), 0);
	lender_move(p.lender, THERE);
	KUNIT_EXPECT_EQ(test, map_at(p.one, p.reads, 0, &addr), -EBUSY);
	KUNIT_EXPECT_FALSE(test, bm_import_moved(p.reads));
	bm_mem_unmap(p.two);
	KUNIT_EXPECT_EQ(test, map_at(p.one, p.reads, 0, &addr), 0);
	KUNIT_EXPECT_EQ(test, addr, THERE);
	bm_mem_unmap(p.one);
	pair_end(test, &p);
}

static void mapping_that_was_revoked_is_not_kept(struct kunit *test)
{
	struct loan l = loan_create(test, fake_start(test, 1, DEPTH), DMA_TO_DEVICE);
	u64 addr;

	KUNIT_EXPECT_EQ(test, map_at(l.rq, l.im, 8, &addr), 0);
	bm_mem_unmap(l.rq);
	lender_move(l.lender, THERE);
	KUNIT_EXPECT_TRUE(test, bm_import_moved(l.im));
	KUNIT_EXPECT_EQ(test, map_at(l.rq, l.im, 8, &addr), 0);
	KUNIT_EXPECT_EQ(test, addr, THERE + 8);
	KUNIT_EXPECT_FALSE(test, bm_import_moved(l.im));
	KUNIT_EXPECT_EQ(test, l.lender->mapped, 1);
	bm_mem_unmap(l.rq);
	l.lender->error = -ENODEV;
	lender_move(l.lender, THERE);
	KUNIT_EXPECT_EQ(test, map_at(l.rq, l.im, 8, &addr), -ENODEV);
	KUNIT_EXPECT_EQ(test, l.lender->mapped, 0);
	loan_end(test, &l);
}

static void move_aborts_what_is_in_flight(struct kunit *test)
{
	struct loan l = loan_create(test, fake_start(test, 1, DEPTH), DMA_TO_DEVICE);
	u64 addr;
	u16 tag;

	KUNIT_EXPECT_EQ(test, map_at(l.rq, l.im, 0, &addr), 0);
	KUNIT_EXPECT_EQ(test, bm_request_submit(l.rq), 0);
	tag = fake_fetch_tag(l.rq->queue);
	fake_untouch(l.rq->queue, BM_QREG_ABORT);
	lender_move(l.lender, THERE);
	KUNIT_EXPECT_EQ(test, fake_doorbell(l.rq->queue, BM_QREG_ABORT), tag);
	KUNIT_EXPECT_TRUE(test, lender_in_use(l.lender));
	fake_answer(l.rq->queue, tag, BM_ST_ABORTED, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(l.rq->queue), 1);
	KUNIT_EXPECT_EQ(test, l.rq->error, -ECANCELED);
	KUNIT_EXPECT_FALSE(test, lender_in_use(l.lender));
	loan_end(test, &l);
}

/* Who takes memory back waits for its fences: not for a device that is stopped. */
static void move_ends_what_is_parked(struct kunit *test)
{
	struct loan l = loan_create(test, fake_create(test, 1, DEPTH), DMA_TO_DEVICE);
	u64 addr;

	KUNIT_EXPECT_EQ(test, map_at(l.rq, l.im, 0, &addr), 0);
	KUNIT_EXPECT_EQ(test, bm_request_submit(l.rq), 0);
	KUNIT_EXPECT_TRUE(test, lender_in_use(l.lender));
	lender_move(l.lender, THERE);
	KUNIT_EXPECT_FALSE(test, lender_in_use(l.lender));
	KUNIT_EXPECT_EQ(test, l.rq->error, -ECANCELED);
	loan_end(test, &l);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(part_is_where_it_is),
	KUNIT_CASE(part_of_too_many_pieces_is_refused),
	KUNIT_CASE(fence_signals_when_the_command_ends),
	KUNIT_CASE(fence_signals_when_the_command_fails),
	KUNIT_CASE(who_writes_is_alone),
	KUNIT_CASE(lock_is_not_waited_for),
	KUNIT_CASE(move_by_the_mapping_is_waited_for),
	KUNIT_CASE(mapping_that_was_revoked_is_let_go_of_while_it_moves),
	KUNIT_CASE(mapping_that_was_revoked_is_not_kept),
	KUNIT_CASE(move_aborts_what_is_in_flight),
	KUNIT_CASE(move_ends_what_is_parked),
	{}
};

static struct kunit_suite suite = {
	.name = "busmaster-import",
	.test_cases = cases,
};

kunit_test_suite(suite);
