/*
 * The agent of a guest: /init of an initramfs. It makes system calls for the host and says what they returned.
 *
 * What a call means is the host's business. The agent is a hub, process 1, which reads frames from a virtio-serial
 * port, and workers, which make the calls: each worker is a process of the host's making, and when it is killed
 * the kernel closes all that it had.
 *
 * A frame is "TARGET BYTES\n" and so many bytes of lines. The reply is "BYTES\n" and so many bytes: a line for a line.
 * TARGET is a worker's number, or "hub".
 *
 * To a worker:  s NR A B C D E F   a system call: the result, or minus the errno. An argument is a number,
 *                                  @OFFSET, a place in the worker's arena, *OFFSET, the int that stands there,
 *                                  or $LINE, what an earlier line returned
 *               w OFFSET HEX       write bytes into the arena: 0
 *               p OFFSET @OTHER    write the address of another place of the arena there: 0
 *               r OFFSET BYTES     read bytes of the arena: HEX
 *               f PATH             the first bytes of a file: HEX, or minus the errno
 *               f PATH WORD        its first line that begins so: HEX, or minus the errno
 *               u LINE OPERATION   do the operation only if that earlier line returned 0 or more; else: -125
 *               b TURNS            make the system calls of the next two lines at once, by two threads, of which the
 *                                  second turns round so often before its own, or, below zero, the first: 0
 * To the hub:   spawn N            a worker of this number: its process id
 *               kill N             end it and wait until it is gone: 0
 *               module PATH ARGS   insert a module: 0, or minus the errno
 *               nop                nothing: 0
 *               off                power off
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST (1 << 20)   /* bytes of a frame or a reply */
#define LINES 4096       /* lines of a frame */
#define WORKERS 16
#define HEAD 64          /* bytes of the first line of a frame or a reply, at most */
#define ARENA (1 << 20)

static char framed[HEAD + MOST + 1], answered[HEAD + MOST];
static char *const frame = framed + HEAD, *const reply = answered + HEAD;
static size_t replied;
static long results[LINES];

static struct { pid_t pid; int channel; } workers[WORKERS];

/* Nobody can be answered: the console is told why, and nobody is kept waiting. */
static void trouble(const char *what)
{
	dprintf(1, "tenure-agent: %s: %s\n", what, strerror(errno));
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* A descriptor that is read in large pieces. */
struct source {
	int from;
	size_t at, have;
	char text[1 << 16];
};

static struct source from_host, from_hub, from_worker;

static void read_from(struct source *one, int from)
{
	one->from = from;
	one->at = one->have = 0;
}

/* What there is, but no more than so many bytes: 0 where the other end is gone. */
static size_t read_some(struct source *one, char *to, size_t bytes)
{
	if (one->at == one->have) {
		ssize_t got;
		do
			got = read(one->from, one->text, sizeof one->text);
		while (got < 0 && errno == EINTR);
		one->at = 0;
		one->have = got > 0 ? (size_t)got : 0;
	}
	if (bytes > one->have - one->at)
		bytes = one->have - one->at;
	memcpy(to, one->text + one->at, bytes);
	one->at += bytes;
	return bytes;
}

static int read_all(struct source *one, char *to, size_t bytes)
{
	while (bytes) {
		size_t got = read_some(one, to, bytes);
		if (!got)
			return -1;
		to += got;
		bytes -= got;
	}
	return 0;
}

/* The first line of a frame or a reply: up to the newline, which is cut off. */
static int read_line(struct source *one, char *to, size_t room)
{
	for (size_t have = 0; have + 1 < room; have++) {
		if (read_all(one, to + have, 1))
			return -1;
		if (to[have] == '\n') {
			to[have] = 0;
			return 0;
		}
	}
	return -1;
}

/* So many bytes with their number before them, in one piece: there is room for it before each text. */
static int write_counted(int to, char *text, size_t bytes)
{
	char head[HEAD];
	size_t length = (size_t)sprintf(head, "%zu\n", bytes);

	memcpy(text - length, head, length);
	for (text -= length, bytes += length; bytes;) {
		ssize_t put = write(to, text, bytes);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return -1;
		text += put;
		bytes -= (size_t)put;
	}
	return 0;
}

static void say(const char *text, size_t bytes)
{
	if (replied + bytes <= MOST) {
		memcpy(reply + replied, text, bytes);
		replied += bytes;
	}
}

static void say_number(long number)
{
	char text[32];

	say(text, (size_t)sprintf(text, "%ld\n", number));
}

static void say_hex(const unsigned char *from, size_t bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes; i++) {
		char two[2] = { digits[from[i] >> 4], digits[from[i] & 15] };
		say(two, 2);
	}
	say("\n", 1);
}

