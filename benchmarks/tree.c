/* The distance to the machine: the same calls on the balanced tree of the C library (tsearch), ranges compared so that
 * those that overlap are equal. Usage: tree RANGES CALLS ROUNDS SAMPLES; prints, for each sample, the seconds by the wall,
 * those of the processor and the work done, of map, unmap, look-up and range query. */
#define _GNU_SOURCE
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PAGE 4096u
#define STEP 2654435761u /* a prime: every place once, in no order */
#define ASKED 16u        /* pages of a range query */

struct range {
	uint64_t first, last;
};

static void *tree;

static int ordered(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->last < y->first ? -1 : x->first > y->last;
}

static uint64_t map(const struct range *r)
{
	struct range *made = malloc(sizeof(*made));
	struct range **found;

	if (!made)
		exit(1);
	*made = *r;
	found = tsearch(made, &tree, ordered);
	if (!found)
		exit(1);
	if (*found == made)
		return 1;
	free(made);
	return 0;
}

static uint64_t unmap(const struct range *r)
{
	struct range **found = tfind(r, &tree, ordered);
	struct range *gone;

	if (!found)
		return 0;
	gone = *found;
	tdelete(r, &tree, ordered);
	free(gone);
	return 1;
}

static uint64_t look_up(const struct range *r)
{
	struct range byte = { r->first, r->first };

	return tfind(&byte, &tree, ordered) != NULL;
}

static uint64_t within(struct range r)
{
	struct range **found = tfind(&r, &tree, ordered);
	struct range at;
	uint64_t more = 1;

	if (!found)
		return 0;
	at = **found;
	if (at.first > r.first)
		more += within((struct range){ r.first, at.first - 1 });
	if (at.last < r.last)
		more += within((struct range){ at.last + 1, r.last });
	return more;
}

static uint64_t query(const struct range *r)
{
	return within((struct range){ r->first, r->first + ASKED * PAGE - 1 });
}

static struct range page(uint64_t number)
{
	return (struct range){ number * PAGE, number * PAGE + PAGE - 1 };
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void all(uint64_t (*call)(const struct range *), uint64_t ranges, uint64_t calls, uint64_t odd, double *told)
{
	double wall = seconds(CLOCK_MONOTONIC), processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t done = 0;

	for (uint64_t i = 0; i < calls; i++) {
		struct range r = page(2 * (i * STEP % ranges) + odd);

		done += call(&r);
	}
	told[0] += seconds(CLOCK_MONOTONIC) - wall;
	told[1] += seconds(CLOCK_PROCESS_CPUTIME_ID) - processor;
	told[2] += (double)done;
}

int main(int words, char **word)
{
	uint64_t ranges, calls, rounds, samples;
	double unused[3] = { 0 };

	if (words != 5)
		return 2;
	ranges = strtoull(word[1], NULL, 10);
	calls = strtoull(word[2], NULL, 10);
	rounds = strtoull(word[3], NULL, 10);
	samples = strtoull(word[4], NULL, 10);
	if (!ranges)
		return 2;
	all(map, ranges, ranges, 0, unused);
	for (uint64_t i = 0; i < samples; i++) {
		double told[4][3] = { 0 };

		for (uint64_t round = 0; round < rounds; round++) {
			all(map, ranges, calls, 1, told[0]);
			all(unmap, ranges, calls, 1, told[1]);
			all(look_up, ranges, calls, 0, told[2]);
			all(query, ranges, calls, 0, told[3]);
		}
		for (int op = 0; op < 4; op++)
			printf("%.9f %.9f %.0f\n", told[op][0], told[op][1], told[op][2]);
	}
	return 0;
}
