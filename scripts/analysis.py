"""Static analysis of src/*.c for scripts/check-style: clang-tidy (.clang-tidy) and gcc -fanalyzer."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHANGED_MAX = 6  # files in scripts/check-style without --all: about 5 s of CPU each
# GCC 12 reports memory that a table points to as leaked. LeakSanitizer finds leaks (scripts/test --asan)
ANALYZER = ["-fanalyzer", "-Wno-analyzer-malloc-leak"]
PLACE = re.compile(r"(.+?):(\d+):\d+: (?:warning|error): (.*)")


def compile_commands():
    """{source file: its compiler's arguments} of the newest build; {}: there is none."""
    builds = sorted((p for p in (ROOT / "build").glob("*/compile_commands.json")
                     if p.parent.name != "fuzz"),  # it has no shim: files that include it do not compile
                    key=lambda p: p.stat().st_mtime)
    commands = {}
    for entry in json.loads(builds[-1].read_text()) if builds else []:
        name = os.path.relpath(entry["file"], ROOT)
        words = shlex.split(entry["command"])
        flags = [word for before, word in zip(words, words[1:])
                 if word.startswith(("-I", "-D", "-std=", "-isystem")) or before == "-isystem"]
        if name.startswith("src/") and name.endswith(".c"):
            commands.setdefault(name, flags)
    return commands


def changed_files():
    """Names that differ from the commit before the newest one: its changes and those not committed."""
    for base in ("HEAD~1", "HEAD"):
        done = subprocess.run(["git", "diff", "--name-only", "--diff-filter=d", base, "--", "src"],
                              cwd=ROOT, capture_output=True, text=True)
        if done.returncode == 0:
            new = subprocess.run(["git", "ls-files", "--others", "--exclude-standard", "src"],
                                 cwd=ROOT, capture_output=True, text=True)
            return set(done.stdout.split()) | set(new.stdout.split())
    return set()


def is_accepted(path, line, text):
    """True if NOLINT(analyzer-…) or NOLINTNEXTLINE(analyzer-…) accepts this finding. GCC itself knows no NOLINT."""
    check = re.search(r"\[-W(analyzer-[\w-]+)\]", text)
    lines = ["", *(ROOT / path).read_text().split("\n")]
    return bool(check) and any(check[1] in re.findall(r"[\w.-]+", found[1])
                               for found in (re.search(r"NOLINT\(([^)]*)\)", lines[line]),
                                             re.search(r"NOLINTNEXTLINE\(([^)]*)\)", lines[line - 1]))
                               if found)


def reason_of(text):
    """The first error in a compiler's output."""
    return next((line for line in text.splitlines() if "error: " in line), "it gives no reason")


def analyse(name, flags):
    """The findings of both tools as {(file, line, text)}."""
    flags = [*flags, "-include", "scripts/analysis.h", "-w"]
    commands = []
    if shutil.which("clang-tidy-14"):
        commands.append(["clang-tidy-14", "--quiet", name, "--", *flags])
    if shutil.which("gcc"):
        commands.append(["gcc", "-O1", *ANALYZER, *flags[:-1], "-c", name, "-o", "/dev/null"])
    found = set()
    for command in commands:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if command[0] == "gcc" and done.returncode != 0:  # findings are warnings
            found.add((name, 1, f"gcc cannot analyse it: {reason_of(done.stderr)}"))
        for line in (done.stdout + done.stderr).splitlines():
            place = PLACE.match(line)
            if place and ("[-W" not in line or "[-Wanalyzer" in line):
                path, number, text = place.groups()
                path = os.path.relpath(ROOT / path, ROOT)
                # findings in stb's code, which one of our files includes, are left out
                if path.startswith("src/") and not is_accepted(path, int(number), text):
                    found.add((path, int(number), text))
    return found


def check_analysis(everything):
    """Yields (file, line, what) for the changed files of src, or for all; prints what it leaves out."""
    commands = compile_commands()
    wanted = sorted(set(commands) if everything else set(commands) & changed_files())
    if not commands:
        print("there is no build: no static analysis", file=sys.stderr)
    if not shutil.which("clang-tidy-14"):
        print("clang-tidy 14 is not installed: only gcc -fanalyzer runs", file=sys.stderr)
    if not everything and len(wanted) > CHANGED_MAX:
        print(f"static analysis of {CHANGED_MAX} of {len(wanted)} changed files; "
              "scripts/check-style --all analyses all", file=sys.stderr)
        wanted = wanted[:CHANGED_MAX]
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda name: analyse(name, commands[name]), wanted)
        yield from sorted(set().union(*found))