static int digit(char one)
{
	if (one >= '0' && one <= '9')
		return one - '0';
	return one >= 'a' && one <= 'f' ? one - 'a' + 10 : -1;
}

static long argument(char **text, unsigned char *arena, int line)
{
	char *at = *text;
	unsigned long number;
	int there;

	while (*at == ' ')
		at++;
	switch (*at) {
	case '@':
		number = strtoul(at + 1, text, 0);
		return (long)(arena + number % ARENA);
	case '*':
		number = strtoul(at + 1, text, 0);
		memcpy(&there, arena + number % (ARENA - sizeof there), sizeof there);
		return there;
	case '$':
		number = strtoul(at + 1, text, 10);
		return number < (unsigned long)line ? results[number] : -1;
	default:
		return (long)strtoul(at, text, 0);
	}
}

/* A system call that is ready to be made, after so many turns. */
struct ready {
	long a[7], turns, got;
};

static struct ready read_call(char *text, unsigned char *arena, int line)
{
	struct ready one = { 0 };

	for (int i = 0; i < 7; i++)
		one.a[i] = argument(&text, arena, line);
	return one;
}

static void make(struct ready *one)
{
	for (volatile long i = 0; i < one->turns; i++)
		;
	long got = syscall(one->a[0], one->a[1], one->a[2], one->a[3], one->a[4], one->a[5], one->a[6]);
	one->got = got == -1 ? -errno : got;
}

static long make_call(char *text, unsigned char *arena, int line)
{
	struct ready one = read_call(text, arena, line);

	make(&one);
	return one.got;
}

/* The second thread sleeps until it is called, says that it is there, and that it sees the word to go: then both do. */
enum { ASLEEP, CALLED, THERE, GO, GOING };
enum { WAIT_PRIVATE = 128, WAKE_PRIVATE = 129 }; /* of futex(2): not every C library has the kernel's headers */

static struct ready second;
static atomic_int stage;

static void stay_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static void await(int wanted)
{
	for (long i = 0; atomic_load(&stage) != wanted; i++)
		if (i > 100000)
			sched_yield();
}

static void *make_second(void *unused)
{
	(void)unused;
	stay_on(1);
	for (;;) {
		while (atomic_load(&stage) != CALLED)
			syscall(SYS_futex, &stage, WAIT_PRIVATE, ASLEEP, NULL, NULL, 0);
		atomic_store(&stage, THERE);
		await(GO);
		atomic_store(&stage, GOING);
		make(&second);
		atomic_store(&stage, ASLEEP);
	}
	return NULL;
}

static long make_both(long turns, char *texts[2], unsigned char *arena, int line)
{
	static int threads;
	struct ready first = read_call(texts[0], arena, line + 1);
	pthread_t unused;

	if (!threads) {
		stay_on(0);
		if (pthread_create(&unused, NULL, make_second, NULL))
			return -EAGAIN;
		threads = 1;
	}
	second = read_call(texts[1], arena, line + 1);
	first.turns = turns < 0 ? -turns : 0;
	second.turns = turns > 0 ? turns : 0;
	atomic_store(&stage, CALLED);
	syscall(SYS_futex, &stage, WAKE_PRIVATE, 1, NULL, NULL, 0);
	await(THERE);
	atomic_store(&stage, GO);
	while (atomic_load(&stage) == GO)
		;
	make(&first);
	await(ASLEEP);
	results[line + 1] = first.got;
	results[line + 2] = second.got;
	return 0;
}

