/* VFIO containers and groups, Linux 3.11 to 5.18, written by hand for Spin: the protocol of the system containers-2013.

   One atomic block is one step of a call. A call in flight is a program counter and some locals, all at 0 again when it
   ends; sets are bits. Where the rules look for anybody who still holds an object, this counts references, as the kernel
   does. What leaves every state as it is, is not here: GET_STATUS, and the refusals of calls that are one step. Every
   group is behind an IOMMU, no device is a bridge, the first process may do all, a new object takes the first free name.

   To be given by -D: PROCESSES, THREADS and CONTAINERS (1 or 2), FILES, GROUPS, DEVICES and TABLES (1 to 6; DEVICES a
   multiple of GROUPS); and for each call by its name whether it is made, 1 or 0. */

#define NONE 7
#define bit(x, set) ((set) >> (x) & 1)
#define ANY 255

/* PICK(FILES, x, test, set): any file x for which test(x, set); the step is not taken where there is none. */
#define PICK(n, x, test, set) PICK_(n, x, test, set)
#define PICK_(n, x, test, set) if BELOW_##n(x, test, set) fi
#define BELOW_1(x, test, set) :: test(0, set) -> x = 0
#define BELOW_2(x, test, set) BELOW_1(x, test, set) :: test(1, set) -> x = 1
#define BELOW_3(x, test, set) BELOW_2(x, test, set) :: test(2, set) -> x = 2
#define BELOW_4(x, test, set) BELOW_3(x, test, set) :: test(3, set) -> x = 3
#define BELOW_5(x, test, set) BELOW_4(x, test, set) :: test(4, set) -> x = 4
#define BELOW_6(x, test, set) BELOW_5(x, test, set) :: test(5, set) -> x = 5

#define CONTAINER 0                   /* kinds of file */
#define GROUP 1
#define DEVICE 2

#define CORRUPT_LIST 1                /* harm */
#define FOLLOWED_NULL 2
#define STOPPED_ITSELF 3
#define running (harm < FOLLOWED_NULL)

#define UNBOUND 0                     /* drivers */
#define VFIO 1
#define KERNEL 2
#define STUB 3

byte harm;                            /* what happened last to the kernel */

byte fd[PROCESSES];                   /* the files in the table of the process */
byte files[3];                        /* the files of each kind */
byte behind[FILES] = NONE;            /* what the file stands for: a container; or a group, also for a device's file */
byte device_of[FILES] = NONE;
bool counts[FILES];                   /* a use of the group is owed to the device's file */

byte container[GROUPS] = NONE;
byte attached[GROUPS] = NONE;         /* the table through which its devices translate */
short users[GROUPS];                  /* container_users */
bool opened[GROUPS];
bool placed[GROUPS];                  /* what its owner was told last: it is in a container */
byte members[GROUPS] = DEVICES / GROUPS; /* its registered devices */
byte group_refs[GROUPS];              /* those of its files, and of calls that open one */

short container_refs[CONTAINERS];
byte list[CONTAINERS];                /* its groups */
byte table[CONTAINERS] = NONE;

byte driver[DEVICES] = VFIO;
bool registered[DEVICES] = true;
bool leaving[DEVICES];
byte device_refs[DEVICES];

byte by[THREADS] = NONE;              /* the process whose call it makes */
byte holds[THREADS];                  /* the files that the call keeps, or will make */

hidden byte i;                        /* for the length of a step: no part of a state */

#define open_files (fd[0] | fd[PROCESSES - 1])
#define held_files (holds[0] | holds[THREADS - 1])
#define used_files (open_files | held_files | files[CONTAINER] | files[GROUP] | files[DEVICE])
#define is_file_free (used_files != (1 << FILES) - 1)
#define is_over(f, kind) bit(f, files[kind] & ~(open_files | held_files))
#define has(p, set) (fd[p] & (set))
#define is_quiet(p) (by[0] != p && by[THREADS - 1] != p)
#define group_of(d) ((d) % GROUPS)
#define is_acceptable(d) (driver[d] == UNBOUND || driver[d] == STUB || registered[d] || leaving[d])

inline first_not_in(x, set) { x = 0; do :: bit(x, set) -> x++ :: else -> break od }

inline forget(f, kind) { files[kind] = files[kind] & ~(1 << f); behind[f] = NONE; device_of[f] = NONE }

