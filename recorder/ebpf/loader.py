"""The loader: a short-lived process that compiles, loads and attaches kernel programs, and hands them over.

Run as `python -m recorder.ebpf.loader SOCKET_FD`: requests come as JSON on standard input, one answer per program
goes to the socket (sequenced packets): JSON, with the file descriptors beside it. Why a process of its own: bcc
brings the LLVM compiler, 130 MB that the recorder must not keep. It is the only module that imports bcc.

What happens to the programs afterwards is decided by the descriptors alone: the kernel detaches a program when the
last one is closed, however the process that held it ended.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import socket
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from formats.errors import TapioError, UnavailableError
from recorder.ebpf.btf import Btf
from recorder.ebpf.program import MAX_DESCRIPTORS, FunctionKind

PACKAGED_BCC = Path("/usr/lib/python3/dist-packages/bcc")
"""Where Debian and Ubuntu install bcc."""

_BPF_FOLDER = Path(__file__).resolve().parents[2] / "bpf"
_PROGRAM_TYPES = {FunctionKind.CGROUP_PACKET: 8, FunctionKind.RAW_TRACEPOINT: 17}
"""Source: include/uapi/linux/bpf.h, enum bpf_prog_type."""
_INCLUDE = re.compile(r"^#include <(tapio/[a-z_]+\.h)>.*$", re.MULTILINE)
_MESSAGE_CHARACTERS = 8_000
"""The end of what compiler and verifier said; the last lines tell what is wrong."""


def main() -> None:
    """Answer every request on standard input, then exit."""
    os.environ["BCC_KERNEL_SOURCE"] = str(_BPF_FOLDER)  # our header tree: the node needs no kernel headers
    requests = json.load(sys.stdin)
    kernel_types = _KernelTypes(Path(requests["btf"]))
    with socket.socket(fileno=int(sys.argv[1])) as answers:
        for request in requests["programs"]:
            answer: dict[str, Any]
            descriptors: list[int] = []
            with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as messages:
                try:
                    with _standard_error_in(messages):
                        answer, descriptors = _load(request, kernel_types)
                except TapioError as error:
                    answer = {
                        "error": error.problem,
                        "next_step": error.next_step,
                        "is_explained": True,
                        "messages": "",
                    }
                except Exception as error:  # noqa: BLE001 - one program that fails must not take the others with it
                    messages.seek(0)
                    answer = {"error": str(error), "messages": messages.read()[-_MESSAGE_CHARACTERS:]}
            socket.send_fds(answers, [json.dumps({"file": request["file"], **answer}).encode()], descriptors)


class _KernelTypes:
    """The kernel's BTF, read when the first program needs it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._btf: Btf | None = None

    def read(self) -> Btf | None:
        """None if the kernel has none."""
        if self._btf is None and self._path.exists():
            self._btf = Btf(self._path.read_bytes(), str(self._path))
        return self._btf


def _load(request: Mapping[str, Any], kernel_types: _KernelTypes) -> tuple[dict[str, Any], list[int]]:
    """The answer's JSON and the descriptors in its order: maps, functions, links."""
    try:
        from bcc import BPF, lib  # noqa: PLC0415 - why it is missing must reach the recorder as an answer
    except ImportError as error:
        raise UnavailableError(
            f"the BPF compiler bcc cannot be imported ({error})",
            next_step=advise_on_bcc(error),
        ) from error
    text = _paste_includes((_BPF_FOLDER / request["file"]).read_text(encoding="utf-8"), set())
    text += "\n" + request["probes"] + "\n" + _layout_assertions(request["layouts"])
    program = BPF(text=text, cflags=_macros(request, kernel_types))
    for function, kind in request["unattached"]:
        program.load_func(function.encode(), _PROGRAM_TYPES[FunctionKind(kind)])
    maps = {name: lib.bpf_table_fd(program.module, name.encode()) for name in request["maps"]}
    functions = {name.decode(): function.fd for name, function in program.funcs.items()}
    links = [*program.raw_tracepoint_fds.values(), *program.tracepoint_fds.values()]
    descriptors = [*maps.values(), *functions.values(), *links]
    if len(descriptors) > MAX_DESCRIPTORS:
        raise UnavailableError(
            f"{len(descriptors)} descriptors are more than the {MAX_DESCRIPTORS} of one message",
            next_step="configure fewer tracepoints",
        )
    return {"maps": list(maps), "functions": list(functions), "links": len(links)}, descriptors