static long write_arena(char *text, unsigned char *arena)
{
	unsigned long offset = strtoul(text, &text, 0);

	while (*text == ' ')
		text++;
	for (; digit(text[0]) >= 0 && digit(text[1]) >= 0 && offset < ARENA; text += 2)
		arena[offset++] = (unsigned char)(digit(text[0]) << 4 | digit(text[1]));
	return 0;
}

static long write_address(char *text, unsigned char *arena, int line)
{
	unsigned long offset = strtoul(text, &text, 0);
	long address = argument(&text, arena, line);

	if (offset > ARENA - sizeof address)
		return -EFAULT;
	memcpy(arena + offset, &address, sizeof address);
	return 0;
}

static long say_file(char *path)
{
	static unsigned char text[(1 << 16) + 1];
	size_t have = 0;
	char *word = strchr(path, ' ');

	if (word)
		*word++ = 0;
	ssize_t got = 0;
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return -errno;
	while (have < sizeof text - 1 && (got = read(file, text + have, sizeof text - 1 - have)) > 0)
		have += (size_t)got;
	long wrong = got < 0 ? -errno : 0;
	close(file);
	if (wrong)
		return wrong;
	text[have] = 0;
	unsigned char *from = text;
	while (word && strncmp((char *)from, word, strlen(word)))
		if (!(from = (unsigned char *)strchr((char *)from, '\n')) || !*++from)
			return -ENOENT;
	say_hex(from, word ? strcspn((char *)from, "\n") : have);
	return 0;
}

/* One line; what it returned, for later lines to use. */
static long work_line(char *text, unsigned char *arena, int line)
{
	long done = 0;

	switch (text[0]) {
	case 's':
		say_number(done = make_call(text + 1, arena, line));
		break;
	case 'w':
		say_number(done = write_arena(text + 1, arena));
		break;
	case 'p':
		say_number(done = write_address(text + 1, arena, line));
		break;
	case 'r': {
		unsigned long offset = strtoul(text + 1, &text, 0), bytes = strtoul(text, &text, 0);
		if (offset > ARENA || bytes > ARENA - offset)
			bytes = offset = 0;
		say_hex(arena + offset, bytes);
		break;
	}
	case 'f':
		done = say_file(text + 2);
		if (done)
			say_number(done);
		break;
	case 'u': {
		unsigned long earlier = strtoul(text + 1, &text, 10);
		while (*text == ' ')
			text++;
		if (earlier < (unsigned long)line && results[earlier] >= 0)
			return work_line(text, arena, line);
		say_number(done = -ECANCELED);
		break;
	}
	default:
		say_number(done = -ENOSYS);
	}
	return done;
}

