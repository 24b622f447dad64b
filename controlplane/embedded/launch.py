"""Becomes the program it is told to run, after tying its life to the parent's and giving up root where asked.

Run as a file by a bare interpreter, so that nothing runs between fork and exec in a parent with threads.
Arguments: parent's process id, signal at the parent's death, user id (or -1 to stay), then the program.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def give_up_root(user_id: int) -> None:
    """Become an ordinary user that may still walk through root's closed directories, where the files lie.

    PostgreSQL refuses to run as root, and a clone below /root is out of reach for anybody else. Without the secure bit the
    right would count when a file is opened, but not when access() asks. Where the capability is not to be had, the program
    starts without it, which is enough if the directories are open.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(user_id)
    os.setuid(user_id)
    bit = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)  # effective, permitted, inheritable; then the upper halves
    if libc.capset(header, sets) == 0:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def die_with_parent(death_signal: int) -> None:
    """Ask the kernel to send us this signal when our parent ends, however it ends. Linux only; elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)


def main() -> None:
    """Never returns: the program takes this process over."""
    parent, death_signal, user_id = map(int, sys.argv[1:4])
    program = sys.argv[4:]
    if user_id >= 0:
        give_up_root(user_id)
    die_with_parent(death_signal)  # after it: a change of user clears the wish
    if os.getppid() != parent:
        sys.exit("The parent is gone.")
    os.execv(program[0], program)  # noqa: S606  (no shell is wanted)


if __name__ == "__main__":
    main()
