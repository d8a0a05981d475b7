"""OBJ: the objects of an iommufd: none is used after it went, none that is in use goes, and none is left when all is closed."""

from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import FILE, OBJECT, PROCESS
from tenure.vocabulary.properties import always, each_step
from tenure.vocabulary.symbols import before
from tenure.vocabulary.terms import Term, both, every, implies, is_none, no, some


def is_there(obj: Term) -> Term:
    """The object's memory is not freed."""
    return no(is_none(seen.object_context[obj]))


@each_step("OBJ-1", "iommufd_object_remove", obj=OBJECT)
def an_object_goes_with_its_last_user_and_is_freed_when_nobody_waits(obj: Term) -> Term:
    """A step takes an object out of its table only with its last user, and frees it only when `wait_cnt` is zero."""
    leaves = both(before(seen.object_listed[obj]), no(seen.object_listed[obj]))
    goes = both(before(is_there(obj)), no(is_there(obj)))
    return both(
        implies(leaves, seen.object_users[obj] == 0),
        implies(goes, both(seen.object_users[obj] == 0, seen.object_waits[obj] == 0)),
    )


@always("OBJ-3", "iommufd_fops_release, exit_files", obj=OBJECT, file=FILE)
def closing_every_fd_frees_every_object_and_file(obj: Term, file: Term) -> Term:
    """With no fd, no release pending and no call in flight, no object of an iommufd and no file is left."""
    closed = both(
        every(FILE, lambda f: both(every(PROCESS, lambda p: no(seen.has_fd[p, f])), no(seen.release_pending[f]))),
        every(FILE, lambda f: seen.file_at_rest[f]),
    )
    return implies(closed, both(no(seen.object_context[obj] == file), seen.file_kind[file] == "closed"))


@always("OBJ-4", "iommufd_fops_release, WARN_ON(!destroyed)", file=FILE)
def an_iommufd_can_always_be_closed(file: Term) -> Term:
    """Where the release of an iommufd is due and objects are left, one of them is in the table and has no user but it."""
    left = some(OBJECT, lambda o: seen.object_context[o] == file)
    leaf = some(
        OBJECT, lambda o: both(seen.object_context[o] == file, seen.object_listed[o], seen.object_users[o] == 1)
    )
    return implies(both(seen.release_pending[file], left), leaf)


PROPERTIES = (
    an_object_goes_with_its_last_user_and_is_freed_when_nobody_waits,
    closing_every_fd_frees_every_object_and_file,
    an_iommufd_can_always_be_closed,
)
