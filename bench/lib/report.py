"""Tables in Markdown, printed as they come and kept under bench/results/."""

import time

from .machine import ROOT

KEPT = []


def say(line=""):
    print(line, flush=True)
    KEPT.append(line)


def table(title, head, rows):
    say(f"\n## {title}\n")
    say("| " + " | ".join(head) + " |")
    say("| " + " | ".join("---" if i == 0 else "---:" for i in range(len(head))) + " |")
    for row in rows:
        say("| " + " | ".join(shown(cell) for cell in row) + " |")


def shown(cell):
    if isinstance(cell, float):
        return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    if isinstance(cell, int):
        return f"{cell:,}".replace(",", " ")
    return "–" if cell is None else str(cell)


def keep():
    folder = ROOT / "bench" / "results"
    folder.mkdir(exist_ok=True)
    path = folder / time.strftime("%Y%m%d-%H%M%S.md")
    path.write_text("\n".join(KEPT) + "\n")
    print(f"\nkept in {path.relative_to(ROOT)}")
