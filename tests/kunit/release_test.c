// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: a user's pages: pinned while the device may reach them, no longer,
 * and dirty if it wrote them.
 *
 * A page's lock is what must not be waited for in an interrupt: where a test holds it,
 * what ends all the same has not waited.
 */
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "fake.h"
#include "prepare.h"

#define PAGES 4
#define LENGTH (PAGES * PAGE_SIZE)
#define PATIENCE (20 * HZ)

/**
 * struct owner - memory of a user, and a device that is to reach it
 * @fake: device
 * @rq: its request
 * @addr: where it is, page-aligned
 * @pages: what is there
 * @later: unlocks the first page
 */
struct owner {
	struct fake *fake;
	struct bm_request *rq;
	void __user *addr;
	struct page *pages[PAGES];
	struct timer_list later;
};

static void user_put_pages(void *data)
{
	struct owner *user = data;
	int i;

	for (i = 0; i < PAGES; i++)
		put_page(user->pages[i]);
}

/* Addresses, behind which there is nothing yet. */
static struct owner *user_mmap(struct kunit *test)
{
	struct owner *user = kunit_kzalloc(test, sizeof(*user), GFP_KERNEL);
	unsigned long addr;

	KUNIT_ASSERT_NOT_NULL(test, user);
	user->fake = fake_start(test, 1, 3);
	user->rq = fake_request(user->fake);
	addr = kunit_vm_mmap(test, NULL, 0, LENGTH, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	user->addr = (void __user *)addr;
	return user;
}

/* Fresh pages, all of them clean. */
static struct owner *user_create(struct kunit *test)
{
	struct owner *user = user_mmap(test);
	int i;

	KUNIT_ASSERT_EQ(test, PAGES, get_user_pages_fast((unsigned long)user->addr, PAGES,
							 FOLL_WRITE, user->pages));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, user_put_pages, user));
	for (i = 0; i < PAGES; i++)
		KUNIT_ASSERT_FALSE(test, PageDirty(user->pages[i]));
	return user;
}

static int user_insert_pages(struct owner *user)
{
	unsigned long addr = (unsigned long)user->addr;
	int err = 0, i;

	mmap_write_lock(current->mm);
	for (i = 0; i < PAGES && !err; i++)
		err = vm_insert_page(find_vma(current->mm, addr), addr + i * PAGE_SIZE,
				     user->pages[i]);
	mmap_write_unlock(current->mm);
	return err;
}

/* Pages that follow each other in memory, too; to be read only. */
static struct owner *user_create_in_a_row(struct kunit *test)
{
	struct owner *user = user_mmap(test);
	struct page *page = alloc_pages(GFP_KERNEL, get_order(LENGTH));
	int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	split_page(page, get_order(LENGTH));
	for (i = 0; i < PAGES; i++)
		user->pages[i] = page + i;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, user_put_pages, user));
	KUNIT_ASSERT_EQ(test, 0, user_insert_pages(user));
	return user;
}

static void user_dirty(struct owner *user)
{
	int i;

	for (i = 0; i < PAGES; i++)
		set_page_dirty_lock(user->pages[i]);
}

static unsigned int user_dirty_pages(struct owner *user)
{
	unsigned int n = 0, i;

	for (i = 0; i < PAGES; i++)
		n += PageDirty(user->pages[i]);
	return n;
}

static unsigned int page_pins(struct page *page)
{
	return page_ref_count(page) / GUP_PIN_COUNTING_BIAS;
}

static void expect_pins(struct kunit *test, struct owner *user, unsigned int pins)
{
	int i;

	for (i = 0; i < PAGES; i++)
		KUNIT_EXPECT_EQ(test, page_pins(user->pages[i]), pins);
}