def advise_on_bcc(error: ImportError, packaged: Path = PACKAGED_BCC) -> str:
    """What to do if bcc cannot be imported: a virtual environment does not see what the distribution installs."""
    if isinstance(error, ModuleNotFoundError) and packaged.is_dir():
        target = shlex.quote(sysconfig.get_path("purelib"))
        return f"it is installed, but not visible in this environment: ln -s {packaged} {target}/"
    return "install it: apt-get install python3-bpfcc"


def _paste_includes(text: str, pasted: set[str]) -> str:
    """The text with our own headers in place. Why: bcc rewrites uses of maps only in the main file."""

    def paste(match: re.Match[str]) -> str:
        name = match[1]
        if name in pasted:
            return ""
        pasted.add(name)
        return _paste_includes((_BPF_FOLDER / "include" / name).read_text(encoding="utf-8"), pasted)

    return _INCLUDE.sub(paste, text)


def _layout_assertions(layouts: Mapping[str, Mapping[str, tuple[int, int]]]) -> str:
    """C that compiles only if every struct is laid out as user space reads it; the key "" is the struct itself."""
    lines = []
    for struct, members in layouts.items():
        for member, (offset, size) in members.items():
            if member:
                where = f"{struct}.{member}"
                lines.append(
                    f'_Static_assert(__builtin_offsetof(struct {struct}, {member}) == {offset}, "offset of {where}");'
                )
                lines.append(f'_Static_assert(sizeof(((struct {struct} *)0)->{member}) == {size}, "size of {where}");')
            else:
                lines.append(f'_Static_assert(sizeof(struct {struct}) == {size}, "size of struct {struct}");')
    return "\n".join(lines) + "\n"


def _macros(request: Mapping[str, Any], kernel_types: _KernelTypes) -> list[str]:
    """Compiler flags: the request's macros and the offsets of this kernel."""
    macros = {f"MACHINE_{platform.machine()}": "1", **request["defines"]}
    required, optional = request["offsets"], request["optional_offsets"]
    btf = kernel_types.read() if required or optional or request["defines_if_tracepoint_has"] else None
    if required and btf is None:
        raise UnavailableError(
            "this kernel has no BTF type information (/sys/kernel/btf/vmlinux is missing)",
            next_step="use a kernel with CONFIG_DEBUG_INFO_BTF, as distributions build it since 2020",
        )
    if btf is not None:
        for path in (*required, *optional):
            offset = btf.offset(path)
            if offset is not None:
                macros["OFFSET_" + path.replace(".", "_")] = str(offset)
            elif path in required:
                raise UnavailableError(
                    f"this kernel has no struct member {path}",
                    next_step="please report your kernel version so that support can be added",
                )
        for tracepoint, struct in request["tracepoint_structs"]:
            parameters = btf.tracepoint_parameters(tracepoint)
            if not parameters or parameters[0] != struct:
                raise UnavailableError(
                    f"the tracepoint {tracepoint} of this kernel does not begin with a {struct}",
                    next_step="please report your kernel version so that support can be added",
                )
        for macro, (tracepoint, least) in request["defines_if_tracepoint_has"].items():
            if len(btf.tracepoint_parameters(tracepoint) or ()) >= least:
                macros[macro] = "1"
    return [f"-D{name}={value}" for name, value in macros.items()]


@contextmanager
def _standard_error_in(messages: IO[str]) -> Iterator[None]:
    """What the compiler and the verifier print goes into the answer instead of the recorder's log."""
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(messages.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


if __name__ == "__main__":
    main()
    # Not a normal exit: bcc's own clean-up at exit would switch off the probes that were just handed over.
    os._exit(0)
