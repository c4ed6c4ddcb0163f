# SPDX-License-Identifier: GPL-2.0-only
"""What a guest is made of: QEMU, a kernel, the module, our programs, an initramfs.

Each part comes from a script in scripts/, which makes it if need be, says on stderr what
takes long, and prints where the result is. Here they are only put together.
"""

import functools
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Callable, NamedTuple, Sequence

import fio as fios

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
GUEST = ROOT / "tests" / "vm"
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"  # depmod is there
CFLAGS = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-static", "-pthread"]


def once(make: Callable) -> Callable:
    """Lets a part be made once, and by one thread: others that ask for it meanwhile wait, and get the same."""
    turn, made = threading.Lock(), functools.cache(make)

    @functools.wraps(make)
    def get(*arguments):
        with turn:
            return made(*arguments)
    return get


class Kernel(NamedTuple):
    """A kernel to boot."""
    image: Path
    kdir: Path  # what a module is built against
    stock: bool  # Debian's own, with its modules and modprobe; or another, with insmod
    modules: Path | None = None  # what /lib/modules/RELEASE would be, of the stock kernel
    release: str = ""
    root: Path | None = None  # of the system in which kdir and its compiler are, if not this one


def script(name: str, *arguments: str | Path, **variables: str) -> str:
    """Runs one of scripts/ and returns the last line that it printed."""
    command = [str(ROOT / "scripts" / name), *map(str, arguments)]
    # A script that fails has said why on stderr: a trace of ours would only bury it.
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False,
                          env={**os.environ, **variables})
    if done.returncode:
        raise SystemExit(f"vm: {name} failed, status {done.returncode}")
    output = done.stdout.split("\n")
    return next((line for line in reversed(output) if line), "")


@once
def qemu() -> Path:
    """Our QEMU."""
    return Path(script("build-qemu.sh", "release")) / "qemu-system-x86_64"


def kernel(which: str) -> Kernel:
    """Debian's stock kernel, the debug kernel, or another flavour of that."""
    if which != "stock":
        kdir = Path(script("build-kernel.sh", which))
        return Kernel(kdir / "arch/x86/boot/bzImage", kdir, False)
    stock = Path(script("stock-kernel.sh"))
    release = (stock / "release").read_text(encoding="utf-8").strip()
    return Kernel(stock / "vmlinuz", stock / "kdir", True, stock / "modules", release)


def suite_kernel(suite: str) -> Kernel:
    """The kernel of a Debian suite, and a root of that suite to build our module in."""
    there = Path(script("suite-kernel.sh", suite))
    release = (there / "release").read_text(encoding="utf-8").strip()
    return Kernel(there / "vmlinuz", Path("/usr/src", f"linux-headers-{release}"), False,
                  release=release, root=there / "root")


def module(for_kernel: Kernel) -> Path:
    """The directory in which our modules were built for a kernel; those of the tests, too, where it
    has what they need. Not even a warning is allowed. The suite lint builds the same, and looks at more."""
    return Path(script("build-module.sh", for_kernel.kdir, "W=1", "KCFLAGS=-Werror",
                       *([] if for_kernel.root else ["TESTS=1"]), MODULE_ROOT=str(for_kernel.root or "")))


@once
def programs(sources: Path = ROOT / "tests" / "user") -> Path:
    """Compiles a directory of programs, one a C file; returns where they are."""
    out = BUILD / sources.relative_to(ROOT / "tests")
    out.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime for path in [*sources.iterdir(), Path(__file__)])
    for source in sorted(sources.glob("*.c")):
        program = out / source.stem
        if program.exists() and program.stat().st_mtime > newest:
            continue
        compiler = os.environ.get("CC", "cc")
        command = [compiler, *CFLAGS, f"-I{ROOT / 'include'}", "-o", str(program), str(source)]
        if subprocess.run(command, check=False).returncode:
            raise SystemExit(f"vm: {source.relative_to(ROOT)} does not compile")
    return out


