#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/* Two calls at once: the second thread is there, sees the word to go, and says so; then both make theirs, one of them after some turns. */
static struct ready { long a[7], turns, got; } second;
static atomic_int stage;
enum { WAITING, GO, GOING, DONE };

static void make(struct ready *one)
{
	for (volatile long i = 0; i < one->turns; i++)
		;
	long got = syscall(one->a[0], one->a[1], one->a[2], one->a[3], one->a[4], one->a[5], one->a[6]);
	one->got = got == -1 ? -errno : got;
}

static void await(int wanted)
{
	while (atomic_load(&stage) != wanted)
		sched_yield();
}

/* Each thread has a processor of its own, where there are two. */
static void stay_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static void *make_second(void *unused)
{
	stay_on(1);
	await(GO);
	atomic_store(&stage, GOING);
	make(&second);
	atomic_store(&stage, DONE);
	return unused;
}

static void both(int line, struct ready first, struct ready other)
{
	pthread_t thread;
	long turns = 1L << random() % 22;

	*(random() % 2 ? &first.turns : &other.turns) = turns;
	stay_on(0);
	second = other;
	atomic_store(&stage, WAITING);
	if (pthread_create(&thread, NULL, make_second, NULL)) {
		perror("pthread_create");
		_exit(1);
	}
	atomic_store(&stage, GO);
	while (atomic_load(&stage) == GO)
		;
	make(&first);
	pthread_join(thread, NULL);
	result[line] = first.got;
	result[line + 1] = second.got;
	printf("%s | ", first.got < 0 ? strerror(-first.got) : "done");
	printf("%s\n", second.got < 0 ? strerror(-second.got) : "done");
}

