#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 16

static unsigned char memory[1 << 20] __attribute__((aligned(4096)));
static long result[4096];
static struct process { pid_t pid; int channel; } *processes; /* shared: a process may take files from another */

__attribute__((unused)) static void call(int line, const char *what, long number, long a, long b, long c, long d, long e, long f)
{
	long got = syscall(number, a, b, c, d, e, f);

	result[line] = got < 0 ? -errno : got;
	if (what)
		printf("    %-40s %s\n", what, got < 0 ? strerror(errno) : "done");
}

__attribute__((unused)) static void put_address(int offset, long address)
{
	memcpy(memory + offset, &address, sizeof address);
}

/* The int that an earlier call wrote there. */
__attribute__((unused)) static long number_at(int offset)
{
	int number;

	memcpy(&number, memory + offset, sizeof number);
	return number;
}

__attribute__((unused)) static void show(const unsigned char *from, int bytes)
{
	printf("    it wrote back");
	for (int i = 0; i < bytes; i++)
		printf("%s%02x", i % 8 ? "" : " ", from[i]);
	printf("\n");
}

@THREADS@/* What vfio-pci is to have before anything is called. */
static const char *const devices[] = {
@DEVICES@
	NULL
};

static void tell(const char *folder, const char *name, const char *file, const char *text)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s/%s", folder, name, file);
	int to = open(path, O_WRONLY);
	if (to < 0)
		return;
	if (write(to, text, strlen(text)) < 0 && strcmp(file, "driver/unbind"))
		printf("%s: %s: %s\n", path, text, strerror(errno));
	close(to);
}

static void take(const char *device)
{
	tell("/sys/bus/pci/devices", device, "driver/unbind", device);
	tell("/sys/bus/pci/devices", device, "driver_override", "vfio-pci");
	tell("/sys/bus/pci/drivers", "vfio-pci", "bind", device);
}

static void begin(int one);
static void end(int one);

/* What each process does, one after the other. */
@ACTS@
static const struct { int process; void (*run)(void); const char *words; } acts[] = {
@TABLE@
};

static void serve(int channel)
{
	int number;

	dup2(channel, 3);
	syscall(SYS_close_range, 4, ~0U, 0);
	while (read(3, &number, sizeof number) == sizeof number) {
		acts[number].run();
		fflush(stdout);
		if (write(3, &number, sizeof number) != sizeof number)
			break;
	}
	_exit(0);
}

static void end(int one)
{
	if (!processes[one].pid)
		return;
	kill(processes[one].pid, SIGKILL);
	waitpid(processes[one].pid, NULL, 0);
	close(processes[one].channel);
	processes[one].pid = 0;
}

static void begin(int one)
{
	int ends[2];

	end(one);
	fflush(stdout);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
		perror("socketpair");
		exit(1);
	}
	pid_t child = fork();
	if (!child)
		serve(ends[1]);
	close(ends[1]);
	processes[one].pid = child;
	processes[one].channel = ends[0];
}

int main(void)
{
	processes = mmap(NULL, PROCESSES * sizeof *processes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int one = 0; devices[one]; one++)
		take(devices[one]);
	const int every = (int)(sizeof acts / sizeof *acts), again = @AGAIN@;

	/* from `again` on they are made over and over */
	for (int number = 0, round = 1; number < every || round < @ROUNDS@; number++) {
		if (number == every) {
			number = again;
			round++;
		}
		int one = acts[number].process;

		if (acts[number].words)
			printf("%s\n", acts[number].words);
		if (one < 0) {
			acts[number].run();
			continue;
		}
		if (!processes[one].pid)
			begin(one);
		fflush(stdout);
		if (write(processes[one].channel, &number, sizeof number) != sizeof number ||
		    read(processes[one].channel, &number, sizeof number) != sizeof number)
			printf("    process %d is gone\n", one);
	}
	printf("everything is closed\n");
	fflush(stdout);
	for (int one = 0; one < PROCESSES; one++)
		end(one);
	printf("the end\n");
	return 0;
}