def initramfs(out: Path, for_kernel: Kernel, more: Sequence[str] = (),
              modules: Sequence[str] = ()) -> Path:
    """Packs a guest's file system: init, scripts, programs, our module, and some of a stock kernel's."""
    script("deps.sh", "guest", "module")
    out.parent.mkdir(parents=True, exist_ok=True)
    pairs = [f"{GUEST / 'init'}:/init", f"{GUEST / 'guest'}:/bm/guest"]
    pairs += [f"{program}:/bm/{program.name}" for program in sorted(programs().iterdir())]
    if for_kernel.stock:
        pairs.append(f"{installed(for_kernel, out.parent, modules)}:/lib/modules")
    else:
        pairs += [f"{built}:/bm/{built.name}" for built in module(for_kernel).glob("*.ko")]
    script("make-initramfs.sh", out, *pairs, *more)
    return out


@once
def clock() -> str:
    """A guest's clock that neither a busy host nor the system's sleep takes away, as words for its kernel."""
    return f"tsc=reliable tsc_early_khz={int(quietly([str(programs(GUEST / 'host') / 'tsc')]))}"


@once
def fio() -> str:
    """Debian's fio, to be added to a guest's file system."""
    script("deps.sh", "perf")
    return f"{fios.tree(BUILD / 'fio')}:/"


def bpftrace() -> str:
    """Debian's bpftrace, to be added to a guest's file system: 200 MB, with the compiler that it brings."""
    script("deps.sh", "bpf")
    return f"{shutil.which('bpftrace', path=PATH)}:/bin/bpftrace"


def aer_inject(for_kernel: Kernel) -> str:
    """What puts errors into the kernel's view of a device's registers, to be added to a debug kernel's guest."""
    return f"{for_kernel.kdir / 'drivers/pci/pcie/aer_inject.ko'}:/bm/aer_inject.ko"


def dmatest(for_kernel: Kernel) -> str:
    """The kernel's own test of DMA channels, to be added to a guest's file system. Debian's kernel
    comes without: then it is built from the source that its kernel was."""
    if not for_kernel.stock:
        return f"{for_kernel.kdir / 'drivers/dma/dmatest.ko'}:/bm/dmatest.ko"
    out = BUILD / "dmatest" / for_kernel.release
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy2(Path(script("fetch-kernel.sh", KERNEL_SRC="")) / "drivers/dma/dmatest.c", out)
    out.joinpath("Kbuild").write_text("obj-m := dmatest.o\n", encoding="utf-8")
    quietly(["make", "-s", "-C", str(for_kernel.kdir), f"M={out}", "modules"])
    return f"{out / 'dmatest.ko'}:/bm/dmatest.ko"


def quietly(command: list[str]) -> str:
    """Runs a command; shows what it said if it fails, and returns it otherwise."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, env={**os.environ, "PATH": PATH})
    if done.returncode:
        raise SystemExit(f"{done.stdout}vm: failed: {' '.join(command)}")
    return done.stdout


def dependencies(for_kernel: Kernel, modules: Sequence[str]) -> list[str]:
    """The files of some modules of a stock kernel, and of those that they need."""
    base = for_kernel.modules.resolve().parents[2]
    listing = quietly(["modprobe", "-d", str(base), "-S", for_kernel.release, "--show-depends",
                       "-a", *modules]) if modules else ""
    return [line.split()[1] for line in listing.splitlines() if line.startswith("insmod ")]


def installed(for_kernel: Kernel, work: Path, modules: Sequence[str]) -> Path:
    """Installs our module for a stock kernel as a user would, beside some of its own; returns
    its lib/modules."""
    tree = work / "root"
    subprocess.run(["rm", "-rf", str(tree)], check=True)
    target = tree / "lib/modules" / for_kernel.release
    target.mkdir(parents=True)
    for listing in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        target.joinpath(listing).write_bytes((for_kernel.modules / listing).read_bytes())
    quietly(["make", "-s", "-C", str(for_kernel.kdir), f"M={module(for_kernel)}",
             f"INSTALL_MOD_PATH={tree}", "CONFIG_MODULE_SIG_ALL=", "INSTALL_MOD_STRIP=1", "modules_install"])
    for file in dependencies(for_kernel, modules):
        shutil.copy(file, target)
    quietly(["depmod", "-b", str(tree), for_kernel.release])
    return tree / "lib/modules"
