# SPDX-License-Identifier: GPL-2.0-only
"""Debian's fio, without the libraries of the storage that it can talk to and we have not.

They are 75 MB, which each guest would unpack as it boots, and link each time that fio starts: seconds, where every access is
checked. In their place are libraries that have the names that fio asks for, and nothing behind them.
"""

import os
import re
import subprocess
from pathlib import Path

FIO = Path("/usr/bin/fio")
USED = ("libc.", "libm.", "libz.", "libaio.", "libnuma.")
WHERE = "lib/x86_64-linux-gnu"


def about(*what: str) -> str:
    """What readelf says of it."""
    return subprocess.run(["readelf", "-W", *what, str(FIO)], stdout=subprocess.PIPE, text=True, check=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def names() -> dict[str, dict[str, list[str]]]:
    """Of each library that is not used, by their version, the names that fio asks for. Those that have none may be in any: they
    are in the first."""
    there = {library: {} for library in re.findall(r"\(NEEDED\).*\[(.*)\]", about("-d")) if not library.startswith(USED)}
    owner = {"": next(iter(there), "")}
    for file, versions in re.findall(r"File: (\S+)(.*?)(?=File:|\Z)", about("-V"), re.DOTALL):
        owner.update({version: file for version in re.findall(r"Name: (\S+)", versions)})
    for name, version in re.findall(r" GLOBAL +DEFAULT +UND (\w+)(?:@(\S+))?", about("--dyn-syms")):
        if owner[version] in there:
            there[owner[version]].setdefault(version, []).append(name)
    return there


def hollow(library: Path, versions: dict[str, list[str]]) -> None:
    """Makes a library of such names."""
    every = [name for group in versions.values() for name in group]
    script = library.with_suffix(".map")
    script.write_text("".join(f"{version} {{ global: {' '.join(f'{name};' for name in group)} }};\n"
                              for version, group in versions.items() if version) or "{ global: *; };\n", encoding="utf-8")
    code = "".join(f"void {name}(void) {{ __builtin_trap(); }}\n" for name in every)
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-nostdlib", "-fno-builtin", "-w", "-x", "c", "-", "-o", str(library),
                    f"-Wl,-soname,{library.name}", f"-Wl,--version-script={script}"], input=code, text=True, check=True)
    library.chmod(0o644)  # it is no program
    script.unlink()


def tree(out: Path) -> Path:
    """The part of a guest's file system that is fio's own."""
    copy = out / "bin" / "fio"
    if copy.exists() and copy.stat().st_mtime > max(FIO.stat().st_mtime, Path(__file__).stat().st_mtime):
        return out
    out.joinpath(WHERE).mkdir(parents=True, exist_ok=True)
    for library, versions in names().items():
        hollow(out / WHERE / library, versions)
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(FIO.read_bytes())
    copy.chmod(0o755)
    return out
