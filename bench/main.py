"""Runs scenarios and keeps their tables. Called by bench/run, which says what can be set."""

import signal
import sys

from lib import machine, report
from scenarios import grants, hot, manage, noisy, rolling, store_million, tenants

SCENARIOS = {
    "hot": hot.run,
    "grants": grants.run,
    "store-million": store_million.run,
    "manage": manage.run,
    "tenants": tenants.run,
    "noisy": noisy.run,
    "rolling": rolling.run,
}


def ended(*_):
    """Leaves through every `finally`, once."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


def main():
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, ended)
    wanted = sys.argv[1:] or list(SCENARIOS)
    unknown = [name for name in wanted if name not in SCENARIOS]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    with machine.Folder() as folder:
        for line in machine.conditions(folder):
            report.say(line)
    for name in wanted:
        SCENARIOS[name]()
    report.keep()


main()