/* Map pieces of the user's memory, which are @length bytes, for one command. */
static void user_map(struct kunit *test, struct bm_request *rq, unsigned int direction,
		     const struct iovec *vec, unsigned int nr, size_t length)
{
	struct bm_hw_ptr ptr;
	struct iov_iter iter;
	struct bm_pins pins;

	iov_iter_init(&iter, direction, vec, nr, length);
	KUNIT_ASSERT_EQ(test, bm_mem_pin(&pins, &iter, BM_CMD_PAGES), length);
	KUNIT_ASSERT_EQ(test, bm_mem_map(rq, &pins, &ptr), 0);
	bm_mem_hand_over(&pins);
	KUNIT_EXPECT_TRUE(test, rq->maps[rq->nr_maps - 1].pinned);
}

static void user_map_all(struct kunit *test, struct owner *user, unsigned int direction)
{
	struct iovec vec = { user->addr, LENGTH };

	user_map(test, user->rq, direction, &vec, 1, LENGTH);
}

/* As in an interrupt: nothing may sleep. */
static void release_atomically(struct bm_request *rq)
{
	guard(irqsave)();

	rq->done = fake_released;
	bm_mem_release(rq);
}

/* Let the request's work do what was left to it; returns whether there was anything. */
static bool let_worker_run(struct bm_request *rq)
{
	return flush_work(&rq->unpin);
}

static void page_is_pinned_while_mapped(struct kunit *test)
{
	struct owner *user = user_create(test);

	expect_pins(test, user, 0);
	user_map_all(test, user, ITER_SOURCE);
	expect_pins(test, user, 1);
	release_atomically(user->rq);
	KUNIT_EXPECT_EQ(test, fake_released_count(user->rq), 1);
	expect_pins(test, user, 0);
	KUNIT_EXPECT_EQ(test, user_dirty_pages(user), 0);
	KUNIT_EXPECT_FALSE(test, let_worker_run(user->rq));
}

struct row_param {
	const char *name;
	size_t length[8];
};

static const struct row_param row_params[] = {
	{ "one piece", { LENGTH } },
	{ "a page each", { PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, PAGE_SIZE } },
	{ "in a page", { 10, 100, 1000, LENGTH - 1110 } },
	{ "across pages", { 10, PAGE_SIZE, 2 * PAGE_SIZE, PAGE_SIZE - 10 } },
	{ "up to a page's end", { 10, PAGE_SIZE - 10, 1, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE } },
};

KUNIT_ARRAY_PARAM_DESC(row, row_params, name);

/* However the memory is cut, it becomes one entry, and that has one pin a page. */
static void adjoining_pieces_keep_one_pin_a_page(struct kunit *test)
{
	const struct row_param *param = test->param_value;
	struct owner *user = user_create_in_a_row(test);
	struct iovec vec[ARRAY_SIZE(param->length)];
	unsigned int n;
	size_t at = 0;

	for (n = 0; at < LENGTH; at += param->length[n++])
		vec[n] = (struct iovec){ user->addr + at, param->length[n] };
	expect_pins(test, user, 0);
	user_map(test, user->rq, ITER_SOURCE, vec, n, LENGTH);
	KUNIT_EXPECT_EQ(test, user->rq->nr_segs, 1);
	expect_pins(test, user, 1);
	release_atomically(user->rq);
	expect_pins(test, user, 0);
}

static void pieces_apart_have_a_pin_each(struct kunit *test)
{
	struct owner *user = user_create(test);
	struct iovec vec[] = { { user->addr, 10 }, { user->addr + 64, 10 } };

	user_map(test, user->rq, ITER_SOURCE, vec, 2, 20);
	KUNIT_EXPECT_EQ(test, user->rq->nr_segs, 2);
	KUNIT_EXPECT_EQ(test, page_pins(user->pages[0]), 2);
	release_atomically(user->rq);
	expect_pins(test, user, 0);
}

/* What is unmapped must still be pinned: the device may write until that has returned. */
static void expect_pinned(struct fake *fake, struct sg_table *sgt)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_sg(sgt, sg, i)
		KUNIT_EXPECT_GT(fake->test, page_pins(sg_page(sg)), 0);
}

