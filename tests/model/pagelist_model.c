/* SPDX-License-Identifier: MIT */
/* The naive model of the page lists: slow, obvious, and written from the rules alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/model/pagelist_model.h"

const unsigned int model_orders[NR_SIZES] = { 0, 1, 2, 3, 9 };
struct world world;
struct side ideal;
struct model m;

static int size_of_order(unsigned int order)
{
	return order == 9 ? 4 : (int)order;
}

unsigned int order_of_id(int id)
{
	return model_orders[id / NR_BLOCKS];
}

void log_word(struct side *s, int word)
{
	assert_true(s->log.n < LOG_MAX);
	s->log.word[s->log.n++] = word;
}

int zone_get(struct side *s, unsigned int order)
{
	struct queue *q = &s->zone[size_of_order(order)];
	int id;

	if (!q->len)
		return -1;
	id = q->id[q->head];
	q->head = (q->head + 1) % NR_BLOCKS;
	q->len--;
	return id;
}

void zone_put(struct side *s, int id)
{
	struct queue *q = &s->zone[id / NR_BLOCKS];

	assert_true(q->len < NR_BLOCKS);
	q->id[(q->head + q->len++) % NR_BLOCKS] = id;
}

void side_reset(struct side *s)
{
	memset(s, 0, sizeof(*s));
	for (int id = 0; id < NR_IDS; id++)
		zone_put(s, id);
}

static int m_index(unsigned int order, unsigned int migratetype)
{
	if (order == 9)
		return migratetype == 1 ? 13 : 12;
	return (int)(3 * order + migratetype);
}

static int m_times_two(int value, int times)
{
	while (times-- > 0)
		value *= 2;
	return value;
}

static int largest(int a, int b)
{
	return a > b ? a : b;
}

static int smallest(int a, int b)
{
	return a < b ? a : b;
}

/* Into [low, high]. */
static int within(int value, int low, int high)
{
	if (value < low)
		return low;
	if (value > high)
		return high;
	return value;
}

/*
 * Returns n pages to the zone under one hold: the list just freed to from its tail, then the
 * others round-robin.
 */
static void m_bulk(int start, int n)
{
	int list = start;

	if (n > m.count)
		n = m.count;
	if (n <= 0)
		return;
	log_word(&ideal, -2);
	while (n > 0) {
		if (m.len[list] == 0) {
			list = (list + 1) % 14;
			continue;
		}
		int id = m.list[list][--m.len[list]];
		int pages = m_times_two(1, (int)order_of_id(id));

		log_word(&ideal, id);
		zone_put(&ideal, id);
		m.count -= pages;
		n -= pages;
	}
}

static bool m_is_67(void)
{
	return m.policy == PAGELIST_LINUX_6_12 || m.policy == PAGELIST_LINUX_6_18 ||
	       m.policy == PAGELIST_LINUX_7_2;
}

/* nr_pcp_alloc */
static int m_nr_alloc(unsigned int order)
{
	int b, room;

	m.high = within(m.high, m.high_min, m.high_max);
	if (m.policy == PAGELIST_LINUX_6_1)
		return m.batch > 1 ? largest(m.batch / m_times_two(1, (int)order), 2) : m.batch;
	if (m.high < m.batch)
		return 1;
	if (!m_is_67())
		return m.batch > 1 ? largest(m.batch / m_times_two(1, (int)order), 2) : m.batch;

	b = order ? m.batch : m_times_two(m.batch, m.alloc_factor);
	if (m.high_min != m.high_max && !(ideal.hints & PAGELIST_BELOW_HIGH))
		m.high = smallest(m.high + b, m.high_max);
	if (order == 0) {
		room = largest(m.high - m.count - m.batch, m.batch);
		if (b <= room && m.alloc_factor < 5)
			m.alloc_factor++;
		b = smallest(b, room);
	}
	if (b > 1)
		b = largest(b / m_times_two(1, (int)order), 2);
	return b;
}

int model_alloc(unsigned int order, unsigned int migratetype)
{
	int i = m_index(order, migratetype);
	int id;

	m.free_count /= 2;
	m.free_factor /= 2;
	if (m.len[i] == 0) {
		int n = m_nr_alloc(order);
		int got = 0;

		while (got < n && got < world.supply) {
			id = zone_get(&ideal, order);
			if (id < 0)
				break;
			m.list[i][m.len[i]++] = id;
			got++;
		}
		log_word(&ideal, -1);
		log_word(&ideal, n);
		log_word(&ideal, got);
		m.count += got * m_times_two(1, (int)order);
		if (m.len[i] == 0)
			return -1;
	}
	id = m.list[i][0];
	memmove(&m.list[i][0], &m.list[i][1], (size_t)--m.len[i] * sizeof(int));
	m.count -= m_times_two(1, (int)order);
	return id;
}

