"""SPAPR: a guest's bus number (LIOBN) is linked to the table of an entry's group, and KVM maps into it by itself."""

from tenure.models.containers import dissolve, mapped, table
from tenure.models.files import fd, kind
from tenure.models.get_put import own_use
from tenure.models.groups import attached, reference
from tenure.models.harm import uses_after_free
from tenure.models.locks import GROUP_REFERENCE
from tenure.models.locks_kvm import KV_LOCK
from tenure.models.vms import file_vm, foreign, listed
from tenure.vocabulary.calls import Steps, call, choosing, done, go, local, number, refuse, requires, step
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.objects import CONTAINER, FILE, GROUP, PAGE, PROCESS, TABLE, THREAD, USER
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import Term, both, every, is_none, no, some
from tenure.vocabulary.types import FLAG, Choice

linked_table = state(
    "linked table", USER, TABLE.maybe, meaning="the table to which a bus number is linked for the entry"
)


def unlinked(entry: Term) -> Assign:
    """The bus number is linked to the table of the entry's group no longer."""
    return linked_table[entry].becomes(None)


def nobody_links(one: Term) -> Term:
    """No bus number is linked to the table."""
    return every(USER, lambda u: no(linked_table[u] == one))


FOUND = Choice("found", ("unlisted", "without table", "linked"))


@call(
    "KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE",
    actor=THREAD,
    source="kvm_vfio_set_group, 4.12-5.18; kvm_spapr_tce_attach_iommu_group",
    process=PROCESS,
    file=FILE,
    other=number(FILE),
)
def set_spapr_tce(process: Term, file: Term, other: Term) -> Steps:
    """Get a group once more, link the guest's bus number to its table if the list has it, and put it."""
    yield requires(fd[process, file], kind[file] == "kvm_vfio")
    vm, target, held = file_vm[file], local("target", FILE.maybe), local("held", GROUP.maybe)
    found = local("found", FOUND)
    yield from own_use(process, other, foreign(vm, process), target, held)

    def is_the_entry(user: Term) -> Term:
        return both(listed[user] == vm, reference[user] == held)

    yield step(
        "link",
        choosing(
            USER,
            lambda u: both(is_the_entry(u), no(is_none(attached[held]))),
            lambda u: go(linked_table[u].becomes(attached[held]), found.becomes("linked")),
        ),
        go(found.becomes("without table"), when=some(USER, is_the_entry)),
        go(found.becomes("unlisted")),
        locks=(KV_LOCK,),
    )
    yield from dissolve(held, "put")
    yield step(
        "put",
        refuse(found == "unlisted", "ENOENT", "the group is not in the list"),
        refuse(found == "without table", "EINVAL", "the group has no table"),
        done(),
        drops=(GROUP_REFERENCE,),
    )


@call("H_PUT_TCE", actor="entry", source="kvmppc_h_put_tce", entry=USER, page=PAGE, to=FLAG)
def h_put_tce(entry: Term, page: Term, to: Term) -> Steps:
    """The guest maps or unmaps a page in the linked table; VFIO is not asked."""
    yield requires(no(is_none(linked_table[entry])))
    reached = linked_table[entry]
    yield step(
        "touch",
        uses_after_free(every(CONTAINER, lambda c: no(table[c] == reached))),
        done(mapped[reached, page].becomes(to)),
    )


CALLS = (set_spapr_tce, h_put_tce)
