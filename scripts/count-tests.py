"""count-tests.py FOLDER STATUS: names what failed and prints "N passed, N failed, N skipped".

FOLDER/ctest.xml is what ctest --output-junit wrote, FOLDER/junit/NAME.xml what pytest wrote for the
ctest test NAME. A pytest file counts by its single tests, everything else as one. STATUS is ctest's
own: when it says failure and no failed test can be found, that counts as one too.
"""

import sys
import xml.etree.ElementTree as xml
from pathlib import Path


def ctest_verdict(case):
    if case.get("status") == "run":
        return "passed"
    skipped = case.find("skipped")
    chose_to = skipped is not None and skipped.get("message", "").startswith("SKIP_")
    return "skipped" if chose_to or case.get("status") == "disabled" else "failed"


def pytest_verdict(case):
    kinds = {child.tag for child in case}
    if kinds & {"failure", "error"}:
        return "failed"
    return "skipped" if "skipped" in kinds else "passed"


def single_tests(folder, name, verdict):
    """A ctest test as its single tests, where pytest wrote them down and agrees with ctest."""
    try:
        cases = list(xml.parse(folder / "junit" / f"{name}.xml").getroot().iter("testcase"))
    except (OSError, xml.ParseError):
        cases = []
    singles = [(f"{name}::{case.get('name')}", pytest_verdict(case)) for case in cases]
    if not singles or (verdict == "failed" and "failed" not in dict(singles).values()):
        singles.append((name, verdict))
    return singles


def main(folder, status):
    tests = []
    try:
        for case in xml.parse(folder / "ctest.xml").getroot().iter("testcase"):
            tests += single_tests(folder, case.get("name"), ctest_verdict(case))
    except (OSError, xml.ParseError) as error:
        print(f"ctest left no results: {error}")
    failed = [name for name, verdict in tests if verdict == "failed"]
    if not failed and (status != 0 or not tests):
        failed = [f"ctest (status {status})"]
    if failed:
        print("Failed:", *failed, sep="\n  ")
    passed, skipped = (sum(v == kind for _, v in tests) for kind in ("passed", "skipped"))
    line = f"{passed} passed, {len(failed)} failed, {skipped} skipped"
    (folder / "count.txt").write_text(line + "\n")
    print(line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