/* The caller's memory ends half-way: what there is can be pinned. */
static void memory_is_pinned_up_to_its_end(struct kunit *test)
{
	struct owner *user = user_create(test);
	struct iovec vec[] = { { user->addr, PAGE_SIZE }, { NULL, PAGE_SIZE } };
	struct iov_iter iter;
	struct bm_pins pins;

	iov_iter_init(&iter, ITER_SOURCE, vec, 2, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, bm_mem_pin(&pins, &iter, BM_CMD_PAGES), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&iter), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, page_pins(user->pages[0]), 1);
	bm_mem_unpin(&pins);
	expect_pins(test, user, 0);

	KUNIT_EXPECT_EQ(test, bm_mem_pin(&pins, &iter, BM_CMD_PAGES), -EFAULT);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&iter), PAGE_SIZE);
	expect_pins(test, user, 0);
}

static int map_fails(struct fake *fake)
{
	return -EIO;
}

/* It can be tried again, without waiting for a page once more. */
static void failed_mapping_leaves_the_pins(struct kunit *test)
{
	struct owner *user = user_create(test);
	struct iov_iter iter;
	struct bm_pins pins;
	struct bm_hw_ptr ptr;

	iov_iter_ubuf(&iter, ITER_SOURCE, user->addr, LENGTH);
	KUNIT_ASSERT_EQ(test, bm_mem_pin(&pins, &iter, BM_CMD_PAGES), LENGTH);
	user->fake->on_map = map_fails;
	KUNIT_EXPECT_EQ(test, bm_mem_map(user->rq, &pins, &ptr), -ENOMEM);
	KUNIT_EXPECT_EQ(test, user->rq->nr_maps, 0);
	expect_pins(test, user, 1);
	user->fake->on_map = NULL;
	KUNIT_EXPECT_EQ(test, bm_mem_map(user->rq, &pins, &ptr), 0);
	bm_mem_unmap(user->rq);
	KUNIT_EXPECT_EQ(test, user->rq->nr_maps, 0);
	KUNIT_EXPECT_EQ(test, user->rq->nr_segs, 0);
	expect_pins(test, user, 1);
	bm_mem_unpin(&pins);
	expect_pins(test, user, 0);
}

static bool second_map;

static int second_map_fails(struct fake *fake)
{
	second_map = !second_map;
	return second_map ? 0 : -EIO;
}

/* Of two sides the second cannot be mapped: neither is, and nothing of either is pinned. */
static void command_that_is_not_prepared_leaves_nothing(struct kunit *test)
{
	struct owner *user = user_create(test);
	struct bm_dev *bm = &user->fake->bm;
	struct bm_want want = { .op = BM_OP_COPY, .length = 2 * PAGE_SIZE };
	unsigned int free = user->rq->queue->nr_free;
	int idx;

	want.src.space = BM_SPACE_HOST;
	iov_iter_ubuf(&want.src.iter, ITER_SOURCE, user->addr, 2 * PAGE_SIZE);
	want.dst.space = BM_SPACE_HOST;
	iov_iter_ubuf(&want.dst.iter, ITER_DEST, user->addr + 2 * PAGE_SIZE, 2 * PAGE_SIZE);
	user->fake->on_map = second_map_fails;
	second_map = false;
	user->fake->on_unmap = expect_pinned;
	KUNIT_EXPECT_EQ(test, PTR_ERR(bm_prepare(bm, &want, &idx)), -EAGAIN);
	KUNIT_EXPECT_EQ(test, user->fake->maps, 2);
	KUNIT_EXPECT_EQ(test, want.length, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&want.src.iter), 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, user->rq->queue->nr_free, free);
	KUNIT_EXPECT_EQ(test, atomic_read(&user->fake->users), 0);
	expect_pins(test, user, 0);
}

