"""A SLURM cluster of one node, private to these tests: its own ports, key and folder, run by whoever runs the tests.

On Debian it needs the packages slurmctld, slurmd, slurm-client and munge; their services need not run.
"""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "squeue", "sinfo")

#: A user's PATH may lack the folders of daemons.
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/sbin"])

# No accounting, as on sites where `sacct` fails. Credentials that expire soon, since a job that is requeued waits until
# its old one has expired. Neither cgroups nor hardware must be what SLURM expects, so that it runs in a container.
_CONF = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
MpiDefault=none
ReturnToService=2
KillWait=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=2
PartitionName=tests Nodes={host} Default=YES MaxTime=INFINITE
"""


class UnavailableError(Exception):
    """A cluster cannot be run here."""


@contextlib.contextmanager
def cluster():
    """Context in which commands of SLURM that have its SLURM_CONF in the environment reach a new cluster; the value.

    Raises
    ------
    UnavailableError
        A program is missing, or the node does not come up.
    """
    missing = [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]
    if missing:
        raise UnavailableError(f"not installed: {', '.join(missing)}")
    import pwd  # not on Windows

    with tempfile.TemporaryDirectory(prefix="slurm") as name, contextlib.ExitStack() as daemons:
        folder, host, conf = Path(name), socket.gethostname().partition(".")[0], Path(name) / "slurm.conf"
        user = pwd.getpwuid(os.geteuid()).pw_name
        conf.write_text(_CONF.format(host=host, user=user, ports=_free_ports(2), folder=folder))
        (folder / "state").mkdir()
        (folder / "spool").mkdir()
        (folder / "key").write_bytes(secrets.token_bytes(128))
        (folder / "key").chmod(0o600)
        environment = os.environ | {"SLURM_CONF": str(conf), "PATH": _PATH}
        files = {"socket": "munge.socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={folder / file}" for option, file in files.items()]
        daemons.callback(_kill_all_of, conf)
        for command in (["munged", "--foreground", "--force", *options], ["slurmctld", "-D"], ["slurmd", "-D"]):
            daemons.enter_context(_running(command, folder, environment))
            _wait((folder / "munge.socket").exists, folder)
        _wait(lambda: _output("sinfo", "--noheader", "--format=%T", environment=environment) == "idle", folder)
        yield str(conf)
        _output("scancel", f"--user={user}", environment=environment)
        with contextlib.suppress(UnavailableError):
            _wait(lambda: _output("squeue", "--noheader", environment=environment) == "", folder)


def _free_ports(number):
    with contextlib.ExitStack() as open_ones:
        sockets = [open_ones.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def _running(command, folder, environment):
    program = shutil.which(command[0], path=_PATH)
    with open(folder / f"{command[0]}.log", "wb") as log:
        process = subprocess.Popen(
            [program, *command[1:]], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _kill_all_of(conf):
    """End processes that outlive the daemons, such as those of jobs."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("SLURM_CONF") == str(conf):
                process.kill()


def _wait(ready, folder):
    for _ in range(200):
        if ready():
            return
        time.sleep(0.1)
    lines = [line for log in sorted(folder.glob("*.log")) for line in log.read_text().splitlines() if "error" in line]
    raise UnavailableError("; ".join(["the node does not come up", *lines[-3:]]))


def _output(*command, environment):
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)
    return found.stdout.strip()