/* __vfio_group_unset_container: out of whatever container the group is in now. */
inline detach(g) {
  if
  :: container[g] == NONE -> harm = FOLLOWED_NULL
  :: else ->
     i = container[g];
     harm = (bit(g, list[i]) -> harm : CORRUPT_LIST);
     list[i] = list[i] & ~(1 << g);
     table[i] = (list[i] -> table[i] : NONE);
     container_refs[i]--;
     attached[g] = NONE;
     container[g] = NONE
  fi
}

/* Of two idle threads the first makes the next call. */
#define me _pid
#define may_begin (running && (me == 0 || holds[0]))

inline leave() { by[me] = NONE; holds[me] = 0; f = 0; other = 0; g = 0; d = 0; goto idle }

active [THREADS] proctype thread() {
  byte f, other, g, d;
idle:
  if
  :: atomic { open_group && may_begin && is_file_free ->
       PICK(PROCESSES, by[me], bit, ANY);
       PICK(GROUPS, g, bit, ANY);
       if :: members[g] + group_refs[g] == 0 -> leave() :: else -> group_refs[g]++ fi;
       first_not_in(f, used_files);
       holds[me] = 1 << f }
     atomic { running ->
       if :: opened[g] -> group_refs[g]--; leave() :: else -> opened[g] = true fi }
     atomic { running ->
       if
       :: container[g] != NONE -> opened[g] = false; group_refs[g]--
       :: else -> files[GROUP] = files[GROUP] | 1 << f; behind[f] = g; fd[by[me]] = fd[by[me]] | 1 << f
       fi;
       leave() }

  :: atomic { set_container && may_begin && (open_files & files[GROUP]) ->
       PICK(PROCESSES, by[me], has, files[GROUP]);
       PICK(FILES, f, bit, fd[by[me]] & files[GROUP]);
       PICK(FILES, other, bit, ANY);
       g = behind[f];
       if :: users[g] != 0 -> leave() :: else -> holds[me] = 1 << f fi }
     atomic { running ->
       if
       :: bit(other, fd[by[me]] & files[CONTAINER]) -> holds[me] = holds[me] | 1 << other
       :: else -> leave()
       fi }
     atomic { running ->
       i = behind[other];
       if :: table[i] != NONE && attached[g] != NONE -> leave() :: else fi;
       harm = (bit(g, list[0] | list[CONTAINERS - 1]) -> CORRUPT_LIST : harm);
       list[i] = list[i] | 1 << g;
       container[g] = i;
       users[g]++;
       container_refs[i]++;
       attached[g] = table[i];
       placed[g] = true;
       leave() }

  :: atomic { unset_container && may_begin && (open_files & files[GROUP]) ->
       PICK(PROCESSES, by[me], has, files[GROUP]);
       PICK(FILES, f, bit, fd[by[me]] & files[GROUP]);
       g = behind[f];
       if :: users[g] != 1 -> leave() :: else -> users[g] = 0; placed[g] = false; holds[me] = 1 << f fi }
     atomic { running -> detach(g); leave() }

  :: atomic { get_device_fd && may_begin && is_file_free && (open_files & files[GROUP]) ->
       PICK(PROCESSES, by[me], has, files[GROUP]);
       PICK(FILES, f, bit, fd[by[me]] & files[GROUP]);
       PICK(DEVICES, d, bit, ANY);
       g = behind[f];
       if :: users[g] == 0 -> leave() :: else fi;
       first_not_in(other, used_files);
       holds[me] = 1 << f | 1 << other }
     atomic { running ->
       if :: container[g] == NONE -> harm = FOLLOWED_NULL; leave() :: else fi;
       if :: table[container[g]] == NONE -> leave() :: else fi }
     atomic { running ->
       for (i : 0 .. DEVICES - 1) { if :: group_of(i) == g && !is_acceptable(i) -> leave() :: else fi } }
     atomic { running ->
       if :: group_of(d) != g || !registered[d] -> leave() :: else -> device_refs[d]++ fi }
     atomic { running -> files[DEVICE] = files[DEVICE] | 1 << other; behind[other] = g; device_of[other] = d }
     atomic { running -> users[g]++; counts[other] = true }
     atomic { running -> fd[by[me]] = fd[by[me]] | 1 << other; leave() }
  fi;
}

#undef me
#define me (_pid - THREADS)

