"""What `with-postgres` and `with-mariadb` do alike: a server in a temporary
folder, a command beside it, and nothing left behind, also after Ctrl-C."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NAME = os.path.basename(sys.argv[0])


@contextlib.contextmanager
def folder(prefix, owner, stop):
    """A temporary folder of `owner`; `stop(folder)` ends what runs in it."""
    # A signal becomes an exception, so that the server is removed on the way out.
    for number in SIGNALS:
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    path = tempfile.mkdtemp(prefix=prefix)
    try:
        if owner:
            os.chown(path, owner.pw_uid, owner.pw_gid)
        yield path
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        stop(path)
        shutil.rmtree(path, ignore_errors=True)


def find_owner(user, package):
    """Whose the server will be; None: ours. Neither server likes to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(user)
    except KeyError:
        fail(f"the server refuses to run as root and there is no user `{user}`. Make one: apt-get install {package}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(command, env):
    try:
        child = subprocess.Popen(command, env=env)
    except OSError as error:
        fail(f"{command[0]} can't be run: {error.strerror}", status=127)
    try:
        status = child.wait()
    except SystemExit:
        child.terminate()
        child.wait()
        raise
    return status if status >= 0 else 128 - status


def must(owner, command, log=None):
    done = as_owner(owner, command)
    if done.returncode != 0:
        sys.stderr.buffer.write(done.stdout)
        if log and os.path.exists(log):
            with open(log, "rb") as lines:
                sys.stderr.buffer.write(lines.read())
        fail(f"{os.path.basename(command[0])} failed, see above")


def as_owner(owner, command, quiet=False):
    # The server keeps the descriptors that it is given: no pipe, or we would wait for its end.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"},
            start_new_session=True,
            **become(owner),
        )
        output.seek(0)
        done.stdout = b"" if quiet else output.read()
    return done


def become(owner):
    """Without `su` or `runuser`, which want a terminal or PAM here and there."""
    return dict(user=owner.pw_uid, group=owner.pw_gid, extra_groups=[]) if owner else {}


def fail(message, status=1):
    print(f"{NAME}: {message}", file=sys.stderr)
    sys.exit(status)