/* The page's lock is taken: a release that waited for it would never end. */
static void dirty_pages_are_let_go_at_once(struct kunit *test)
{
	struct owner *user = user_create(test);

	user_dirty(user);
	user_map_all(test, user, ITER_DEST);
	lock_page(user->pages[0]);
	release_atomically(user->rq);
	KUNIT_EXPECT_EQ(test, fake_released_count(user->rq), 1);
	expect_pins(test, user, 0);
	unlock_page(user->pages[0]);
	KUNIT_EXPECT_EQ(test, user_dirty_pages(user), PAGES);
	KUNIT_EXPECT_FALSE(test, let_worker_run(user->rq));
}

/* One clean page is enough, and the worker waits for its lock. */
static void clean_pages_are_left_to_the_worker(struct kunit *test)
{
	struct owner *user = user_create(test);
	int i;

	for (i = 0; i < PAGES; i++) {
		user_dirty(user);
		lock_page(user->pages[i]);
		ClearPageDirty(user->pages[i]);
		user_map_all(test, user, ITER_DEST);
		release_atomically(user->rq);
		KUNIT_EXPECT_EQ(test, fake_released_count(user->rq), i);
		KUNIT_EXPECT_EQ(test, page_pins(user->pages[i]), 1);
		unlock_page(user->pages[i]);
		let_worker_run(user->rq);
		KUNIT_EXPECT_EQ(test, fake_released_count(user->rq), i + 1);
		KUNIT_EXPECT_EQ(test, user_dirty_pages(user), PAGES);
		expect_pins(test, user, 0);
	}
}

static void user_unlock(struct timer_list *timer)
{
	struct owner *user = container_of(timer, struct owner, later);

	unlock_page(user->pages[0]);
}

/* A page each, of which the first is locked. */
static void release_three(struct kunit *test, struct owner *user, struct bm_request *rq[3])
{
	int i;

	lock_page(user->pages[0]);
	for (i = 0; i < 3; i++) {
		struct iovec vec = { user->addr + i * PAGE_SIZE, PAGE_SIZE };

		user_map(test, rq[i], ITER_DEST, &vec, 1, PAGE_SIZE);
		release_atomically(rq[i]);
	}
}

/* And the driver's end waits for the worker, which here waits for a lock. */
static void worker_lets_go_of_all_that_wait(struct kunit *test)
{
	struct owner *user = user_create(test);
	struct bm_request *rq[] = { user->rq, fake_request(user->fake), fake_request(user->fake) };
	int i;

	release_three(test, user, rq);
	timer_setup(&user->later, user_unlock, 0);
	mod_timer(&user->later, jiffies + 2);
	bm_queue_flush(user->rq->queue);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, fake_released_count(rq[i]), 1);
	timer_shutdown_sync(&user->later);
	KUNIT_EXPECT_EQ(test, user_dirty_pages(user), 3);
	expect_pins(test, user, 0);
}

/* Somebody holds one's page for ever: that is nobody else's business. */
static void work_that_is_stuck_holds_up_no_other(struct kunit *test)
{
	struct owner *user = user_create(test);
	struct bm_request *rq[] = { user->rq, fake_request(user->fake), fake_request(user->fake) };
	unsigned long end = jiffies + PATIENCE;

	release_three(test, user, rq);
	while (time_before(jiffies, end) &&
	       !(fake_released_count(rq[1]) && fake_released_count(rq[2])))
		usleep_range(500, 1000);
	KUNIT_EXPECT_EQ(test, fake_released_count(rq[0]), 0);
	KUNIT_EXPECT_EQ(test, fake_released_count(rq[1]), 1);
	KUNIT_EXPECT_EQ(test, fake_released_count(rq[2]), 1);
	KUNIT_EXPECT_EQ(test, page_pins(user->pages[0]), 1);
	KUNIT_EXPECT_EQ(test, page_pins(user->pages[1]), 0);
	unlock_page(user->pages[0]);
	let_worker_run(rq[0]);
	KUNIT_EXPECT_EQ(test, fake_released_count(rq[0]), 1);
	expect_pins(test, user, 0);
}