/* Steps 4 to 6 of a free; returns free_high. */
static bool m_push(int id, unsigned int migratetype)
{
	unsigned int order = order_of_id(id);
	int i = m_index(order, migratetype);
	bool free_high = false;

	m.alloc_factor /= 2;
	memmove(&m.list[i][1], &m.list[i][0], (size_t)m.len[i]++ * sizeof(int));
	m.list[i][0] = id;
	m.count += m_times_two(1, (int)order);

	if (order >= 1 && order <= 3) {
		int enough = m.batch;

		if (m.policy == PAGELIST_LINUX_6_18 || m.policy == PAGELIST_LINUX_7_2)
			enough += m.high_min / 2;
		if (m_is_67())
			free_high = m.free_count >= enough && m.prev_high_order &&
				    (!m.free_high_batch || m.count >= m.batch);
		if (m.policy == PAGELIST_LINUX_6_1)
			free_high = m.free_factor > 0;
		m.prev_high_order = true;
	} else {
		m.prev_high_order = false;
	}
	if (m.free_count < m_times_two(m.batch, 5))
		m.free_count += m_times_two(1, (int)order);
	return free_high;
}

/* nr_pcp_high of 6.7 and later: the limit H. */
static int m_limit_67(bool free_high)
{
	int f = largest(m.free_count, m.batch);
	int h;

	if (m.high == 0)
		return 0;
	if (free_high) {
		m.high = largest(m.high - m_times_two(m.batch, 5), m.high_min);
		return 0;
	}
	if (ideal.hints & PAGELIST_RECLAIM_ACTIVE) {
		m.high = largest(m.high - f, m.high_min);
		return smallest(4 * m.batch, m.high);
	}
	if (m.high_min == m.high_max)
		return m.high;
	if (ideal.hints & PAGELIST_BELOW_HIGH) {
		m.high = largest(m.high - f, m.high_min);
		return largest(m.count, m.high_min);
	}
	h = m.high;
	if (m.count >= m.high) {
		int need = m.free_count + m.batch;

		if (m.high < need)
			m.high = within(need, m.high_min, m.high_max);
	}
	return h;
}

static int m_limit(bool free_high)
{
	m.high = within(m.high, m.high_min, m.high_max);
	if (m_is_67())
		return m_limit_67(free_high);
	if (m.policy == PAGELIST_LINUX_6_1) {
		if (free_high)
			return 0;
		if (ideal.hints & PAGELIST_RECLAIM_ACTIVE)
			return smallest(4 * m.batch, m.high);
	}
	return m.high;
}

/* nr_pcp_free: at least a batch goes, also where leaving a batch is impossible. */
static int m_nr_free(int limit, bool free_high)
{
	int n = m.free_count;

	if (free_high)
		return m.policy == PAGELIST_LINUX_6_1 ?
		       m.count : smallest(m.count, m_times_two(m.batch, 5));
	if (limit < m.batch)
		return 1;
	if (!m_is_67() && m.policy != PAGELIST_LINUX_6_1)
		return m.batch;
	if (m.policy == PAGELIST_LINUX_6_1) {
		n = m_times_two(m.batch, m.free_factor);
		if (n < limit - m.batch && m.free_factor < 5)
			m.free_factor++;
	}
	if (n > limit - m.batch)
		n = limit - m.batch;
	return n < m.batch ? m.batch : n;
}

void model_free(int id, unsigned int migratetype, bool may_spill)
{
	bool free_high = m_push(id, migratetype);
	int limit, n;

	if (!may_spill)
		return;
	limit = m_limit(free_high);
	if (m.count < limit)
		return;
	n = m_nr_free(limit, free_high);
	if (m.policy == PAGELIST_LINUX_7_2) {
		for (; n > 0 && m.count > 0; n -= m.batch)
			m_bulk(m_index(order_of_id(id), migratetype), smallest(n, m.batch));
	} else {
		m_bulk(m_index(order_of_id(id), migratetype), n);
	}
	if (world.clears)
		ideal.hints &= ~PAGELIST_BELOW_HIGH;
}

bool model_decay(void)
{
	bool more = false;
	int excess;

	if (!m_is_67())
		return false;
	if (m.high > m.high_min) {
		int a = m.count - m_times_two(m.batch, 5), b = m.high - m.high / 8;

		m.high = largest(largest(a, b), m.high_min);
		more = m.high > m.high_min;
	}
	for (excess = m.count - m.high; excess > 0; excess -= m.batch) {
		m_bulk(0, smallest(excess, m.batch));
		more = true;
	}
	return more;
}

bool model_expire_tick(bool local)
{
	if (m.expire == 0 || m.count == 0)
		return false;
	if (local) {
		m.expire = 0;
		return false;
	}
	m.expire--;
	if (m.expire == 0)
		m_bulk(0, m.batch);
	return true;
}

void model_drain(int max)
{
	int target = m.count - smallest(max, m.count);

	while (m.count > target)
		m_bulk(0, smallest(m_times_two(m.batch, 5), m.count - target));
}
