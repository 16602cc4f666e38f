"""A ketasim command that says which stage it is in: in a new interpreter, or forked from one that has all loaded.

    python -m tests.faults.child ARGUMENTS...     the command
    python -m tests.faults.child --serve          a fork with a command for each line of JSON that comes in

Importing libraries and loading kernels takes two seconds of a process, most of a short run; forked ones start at once.
"""

import json
import os
import signal
import sys


def command(arguments: list[str], stages: str) -> None:
    """Do what ``ketasim ARGUMENTS...`` does; the file `stages` gets a line for each report of progress."""
    # A shell may start tests with SIGINT ignored, which children inherit; Python then leaves it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open(stages, "a", buffering=1) as file:
        file.write("start nan\n")
        from ketasim.cli import main
        from ketasim.cli.progress import ProgressBar

        before = ProgressBar.__call__

        def said(self, progress):
            file.write(f"{progress.stage} {progress.time}\n")
            return before(self, progress)

        ProgressBar.__call__ = said
        sys.argv[1:] = arguments
        main()


def serve() -> None:
    """Load everything, then fork for each request, until the input ends."""
    import ketasim

    tiny = ["network.neurons=20", "duration=10 min", "schedule={baseline: 0.5 s, window: 0.1 s, settle: 50 ms}"]
    ketasim.run(ketasim.load_experiment("quick", [*tiny, "recording={}"]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if os.fork() == 0:
            watch(json.loads(line))
            return


def watch(request: dict) -> None:
    """Fork the command, and write its process id and then how it ended to a file."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    worker = os.fork()
    if worker == 0:
        os.setsid()
        null, errors = os.open(os.devnull, os.O_RDWR), os.open(request["errors"], os.O_WRONLY | os.O_APPEND)
        for source, target in ((null, 0), (null, 1), (errors, 2)):
            os.dup2(source, target)
        os.environ.clear()
        os.environ.update(request["environment"])
        command(request["arguments"], request["stages"])
        return
    with open(request["ends"], "a", buffering=1) as file:
        file.write(f"{worker}\n")
        _, status = os.waitpid(worker, 0)
        file.write(f"{os.waitstatus_to_exitcode(status)}\n")
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        command(sys.argv[1:], os.environ["STAGES"])