static void unmapped_comes_before_unpinned(struct kunit *test)
{
	struct owner *user = user_create(test);

	user->fake->on_unmap = expect_pinned;
	user_map_all(test, user, ITER_SOURCE);
	release_atomically(user->rq);
	user_map_all(test, user, ITER_DEST);
	release_atomically(user->rq);
	let_worker_run(user->rq);
	user_map_all(test, user, ITER_DEST);
	release_atomically(user->rq);
	KUNIT_EXPECT_EQ(test, fake_released_count(user->rq), 3);
	expect_pins(test, user, 0);
}

static void two_sides_are_let_go_together(struct kunit *test)
{
	struct owner *user = user_create(test);
	struct iovec src = { user->addr, 2 * PAGE_SIZE };
	struct iovec dst = { user->addr + 2 * PAGE_SIZE, 2 * PAGE_SIZE };

	user->fake->on_unmap = expect_pinned;
	user_map(test, user->rq, ITER_SOURCE, &src, 1, src.iov_len);
	user_map(test, user->rq, ITER_DEST, &dst, 1, dst.iov_len);
	expect_pins(test, user, 1);
	release_atomically(user->rq);
	let_worker_run(user->rq);
	KUNIT_EXPECT_EQ(test, fake_released_count(user->rq), 1);
	expect_pins(test, user, 0);
	KUNIT_EXPECT_FALSE(test, PageDirty(user->pages[0]));
	KUNIT_EXPECT_FALSE(test, PageDirty(user->pages[1]));
	KUNIT_EXPECT_TRUE(test, PageDirty(user->pages[2]));
	KUNIT_EXPECT_TRUE(test, PageDirty(user->pages[3]));
}

#ifdef CONFIG_NEED_SG_DMA_FLAGS
/* The IOMMU's code marks entries, and takes no mark off. */
static void mark_of_a_mapping_goes_with_it(struct kunit *test)
{
	struct owner *user = user_create(test);
	struct iovec vec = { user->addr, PAGE_SIZE };

	user_map(test, user->rq, ITER_DEST, &vec, 1, vec.iov_len);
	sg_dma_mark_swiotlb(user->rq->maps[0].sgt.sgl);
	release_atomically(user->rq);
	let_worker_run(user->rq);
	user_map(test, user->rq, ITER_DEST, &vec, 1, vec.iov_len);
	KUNIT_EXPECT_FALSE(test, sg_dma_is_swiotlb(user->rq->maps[0].sgt.sgl));
	release_atomically(user->rq);
	let_worker_run(user->rq);
}
#endif

static struct kunit_case release_cases[] = {
#ifdef CONFIG_NEED_SG_DMA_FLAGS
	KUNIT_CASE(mark_of_a_mapping_goes_with_it),
#endif
	KUNIT_CASE(page_is_pinned_while_mapped),
	KUNIT_CASE_PARAM(adjoining_pieces_keep_one_pin_a_page, row_gen_params),
	KUNIT_CASE(pieces_apart_have_a_pin_each),
	KUNIT_CASE(memory_is_pinned_up_to_its_end),
	KUNIT_CASE(failed_mapping_leaves_the_pins),
	KUNIT_CASE(command_that_is_not_prepared_leaves_nothing),
	KUNIT_CASE(dirty_pages_are_let_go_at_once),
	KUNIT_CASE(clean_pages_are_left_to_the_worker),
	KUNIT_CASE(worker_lets_go_of_all_that_wait),
	KUNIT_CASE(work_that_is_stuck_holds_up_no_other),
	KUNIT_CASE(unmapped_comes_before_unpinned),
	KUNIT_CASE(two_sides_are_let_go_together),
	{}
};

static struct kunit_suite release_suite = {
	.name = "busmaster-release",
	.test_cases = release_cases,
};

kunit_test_suite(release_suite);
