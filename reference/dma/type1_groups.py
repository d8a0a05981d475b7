"""Groups come to a type1 container and leave it: apertures, reserved regions, and mappings replayed into new domains."""

from __future__ import annotations

from contextlib import ExitStack

from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.type1_memory import Memory
from tenure.reference.dma.type1_state import Container, Dma, Domain, Group


def attach(container: Container, memory: Memory, group: Group, *, unsafe_interrupts: bool) -> Errno | None:
    """Let a group's devices see what is mapped; where anything fails, everything is as before."""
    if container.has_invalid():
        return Errno.EBUSY
    if group in container.groups():
        return Errno.EINVAL
    container.faults.step(Errno.ENOMEM)
    if group.emulated:
        container.emulated.append(group)
        return None
    container.faults.step(Errno.ENOMEM)
    if group.refused is not None:
        return group.refused
    with ExitStack() as undo:
        before = container.reach(container.groups())
        after = container.reach([*container.groups(), group])
        if not after or container.space.set_valid(after) is not None:
            return Errno.EINVAL
        undo.callback(container.space.set_valid, before)
        if not (group.isolates_interrupts or unsafe_interrupts):
            return Errno.EPERM
        _join(container, memory, group)
        undo.pop_all()
    return None


def _join(container: Container, memory: Memory, group: Group) -> None:
    """Share the domain of an IOMMU alike, or replay every mapping into a new one."""
    for domain in container.domains:
        if domain.iommu == group.iommu:
            container.faults.step(Errno.ENOMEM)
            domain.groups.append(group)
            return
    domain = Domain(group.iommu, container.bounds)
    with ExitStack() as undo:
        for dma in container.dmas.values():
            _replay(container, memory, dma, domain, undo)
        undo.pop_all()
    domain.groups.append(group)
    container.domains.append(domain)


def _replay(container: Container, memory: Memory, dma: Dma, domain: Domain, undo: ExitStack) -> None:
    """Have a new domain translate one mapping: pinned for the first domain, and for no other again."""
    pinned = bool(container.domains)
    for piece in tuple(dma.runs) if pinned else dma.process.runs(dma.mapping()):
        if not pinned:
            memory.pin(piece)
            undo.callback(memory.unpin, piece)
        memory.translate(domain, piece)


def detach(container: Container, memory: Memory, group: Group) -> None:
    """Take a group out; where no IOMMU is left to translate, nothing stays pinned but what devices pin themselves."""
    if group in container.emulated:
        container.emulated.remove(group)
    for domain in [domain for domain in container.domains if group in domain.groups]:
        domain.groups.remove(group)
        if not domain.groups:
            _drop(container, memory, domain)
    container.confined.discard(group)
    if not any(True for _ in container.groups()):
        container.space.unmap_all()
        for dma in tuple(container.every()):
            container.forget(dma)
    container.space.set_valid(container.reach(container.groups()))


def _drop(container: Container, memory: Memory, domain: Domain) -> None:
    """Free a domain; with the last one go the pins and charges that were made for the IOMMU."""
    if container.domains == [domain]:
        for dma in container.dmas.values():
            memory.unpin(dma.mapping())
    container.domains.remove(domain)
