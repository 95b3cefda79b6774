"""Becomes another program that cannot outlive its parent; run as a script.

    python launch.py PARENT SIGNAL USER PROGRAM ARGUMENT…

PARENT is the pid that must be alive, SIGNAL the number the kernel sends to the program
when that parent dies (Linux), USER the account to run as or ``-`` to stay the same.
Standard library only, so that it takes milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP = 28, 1 << 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def become(user: str) -> None:
    """Drop root for ``user``; keep only the right to pass folders closed to that user.

    PostgreSQL refuses to run as root. The state folder and the virtual environment may lie
    where nobody else can go (``/root``), and opening those folders to all would be worse.
    """
    account = pwd.getpwnam(user)
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux":
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        # PostgreSQL looks for its programs with access(), which forgets the right without this.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    if sys.platform == "linux":
        bit = 1 << CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
        libc.capset(header, sets)
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def main(parent: int, signal: int, user: str, program: str, *arguments: str) -> None:
    if user != "-":
        become(user)
    if sys.platform == "linux":
        # After the change of user, which clears it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The parent is gone.")
    os.execv(program, [program, *arguments])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
