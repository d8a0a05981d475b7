/* Open files: shared by processes, counted, and released with the last reference. */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>

enum { MOST = 64 }; /* objects of each kind */

enum file_kind { FILE_CLOSED, FILE_CONTAINER, FILE_GROUP, FILE_DEVICE };

struct vfio;

struct process {
    bool rawio;    /* CAP_SYS_RAWIO */
    bool fd[MOST]; /* by number of the file */
};

struct file {
    enum file_kind kind;
    int references; /* fds, and the devices that keep it open */
    struct container *container;
    struct group *group; /* of a group file: NULL once the last device of the group is gone */
    struct device *device;
};

/* Gives the process a new file, whose release is vfio_release. */
void file_install(struct vfio *v, struct process *p, struct file *f, struct file made);
void file_put(struct vfio *v, struct file *f);

/* 0 where the process has an fd for a file of this kind; else -EBADF or -ENOTTY. */
int file_check(const struct vfio *v, const struct process *p, const struct file *f, enum file_kind kind);

int file_close(struct vfio *v, struct process *p, struct file *f);
int file_pass(struct vfio *v, struct process *p, struct file *f, struct process *to);
int file_fork(struct vfio *v, struct process *p, struct process *child);
int file_exit(struct vfio *v, struct process *p);

#endif
