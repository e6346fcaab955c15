"""An `fdatasync` that the kernel does by itself, without a thread of ours: Linux AIO, by system call.

The kernel hands the flush to a worker of its own, which does to the same open file what fdatasync(2) does (`aio_fsync` in
fs/aio.c, since 4.18; older kernels refuse with EINVAL). It keeps the file open until then, and reads a request only while it is
submitted.
"""

import ctypes
import errno
import os
import platform
import select
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the system calls are called on one machine."""

    setup: int
    destroy: int
    getevents: int
    submit: int


NUMBERS: Mapping[str, Numbers] = {
    "x86_64": Numbers(setup=206, destroy=207, getevents=208, submit=209),  # arch/x86/entry/syscalls/syscall_64.tbl
    "aarch64": Numbers(setup=0, destroy=1, getevents=4, submit=2),  # include/uapi/asm-generic/unistd.h
}
"""By the machine's name; they count only in a process of 64 bits."""

IOCB_CMD_FDSYNC = 3
IOCB_FLAG_RESFD = 1


class _Request(ctypes.Structure):
    """`struct iocb` of a little-endian machine, include/uapi/linux/aio_abi.h."""

    _fields_ = (
        ("data", ctypes.c_uint64), ("key", ctypes.c_uint32), ("rw_flags", ctypes.c_uint32),
        ("opcode", ctypes.c_uint16), ("reqprio", ctypes.c_int16), ("fd", ctypes.c_uint32),
        ("buf", ctypes.c_uint64), ("nbytes", ctypes.c_uint64), ("offset", ctypes.c_int64),
        ("reserved", ctypes.c_uint64), ("flags", ctypes.c_uint32), ("resfd", ctypes.c_uint32),
    )


class _Event(ctypes.Structure):
    """`struct io_event`, same file."""

    _fields_ = (("data", ctypes.c_uint64), ("request", ctypes.c_uint64), ("result", ctypes.c_int64), ("second", ctypes.c_int64))


class KernelAio:
    """One flush at a time. It is of the process that made it: the child of a fork has none, and is refused with EINVAL."""

    def __init__(self) -> None:
        """Raises `OSError`: this kernel does not have it, or does not let this process have it."""
        numbers = NUMBERS.get(platform.machine())
        if numbers is None or struct.calcsize("P") != 8:
            raise OSError(errno.ENOSYS, f"no system calls are known for {platform.machine()}")
        self._destroy = _system_call(numbers.destroy, ctypes.c_ulong)
        self._submit = _system_call(numbers.submit, ctypes.c_ulong, ctypes.c_long, ctypes.c_void_p)
        self._getevents = _system_call(
            numbers.getevents, ctypes.c_ulong, ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
        context = ctypes.c_ulong(0)
        self.ready = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        """A descriptor that can be read when the flush is over."""
        try:
            _system_call(numbers.setup, ctypes.c_uint, ctypes.c_void_p)(1, ctypes.addressof(context))
        except OSError:
            os.close(self.ready)
            raise
        self._context = context.value
        self._request = _Request(opcode=IOCB_CMD_FDSYNC, flags=IOCB_FLAG_RESFD, resfd=self.ready)
        self._requests = (ctypes.c_void_p * 1)(ctypes.addressof(self._request))
        self._event = _Event()
        self._at = ctypes.addressof(self._requests), ctypes.addressof(self._event)

    def submit(self, fd: int) -> None:
        """Begin a flush, without waiting for anything. Raises `OSError`: it is not begun."""
        self._request.fd = fd
        self._submit(self._context, 1, self._at[0])

    def result(self) -> None:
        """Take what came of the flush, once `ready` can be read.

        Raises:
            OSError: it failed, or it is not over.
        """
        os.eventfd_read(self.ready)
        if self._getevents(self._context, 0, 1, self._at[1], None) != 1:
            raise OSError(errno.EPROTO, "a flush is said to be over, and its result is not there")
        if self._event.result != 0:
            raise OSError(-self._event.result, os.strerror(-self._event.result))

    def wait(self) -> None:
        """Block until the flush that was begun is over."""
        over = select.poll()
        over.register(self.ready, select.POLLIN)
        over.poll()

    def close(self) -> None:
        """Give the kernel's part back; no flush is on its way."""
        self._destroy(self._context)
        os.close(self.ready)


def _system_call(number: int, *types: type) -> Callable[..., int]:
    """It raises `OSError`, and keeps the interpreter's lock: none of the four waits, and taking it back may."""
    call = ctypes.PyDLL(None, use_errno=True)["syscall"]
    call.restype, call.argtypes = ctypes.c_long, (ctypes.c_long, *types)

    def called(*args: int | None) -> int:
        result: int = call(number, *args)
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    return called