static void work(int channel)
{
	unsigned char *arena = mmap((void *)0x100000000, ARENA, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	char head[HEAD];

	read_from(&from_hub, channel);
	while (arena != MAP_FAILED && !read_line(&from_hub, head, sizeof head)) {
		size_t bytes = strtoul(head, NULL, 10);
		if (bytes > MOST || read_all(&from_hub, frame, bytes))
			break;
		frame[bytes] = 0;
		replied = 0;
		int line = 0;
		for (char *at = frame, *end; (end = strchr(at, '\n')) && line < LINES; at = end + 1, line++) {
			*end = 0;
			if (at[0] != 'b') {
				results[line] = work_line(at, arena, line);
				continue;
			}
			char *texts[2], *last = end;
			int many = 0;
			for (; many < 2 && line + 2 < LINES && (end = strchr(last + 1, '\n')); many++, last = end) {
				*end = 0;
				texts[many] = last + 3; /* behind "s " */
			}
			if (many < 2)
				break;
			say_number(make_both(strtol(at + 2, NULL, 10), texts, arena, line));
			say_number(results[line + 1]);
			say_number(results[line + 2]);
			line += 2;
			end = last;
		}
		if (write_counted(channel, reply, replied))
			break;
	}
	_exit(1);
}

static long spawn(unsigned long number)
{
	int ends[2];

	if (number >= WORKERS || workers[number].pid)
		return -EBUSY;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	pid_t child = fork();
	if (child < 0)
		return -errno;
	if (!child) {
		dup2(ends[1], 3);
		syscall(SYS_close_range, 4, ~0U, 0);
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		close(null);
		work(3);
	}
	close(ends[1]);
	workers[number].pid = child;
	workers[number].channel = ends[0];
	return child;
}

static long end_worker(unsigned long number)
{
	if (number >= WORKERS || !workers[number].pid)
		return 0;
	kill(workers[number].pid, SIGKILL);
	while (waitpid(workers[number].pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(workers[number].channel);
	workers[number].pid = 0;
	return 0;
}

static long insert(char *path)
{
	char *arguments = strchr(path, ' ');

	if (arguments)
		*arguments++ = 0;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	long done = syscall(SYS_finit_module, file, arguments ? arguments : "", 0) ? -errno : 0;
	close(file);
	return done;
}

static long hub_line(char *text)
{
	if (!strncmp(text, "spawn ", 6))
		return spawn(strtoul(text + 6, NULL, 10));
	if (!strncmp(text, "kill ", 5))
		return end_worker(strtoul(text + 5, NULL, 10));
	if (!strncmp(text, "module ", 7))
		return insert(text + 7);
	if (!strcmp(text, "nop"))
		return 0;
	if (!strcmp(text, "off"))
		return reboot(RB_POWER_OFF);
	return -ENOSYS;
}

static void work_as_hub(size_t bytes)
{
	frame[bytes] = 0;
	replied = 0;
	for (char *at = frame, *end; (end = strchr(at, '\n')); at = end + 1) {
		*end = 0;
		say_number(hub_line(at));
	}
}

/* A frame for a worker: there, and its reply back. A worker that is gone is answered for with nothing. */
static void pass_on(unsigned long number, size_t bytes)
{
	char head[HEAD];
	int channel = number < WORKERS && workers[number].pid ? workers[number].channel : -1;

	replied = 0;
	read_from(&from_worker, channel);
	if (channel < 0 || write_counted(channel, frame, bytes) || read_line(&from_worker, head, sizeof head))
		return;
	size_t said = strtoul(head, NULL, 10);
	if (said <= MOST && !read_all(&from_worker, reply, said))
		replied = said;
}

static int port(void)
{
	char path[64];

	for (int tries = 0; tries < 600; tries++) {
		for (int number = 0; number < 8; number++) {
			sprintf(path, "/dev/vport%dp1", number);
			int found = open(path, O_RDWR | O_CLOEXEC);
			if (found >= 0)
				return found;
		}
		usleep(50000);
	}
	return -1;
}

/* Modules that the port itself needs are in /early, in their order by name. */
static void insert_early(void)
{
	struct dirent **names;
	int many = scandir("/early", &names, NULL, alphasort);

	for (int i = 0; i < many; i++) {
		char path[512];
		if (names[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/early/%s", names[i]->d_name);
		long done = insert(path);
		if (done && done != -EEXIST)
			dprintf(1, "tenure-agent: %s: %s\n", path, strerror((int)-done));
	}
}

int main(void)
{
	char head[HEAD];

	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	int console = open("/dev/console", O_RDWR);
	for (int i = 0; console >= 0 && i < 3; i++)
		dup2(console, i);
	if (console > 2)
		close(console);
	signal(SIGPIPE, SIG_IGN);
	insert_early();
	int host = port();
	if (host < 0)
		trouble("there is no virtio-serial port");
	if (write(host, "tenure 1\n", 9) != 9)
		trouble("the port takes nothing");
	read_from(&from_host, host);
	while (!read_line(&from_host, head, sizeof head)) {
		char *rest = strchr(head, ' ');
		size_t bytes = rest ? strtoul(rest, NULL, 10) : 0;
		if (!rest || bytes > MOST || read_all(&from_host, frame, bytes))
			break;
		if (!strncmp(head, "hub ", 4))
			work_as_hub(bytes);
		else
			pass_on(strtoul(head, NULL, 10), bytes);
		if (write_counted(host, reply, replied))
			break;
	}
	/* The host is gone, however it ended: nothing of it is to stay. */
	trouble("the host is gone");
}
