"""OBJ: no object of an iommufd is used after it went, none that is in use goes, and none is left when all is closed."""

from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import FILE, OBJECT, PROCESS
from tenure.vocabulary.properties import always, at_rest, each_step
from tenure.vocabulary.symbols import before
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, number_of, some


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


@at_rest("OBJ-2", seen.object_at_rest, "iommufd_hwpt_paging_alloc, iommufd_access_change_ioas", obj=OBJECT)
def users_of_an_ioas_are_its_table_hwpts_and_accesses(obj: Term) -> Term:
    """The `users` of an IO address space are one for its table, one for each HWPT and one for each access attached to it."""
    relying = number_of(OBJECT, lambda o: seen.object_ioas[o] == obj) + number_of(
        OBJECT, lambda o: seen.object_attached[o] == obj
    )
    return implies(seen.object_type[obj] == "ioas", seen.object_users[obj] == relying + 1)


@always("OBJ-3", "iommufd_fops_release, exit_files", obj=OBJECT, file=FILE)
def closing_every_fd_frees_every_object_and_file(obj: Term, file: Term) -> Term:
    """With no fd, no release pending and no call in flight, no object of an iommufd and no file is left."""

    def is_let_go(one: Term) -> Term:
        nobody = every(PROCESS, lambda p: no(seen.has_fd[p, one]))
        rests = both(nobody, seen.file_at_rest[one], no(seen.release_pending[one]))
        return either(seen.file_kind[one] == "closed", rests)

    closed = every(FILE, is_let_go)
    return implies(closed, both(no(seen.object_context[obj] == file), seen.file_kind[file] == "closed"))


@always("OBJ-4", "iommufd_fops_release, WARN_ON(!destroyed)", file=FILE)
def an_iommufd_can_always_be_closed(file: Term) -> Term:
    """Where the release of an iommufd is due and objects are left, one of them is in the table and has no user but it."""
    left = some(OBJECT, lambda o: seen.object_context[o] == file)
    leaf = some(
        OBJECT, lambda o: both(seen.object_context[o] == file, seen.object_listed[o], seen.object_users[o] == 1)
    )
    return implies(both(seen.release_pending[file], left), leaf)


@always("OBJ-5", "iommufd_object_remove, EBUSY", obj=OBJECT, file=FILE)
def what_is_relied_on_stays_in_its_table(obj: Term, file: Term) -> Term:
    """The IO address space of a HWPT, what a device is attached to, and the object of a bound file are in a table."""
    relied_on = (seen.object_ioas[obj], seen.object_attached[obj], seen.file_bound[file])
    return both(*(implies(no(is_none(one)), seen.object_listed[one]) for one in relied_on))


@at_rest("OBJ-6", seen.object_at_rest, "iommufd_hw_pagetable_put", obj=OBJECT)
def a_hwpt_made_for_an_ioas_goes_with_its_last_device(obj: Term) -> Term:
    """A HWPT that was made for an IO address space itself has a device that is attached to it."""
    return implies(seen.object_auto[obj], some(OBJECT, lambda o: seen.object_attached[o] == obj))


PROPERTIES = (
    an_object_goes_with_its_last_user_and_is_freed_when_nobody_waits,
    users_of_an_ioas_are_its_table_hwpts_and_accesses,
    closing_every_fd_frees_every_object_and_file,
    an_iommufd_can_always_be_closed,
    what_is_relied_on_stays_in_its_table,
    a_hwpt_made_for_an_ioas_goes_with_its_last_device,
)