active [PROCESSES] proctype process() {
  byte f, x, used;
  do
  :: atomic { open_container && running && is_file_free ->
       for (i : 0 .. CONTAINERS - 1) { used = used | (container_refs[i] != 0) << i }
       first_not_in(x, used);
       if
       :: x < CONTAINERS ->
          first_not_in(f, used_files);
          files[CONTAINER] = files[CONTAINER] | 1 << f; behind[f] = x; fd[me] = fd[me] | 1 << f; container_refs[x] = 1
       :: else
       fi;
       f = 0; x = 0; used = 0 }

  :: atomic { set_iommu && running && has(me, files[CONTAINER]) ->
       PICK(FILES, f, bit, fd[me] & files[CONTAINER]);
       used = 1 << table[0] | 1 << table[CONTAINERS - 1];
       for (i : 0 .. GROUPS - 1) {
         used = used | 1 << attached[i];
         x = (attached[i] != NONE && bit(i, list[behind[f]]) -> NONE : x)
       }
       if
       :: list[behind[f]] && table[behind[f]] == NONE && x == 0 ->
          first_not_in(x, used);
          if
          :: x < TABLES ->
             table[behind[f]] = x;
             for (i : 0 .. GROUPS - 1) { attached[i] = (bit(i, list[behind[f]]) -> x : attached[i]) }
          :: else
          fi
       :: else
       fi;
       f = 0; x = 0; used = 0 }

  :: atomic { close && running && fd[me] -> PICK(FILES, f, bit, fd[me]); fd[me] = fd[me] & ~(1 << f); f = 0 }

  :: atomic { pass_file && running && fd[me] ->
       PICK(FILES, f, bit, fd[me]);
       PICK(PROCESSES, x, bit, ANY);
       fd[x] = fd[x] | 1 << f;
       f = 0; x = 0 }

  :: atomic { fork && running && fd[me] ->
       PICK(PROCESSES, x, bit, ANY);
       fd[x] = (fd[x] == 0 && is_quiet(x) -> fd[me] : fd[x]);
       x = 0 }

  :: atomic { exit_process && running && is_quiet(me) -> fd[me] = 0 }
  od
}

#undef me
#define me (_pid - THREADS - PROCESSES)

active [FILES] proctype file() {
idle:
  do
  :: atomic { release_container && running && is_over(me, CONTAINER) ->
       container_refs[behind[me]]--; forget(me, CONTAINER) }

  :: atomic { release_group && running && is_over(me, GROUP) ->
       placed[behind[me]] = false;
       if
       :: users[behind[me]] == 1 -> users[behind[me]] = 0
       :: users[behind[me]] > 1 -> users[behind[me]]--; goto reopen
       :: else -> goto reopen
       fi }
     atomic { running -> detach(behind[me]); if :: !running -> goto idle :: else fi }
reopen:
     atomic { running -> opened[behind[me]] = false }
     atomic { running -> group_refs[behind[me]]--; forget(me, GROUP) }

  :: atomic { release_device && running && is_over(me, DEVICE) ->
       counts[me] = false;
       if
       :: users[behind[me]] == 1 -> users[behind[me]] = 0
       :: users[behind[me]] > 1 -> users[behind[me]]--; goto put
       :: else -> goto put
       fi }
     atomic { running -> detach(behind[me]); if :: !running -> goto idle :: else fi }
put:
     atomic { running -> device_refs[device_of[me]]--; forget(me, DEVICE) }
  od
}

#undef me
#define me (_pid - THREADS - PROCESSES - FILES)

#if bind_driver || unbind_driver
active [DEVICES] proctype device() {
  do
  :: atomic { bind_driver && running && driver[me] == UNBOUND ->
       if
       :: driver[me] = VFIO; registered[me] = true; members[group_of(me)]++
       :: driver[me] = KERNEL
       :: driver[me] = STUB
       fi }
     atomic { running ->
       harm = (users[group_of(me)] > 0 && !is_acceptable(me) -> STOPPED_ITSELF : harm) }

  :: atomic { unbind_driver && running && driver[me] != UNBOUND ->
       if :: driver[me] == VFIO -> leaving[me] = true :: else -> goto unbound fi }
     atomic { running && device_refs[me] == 0 -> registered[me] = false; members[group_of(me)]-- }
     atomic { running && (container[group_of(me)] == NONE || members[group_of(me)]) }
unbound:
     atomic { running -> driver[me] = UNBOUND; leaving[me] = false }
  od
}
#endif
