# SPDX-License-Identifier: GPL-2.0-only
"""Makes a trace of a recording: lanes with spans, as Chrome's trace-event format has it (ui.perfetto.dev, chrome://tracing).

Its times are those of a machine that is SCALE times as fast, as in tests/lesson, from where the first command begins.
"""

import re
from pathlib import Path
from typing import Iterator

from record import PAYLOAD, SCALE, Recording
from spans import Trace

# A span is what is told in one place until the next: a stage is named by where it begins
STAGES = {"bm_map": "submit", "bm_submit": "in flight", "bm_reap": "unmap", "bm_unmap": "complete"}
MESSAGES = 0xfee00000  # of x86: a write there is an interrupt
RINGS = 65535  # the tag of what belongs to no command
DOORBELLS = {0: "SQ_TAIL", 8: "CQ_HEAD"}  # by their offset in a queue's page

MEANING = {
    "command": "A line of the plan, from before its program is started until it has ended.",
    "syscall": "A system call of the program, from where the kernel is entered to where it is left.",
    "transfer": "A command of the driver's, from where its memory is mapped to where its client is told.",
    "submit": "Its pages are mapped for DMA. A submission is written to the ring next.",
    "in flight": "The device has been told, or will be by the next doorbell. It may reach the memory until its answer is taken.",
    "unmap": "Its answer was taken from the completion ring and believed. The device must not reach the memory any more.",
    "complete": "Its memory is the owner's again. The client is told: a thread wakes up, or io_uring posts its completion.",
    "irq": "The interrupt's handler has taken so many answers.",
    "doorbell": "The driver says how far it has filled the submission ring (SQ_TAIL) or emptied the completion ring (CQ_HEAD): "
                "in a register, which is an access over the bus, or in memory, where the device looks.",
    "work": "A command in the device, from its submission's arrival to where nothing is left of it.",
    "REQ_BUS": "Fetched: waits until no fence is in the way.",
    "WAIT_GRANT": "Waits for controller, medium and link: this is what queue depth hides.",
    "SETUP_ADDR": "Finds the next piece that is contiguous on both sides.",
    "DO_READ": "What is read is mapped: address and IOMMU checked.",
    "DO_WRITE": "What is written is mapped, likewise.",
    "WAIT_READY": "The data moves, and the device waits until all is there.",
    "CHECK_DONE": "Another piece, another turn, or the end.",
    "DONE": "Has its status. Waits until its completion may be sent.",
    "INTERRUPT": "Its completion is posted, and the queue's vector asked for.",
    "fetch": "The device has read submissions from the ring in host memory.",
    "posted": "The device has written a completion to the ring in host memory.",
    "vector": "An interrupt's message has come to the CPU.",
    "MRd": "Memory Read: a request for data, up the link. It has no data, and it waits for an answer.",
    "MWr": "Memory Write: data goes up the link. It is posted: nobody answers.",
    "MSI-X": "An interrupt is a Memory Write, to an address of the interrupt controller's.",
    "CplD": "Completion with Data: what a Memory Read has asked for comes down the link.",
}


