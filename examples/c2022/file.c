#include "file.h"

#include "vfio.h"

#include <errno.h>

static bool *fd_of(const struct vfio *v, struct process *p, const struct file *f)
{
    return &p->fd[f - v->files];
}

void file_install(struct vfio *v, struct process *p, struct file *f, struct file made)
{
    *f = made;
    f->references = 1;
    *fd_of(v, p, f) = true;
}

void file_put(struct vfio *v, struct file *f)
{
    if (--f->references)
        return;
    vfio_release(v, f);
    *f = (struct file){0};
}

int file_check(const struct vfio *v, const struct process *p, const struct file *f, enum file_kind kind)
{
    if (!p->fd[f - v->files])
        return -EBADF;
    return f->kind == kind ? 0 : -ENOTTY;
}

int file_close(struct vfio *v, struct process *p, struct file *f)
{
    if (!*fd_of(v, p, f))
        return -EBADF;
    *fd_of(v, p, f) = false;
    file_put(v, f);
    return 0;
}

int file_pass(struct vfio *v, struct process *p, struct file *f, struct process *to)
{
    if (!*fd_of(v, p, f))
        return -EBADF;
    if (!*fd_of(v, to, f))
        f->references++;
    *fd_of(v, to, f) = true;
    return 0;
}

int file_fork(struct vfio *v, struct process *p, struct process *child)
{
    for (struct file *f = v->files; f < v->files + MOST; f++) {
        if (!*fd_of(v, p, f))
            continue;
        *fd_of(v, child, f) = true;
        if (!vfio_faulty(v, FORK_UNCOUNTED))
            f->references++;
    }
    return 0;
}

int file_exit(struct vfio *v, struct process *p)
{
    for (struct file *f = v->files; f < v->files + MOST; f++) {
        if (!*fd_of(v, p, f))
            continue;
        *fd_of(v, p, f) = false;
        if (!vfio_faulty(v, EXIT_LEAKS))
            file_put(v, f);
    }
    return 0;
}
