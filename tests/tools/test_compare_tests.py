import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "compare_tests.py"

RUN = """<testsuites><testsuite time="2.5">
<testcase classname="tests.a" name="one"/>
<testcase classname="tests.a" name="two"><skipped message="no compiler"/></testcase>
<testcase classname="tests.b" name="three"><failure message="1 != 2"/></testcase>
<testcase classname="tests.b" name="four"><error message="boom"/></testcase>
</testsuite></testsuites>"""


def test_runs_are_listed_side_by_side_with_the_reason_of_every_skip(tmp_path):
    files = [tmp_path / "Python 3.11, jax 0.10.xml", tmp_path / "Python 3.13, jax 0.12.xml"]
    for file in files:
        file.write_text(RUN)
    done = subprocess.run(
        [sys.executable, TOOL, *files], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-4:] == [
        "    skipped 1: tests.a: no compiler",
        "  Python 3.13, jax 0.12",
        "    1 error, 1 failure, 1 passed, 1 skipped, 2 s",
        "    skipped 1: tests.a: no compiler",
    ]