def syscalls() -> dict[int, str]:
    """Their names, as the C library's headers have them."""
    text = "".join(path.read_text(encoding="utf-8") for path in Path("/usr/include").glob("*/asm/unistd_64.h"))
    return {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", text)}


class Builder:
    """What becomes of a recording."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        marks = [event for event in recording.kernel if event.name == "print"]
        self.shell = marks[0].pid  # it writes the marks, and is not of interest itself
        self.zero, self.end = (self.ps(mark.time) for mark in (marks[0], marks[-1]))
        self.trace = Trace(MEANING, {"scale": SCALE, "clock_bound_ns": recording.clock.bound / SCALE})
        self.kernel = [event for event in recording.kernel if 0 <= self.at(event.time) <= self.on(self.end)]
        self.device = [step for step in recording.device if step.ps and 0 <= self.on(step.ps) <= self.on(self.end)]

    def ps(self, ns: int) -> int:
        """The device's time at one of the kernel's."""
        return round(self.recording.clock.device(ns) * 1000)

    def on(self, ps: int) -> int:
        """A time of the device, on the trace's axis."""
        return round((ps - self.zero) / SCALE)

    def at(self, ns: int) -> int:
        """A time of the kernel, likewise."""
        return self.on(self.ps(ns))

    def programs(self) -> None:
        """Commands of the plan, and system calls."""
        names, begun, mark = syscalls(), {}, 0
        for event in self.kernel:
            now, fields = self.at(event.time), event.fields
            if event.name == "print":
                what, _, line = fields["buf"].strip().partition(" ")
                if what == "end":
                    self.trace.span("program", "commands", line, mark, now, "command")
                mark = now
            elif event.pid != self.shell and event.name == "sys_enter":
                begun[event.pid] = now, fields
            elif event.name == "sys_exit" and event.pid in begun:
                since, entered = begun.pop(event.pid)
                name = names.get(fields["id"], f"system call {fields['id']}")
                self.trace.span("program", f"thread {event.pid}", name, since, now, "syscall",
                                arguments=", ".join(f"{word:#x}" for word in entered["args"]), result=fields["ret"])

    def driver(self) -> None:
        """Commands by the driver's tracepoints, and what has no command."""
        way: dict[tuple[int, int], list] = {}
        for event in self.kernel:
            fields, now = event.fields, self.at(event.time)
            if event.name == "bm_doorbell":
                what = "CQ_HEAD" if fields["completions"] else "SQ_TAIL"
                self.trace.instant("driver", "doorbells", what, now, "doorbell", queue=fields["queue"], index=fields["index"],
                                   by="register" if fields["mmio"] else "memory")
            elif event.name == "bm_irq":
                self.trace.instant("driver", "interrupts", "irq", now, "irq", queue=fields["queue"], reaped=fields["reaped"])
            elif event.name in (*STAGES, "bm_complete"):
                key = fields["queue"], fields["tag"]
                way.setdefault(key, []).append((event.name, now, fields))
                if event.name == "bm_complete":
                    self.transfer(*key, way.pop(key))

    def transfer(self, queue: int, tag: int, way: list) -> None:
        """A command that has come to its end."""
        first, last = way[0][1], way[-1][1]
        lane = self.trace.free("driver", "command", first, last)
        said = {key: value for _, _, fields in way for key, value in fields.items()
                if key in ("pieces", "length", "status", "error")}
        self.trace.span("driver", lane, f"queue {queue} tag {tag:#x}", first, last, "transfer", **said)
        for (name, since, _), (_, until, _) in zip(way, way[1:]):
            self.trace.span("driver", lane, STAGES[name], since, until, "stage")
        for name, now, _ in way:
            if name in ("bm_submit", "bm_reap"):
                self.trace.flow("driver", lane, (queue, tag), now, "s" if name == "bm_submit" else "f")

    def engine(self) -> None:
        """Commands by their states in the device, and what has no command."""
        way: dict[tuple[int, int], list] = {}
        for step in self.device:
            fields, now = step.fields, self.on(step.ps)
            if step.name == "state":
                key = fields["queue"], fields["tag"]
                way.setdefault(key, []).append((fields["state"], now, fields["done"]))
                if fields["state"] == "IDLE":
                    self.work(*key, fields["length"], way.pop(key))
            elif step.name == "fetch":
                self.trace.instant("device", "rings", "fetch", now, "fetch", queue=fields["queue"], submissions=fields["count"])
            elif step.name == "complete":
                self.trace.instant("device", "rings", "posted", now, "posted", queue=fields["queue"], tag=f"{fields['tag']:#x}",
                                   status=fields["status"])
            elif step.name == "irq":
                self.trace.instant("device", "interrupts", f"vector {fields['vector']}", now, "vector")
            elif step.name == "shadow":
                self.trace.instant("device", "doorbells", "words read", now, "doorbell", queue=fields["queue"],
                                   sq_tail=fields["tail"])
            elif step.name == "write" and fields["addr"] >> 12 and fields["addr"] & 0xfff in DOORBELLS:
                self.trace.instant("device", "doorbells", DOORBELLS[fields["addr"] & 0xfff], now, "doorbell",
                                   queue=(fields["addr"] >> 12) - 1, value=fields["value"])

    def work(self, queue: int, tag: int, length: int, way: list) -> None:
        """A command that has come to its end in the device."""
        first, last = way[0][1], way[-1][1]
        lane = self.trace.free("device", "command", first, last)
        self.trace.span("device", lane, f"queue {queue} tag {tag:#x}", first, last, "work", length=length)
        for (name, since, done), (_, until, _) in zip(way, way[1:]):
            self.trace.span("device", lane, name, since, until, "state", done=done)
        self.trace.flow("device", lane, (queue, tag), first, "t")

    def owned(self) -> Iterator[tuple[dict, str]]:
        """What was on the link, and for whom: the mapping of an address that was made last. A list is read by a command that
        looks for its next piece, and in no other state."""
        maps: list[tuple[dict, str]] = []
        states: dict[tuple[int, int], str] = {}
        for step in self.recording.device:
            fields = step.fields
            if step.name == "state":
                states[fields["queue"], fields["tag"]] = fields["state"]
            elif step.name == "dma":
                key = fields["queue"], fields["tag"]
                whose = f"queue {key[0]} tag {key[1]:#x}{', its list' if states.get(key) == 'SETUP_ADDR' else ''}"
                maps.append((fields, "rings" if fields["tag"] == RINGS else whose))
            elif step.name == "link" and 0 <= self.on(step.ps) <= self.on(self.end):
                yield fields, next((whose for map, whose in reversed(maps)
                                    if map["addr"] <= fields["addr"] < map["addr"] + map["length"]
                                    and (map["what"] == "write") == (fields["tlp"] == "MWr")), "rings")

    def link(self) -> None:
        """Both wires of the link. What takes its place there for later may overlap: then it has a lane beside."""
        for fields, whose in self.owned():
            name = "MSI-X" if fields["tlp"] == "MWr" and fields["addr"] & ~0xfffff == MESSAGES else fields["tlp"]
            begin, end = self.on(fields["begin"]), self.on(fields["end"])
            lane = self.trace.free("link", "down, from host memory" if name == "CplD" else "up, to host memory", begin, end)
            first, length = fields["addr"], fields["length"]
            tlps = 1 if name == "MRd" else (first + length - 1) // PAYLOAD - first // PAYLOAD + 1
            self.trace.span("link", lane, name, begin, end, "TLP", address=f"{first:#x}", bytes=length, TLPs=tlps,
                            whose="interrupt" if name == "MSI-X" else whose)


def build(recording: Recording) -> dict:
    """The trace of a recording."""
    builder = Builder(recording)
    builder.programs()
    builder.driver()
    builder.engine()
    builder.link()
    return builder.trace.whole()
