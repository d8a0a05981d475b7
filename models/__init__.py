"""Models: what each protocol generation does, call by call and step by step."""

from tenure.models import (
    cdev,
    cdev_no_container,
    cdev_no_group,
    cdev_of_both,
    containers_2012,
    containers_2013,
    containers_2022,
    dma_ioas_systems,
    dma_rfc2011_systems,
    dma_systems,
    external_get_put,
    external_notify,
    external_v1,
    external_validate,
    interrupt_systems,
    iommufd_objects,
    kvm_file,
    rfc2011_systems,
)
from tenure.vocabulary.systems import System

SYSTEMS: tuple[System, ...] = (
    *rfc2011_systems.SYSTEMS,
    *containers_2012.SYSTEMS,
    *containers_2013.SYSTEMS,
    *containers_2022.SYSTEMS,
    *external_get_put.SYSTEMS,
    *external_v1.SYSTEMS,
    *external_notify.SYSTEMS,
    *external_validate.SYSTEMS,
    *dma_systems.SYSTEMS,
    *dma_rfc2011_systems.SYSTEMS,
    *dma_ioas_systems.SYSTEMS,
    *interrupt_systems.SYSTEMS,
    *kvm_file.SYSTEMS,
    *iommufd_objects.SYSTEMS,
    *cdev.SYSTEMS,
    *cdev_of_both.SYSTEMS,
    *cdev_no_container.SYSTEMS,
    *cdev_no_group.SYSTEMS,
)
"""Every system in every variant, base variants first."""
