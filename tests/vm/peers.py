# SPDX-License-Identifier: GPL-2.0-only
"""A machine with devices that reach each other, and devices that do not:

    pcie.0 +-- 05.0 -- switch +-- busmaster "one"
           |                  +-- busmaster "two"
           |                  +-- NVMe disk, with a controller memory buffer
           +-- 06.0 -- switch --- busmaster
           +-- 07.0 ------------- busmaster

Guest scripts know it by tests/vm/guest/peers.sh.
"""

from pathlib import Path

DISK = 64 << 20
BUFFER = 16  # MiB


def nodes() -> list[str]:
    """The same with two NUMA nodes: the second has a host bridge, and a busmaster below that.

        80.0 --- busmaster
    """
    return ["-smp", "2,sockets=2", "-object", "memory-backend-ram,id=ram0,size=512M", "-object", "memory-backend-ram,id=ram1,size=512M",
            "-numa", "node,nodeid=0,cpus=0,memdev=ram0", "-numa", "node,nodeid=1,cpus=1,memdev=ram1",
            "-device", "pxb-pcie,id=bridge1,bus_nr=128,numa_node=1", "-device", "pcie-root-port,id=rp4,chassis=6,bus=bridge1,addr=0",
            "-device", "busmaster,bus=rp4,id=far"]


def near() -> list[str]:
    """One more busmaster below the first switch, at the port behind the disk's."""
    return ["-device", "xio3130-downstream,id=port4,bus=up1,chassis=2,slot=4,addr=4", "-device", "busmaster,bus=port4,id=near"]


def machine(disk: Path) -> list[str]:
    """QEMU's options for it; `disk` is made, and full of zeros."""
    disk.parent.mkdir(parents=True, exist_ok=True)
    with open(disk, "wb") as file:
        file.truncate(DISK)
    devices = (
        "pcie-root-port,id=rp1,chassis=1,addr=05.0", "x3130-upstream,id=up1,bus=rp1",
        *(f"xio3130-downstream,id=port{slot},bus=up1,chassis=2,slot={slot},addr={slot}" for slot in range(3)),
        "busmaster,bus=port0,id=one,x-fault-injection=on,outstanding=1", "busmaster,bus=port1,id=two,x-fault-injection=on", f"nvme,bus=port2,drive=disk,serial=1,cmb_size_mb={BUFFER}",
        "pcie-root-port,id=rp2,chassis=3,addr=06.0", "x3130-upstream,id=up2,bus=rp2",
        "xio3130-downstream,id=port3,bus=up2,chassis=4,addr=0", "busmaster,bus=port3,id=other",
        "pcie-root-port,id=rp3,chassis=5,addr=07.0", "busmaster,bus=rp3,id=alone")
    return ["-drive", f"file={disk},format=raw,if=none,id=disk",
            *(word for device in devices for word in ("-device", device))]
