"""Servers under test and the load generator, as processes of our own.

Every server listens on a free loopback port, is pinned to one core and
stopped (SIGSTOP) while it is not its turn. Servers are ended by pid.
"""
import os
import signal
import socket
import subprocess
import tempfile
import time


class BenchError(Exception):
    """A server or the load generator did not do what it should."""


def choose_cores():
    """The core of the servers and the core of the client."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[min(1, len(cores) - 1)]


def pin_to(core):
    return lambda: os.sched_setaffinity(0, {core})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One process. `arguments` has {port} where the port goes."""

    def __init__(self, label, program, arguments, core):
        self.label = label
        self.program = program
        self.arguments = arguments
        self.core = core
        self.port = free_port()
        self.process = None
        self.said = None  # what it writes to stderr

    def command(self):
        return [self.program] + [a.format(port=self.port)
                                 for a in self.arguments]

    def shown_command(self):
        """For a report: no directory of this machine, no chance port."""
        return " ".join([os.path.basename(self.program)] +
                        [a.format(port="PORT") for a in self.arguments])

    def start(self):
        self.said = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=self.said,
                preexec_fn=pin_to(self.core))
        except OSError as error:
            raise BenchError(f"{self.label}: {error}") from error
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.said.seek(0)
                said = self.said.read().decode().strip()
                raise BenchError(f"{self.label} ended at once: {said}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise BenchError(f"{self.label} does not listen")

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process is None:
            return
        self.resume()
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.said.close()
        self.process = None

    def peak_rss(self):
        """Bytes; what the kernel saw at most."""
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        raise BenchError("/proc has no VmHWM")

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.stop()


class Load:
    """The load generator, pinned to the client's core."""

    def __init__(self, program, core):
        self.program = program
        self.core = core

    def run(self, server, arguments, may_refuse=False):
        """Runs it against one server; its figures as a dictionary. An error
        reply is a failure unless the server may refuse."""
        command = [self.program, "--port", str(server.port), "--server-pid",
                   str(server.process.pid)] + arguments
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE,
                              preexec_fn=pin_to(self.core))
        figures = dict(word.split("=") for word in
                       done.stdout.decode().split())
        said = done.stderr.decode().strip().split("\n")[0]
        refused = figures.get("errors") != "0" and not may_refuse
        if done.returncode != 0 or refused:
            raise BenchError(f"{server.label}: {said or done.returncode}")
        return {name: float(figure) for name, figure in figures.items()}


def cache_arguments(megabytes, *more):
    """The command line that memcached and tagcached share."""
    arguments = ["-p", "{port}", "-l", "127.0.0.1", "-t", "1",
                 "-m", str(megabytes), "-c", "1024"]
    if os.geteuid() == 0:
        arguments += ["-u", "root"]
    return arguments + list(more)


def version(program):
    """What `program -V` prints, or '' where there is no such program."""
    try:
        done = subprocess.run([program, "-V"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = done.stdout.decode().strip().split("\n")
    return lines[0]
