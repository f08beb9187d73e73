"""The machine: which core is whose, what processes cost, and the conditions to print above every table."""

import os
import pathlib
import platform
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER_CORE, LOAD_CORE = "0", "1"
SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
MILLION = int(os.environ.get("BENCH_MILLION", "1000000"))
TENANTS = int(os.environ.get("BENCH_TENANTS", "1000"))
DATABASES = os.environ.get("BENCH_DATABASES", "sqlite postgres").split()
NICE = os.environ.get("BENCH_NICE")
TICKS = os.sysconf("SC_CLK_TCK")


def pinned(core, command):
    """A command on one core, with the wanted priority."""
    return nice(["taskset", "-c", core, *command])


def nice(command):
    return (["nice", "-n", NICE] if NICE else []) + command


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def cpu_seconds(pid):
    """What a process has used of a core so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid):
    """Resident MiB of a process: its own (heap and stacks), and with pages of files."""
    sizes = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(("VmRSS", "RssAnon")):
            sizes[line.split(":")[0]] = int(line.split()[1]) / 1024
    return sizes["RssAnon"], sizes["VmRSS"]


class Folder:
    """A temporary folder that is gone at the end."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="tenure-bench-"))
        self.path.chmod(0o755)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def fsync_ms(folder):
    """Milliseconds that a small durable write takes here."""
    with open(folder / "fsync", "wb") as file:
        begun = time.perf_counter()
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
    return (time.perf_counter() - begun) * 1000 / 50


def output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        return (done.stdout + done.stderr).strip().splitlines()[0]
    except (OSError, IndexError):
        return "not here"


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def conditions(folder):
    """The lines to print above the tables."""
    load = os.getloadavg()[0]
    return [
        f"* {time.strftime('%Y-%m-%d %H:%M')}, commit {output('git', 'describe', '--always', '--dirty')}",
        f"* {cpu_model()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}; load before the run {load:.1f}",
        f"* Tenure: release build, one worker thread, all of its threads on core {SERVER_CORE}, log at `info` to /dev/null;"
        f" wrk with 1 thread and 32 connections on core {LOAD_CORE}; PostgreSQL and its clients' sockets on loopback, not pinned",
        f"* {output('rustc', '--version')}; {output('wrk', '--version')}; {output('postgres', '--version')}",
        f"* {SECONDS:g} s for each figure in {ROUNDS} rounds, medians; priority {NICE or 'as others'};"
        f" durable 4 KiB write {fsync_ms(folder):.2f} ms; SQLite WAL synchronous=FULL, PostgreSQL fsync=on",
        "* 'µs' is the server process's own CPU time per request: unlike the rate it does not depend on who else computes here",
    ]
