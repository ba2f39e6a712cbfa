"""Programs of others as generators: those that keep to the protocol, and those that do not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from synthaudit import registry
from synthaudit.errors import InputError, NotEnoughData, UsageError
from synthaudit.generators.adapters.child import MOST_COMPLAINTS, Child
from synthaudit.generators.adapters.remote import Remote, chunk_seed
from synthaudit.generators.protocol import Capability, Encodes, Generator, Scores

PROGRAM = """
import json, os, sys, time
way, state = sys.argv[1:]
open(os.path.join(state, "pid"), "w").write(str(os.getpid()))

def put(name, shape, numbers, descr="<f4"):
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).ljust(117) + "\\n"
    head = b"\\x93NUMPY\\x01\\x00" + len(header).to_bytes(2, "little") + header.encode()
    open(os.path.join(folder, name), "wb").write(head + numbers)

ones = b"\\x00\\x00\\x80\\x3f"
for line in sys.stdin:
    asked = json.loads(line)
    answer = {"id": asked["id"]}
    if asked["ask"] == "spec":
        folder = asked["folder"]
        answer.update(protocol="synthaudit-exec/1", shape=[2, 2], conditions=["sex"])
    elif asked["ask"] == "capabilities":
        answer.update(capabilities=["sample", "encode"])
    else:
        n = asked.get("n", 1)
        put("a.npy", (n, 2, 2), ones * 4 * n)
        answer.update(array="a.npy")
        open(os.path.join(state, "asked"), "a").write(line)
        exec(WAYS.get(way, "pass"))
    print(json.dumps(answer), flush=True)
"""

WAYS = {
    "garbage": 'print("[1]", flush=True)',
    "early": "print(json.dumps(answer), flush=True)",
    "other-id": 'answer["id"] += 1',
    "exit": "sys.exit(3)",
    "killed": "os.kill(os.getpid(), 9)",
    "hang": "time.sleep(600)",
    "deaf": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); sys.stdin.close(); time.sleep(600)",
    "endless": 'sys.stdout.write("x" * 100_000); sys.stdout.flush(); time.sleep(600)',
    "no-array": 'del answer["array"]',
    "elsewhere": 'answer["array"] = "../a.npy"',
    "missing": 'answer["array"] = "b.npy"',
    "link": 'os.symlink(os.path.join(folder, "a.npy"), os.path.join(folder, "l.npy")); answer["array"] = "l.npy"',
    "pipe": 'os.mkfifo(os.path.join(folder, "p.npy")); answer["array"] = "p.npy"',
    "text": 'open(os.path.join(folder, "a.npy"), "w").write("hello" * 40)',
    "fewer": 'put("a.npy", (n - 1, 2, 2), ones * 4 * (n - 1))',
    "flat": 'put("a.npy", (n, 4), ones * 4 * n)',
    "short": 'put("a.npy", (n, 2, 2), ones)',
    "objects": 'put("a.npy", (n, 2, 2), b"", "|O")',
    "complex": 'put("a.npy", (n, 2, 2), ones * 8 * n, "<c8")',
    "nan": 'put("a.npy", (n, 2, 2), b"\\x00\\x00\\xc0\\x7f" * 4 * n)',
    "bright": 'put("a.npy", (n, 2, 2), b"\\x00\\x00\\x00\\x40" * 4 * n)',
    "cannot": 'answer = {"id": asked["id"], "error": "no \\x1b[31m weights"}',
    "too-few": 'answer = {"id": asked["id"], "error": "ten only", "kind": "not-enough"}',
    "noisy": '[print("line", i, file=sys.stderr) for i in range(500)]',
    "parent": 'import subprocess; p = subprocess.Popen(["sleep", "600"]); '
    'open(os.path.join(state, "pid"), "w").write(str(p.pid)); sys.exit()',
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a program leaves what it was asked; afterwards neither it nor any of its files may be left."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "program.py").write_text(f"WAYS = {WAYS!r}\n{PROGRAM}")
    yield tmp_path
    if (tmp_path / "pid").exists():
        assert gone(int((tmp_path / "pid").read_text()))
    assert list((tmp_path / "temporary").iterdir()) == []


def uri(place: Path, way: str = "", options: str = "") -> str:
    return f"exec:{sys.executable} -I -S {place / 'program.py'} '{way}' {place}{options}"


def program(place: Path, way: str = "", options: str = "?timeout=60") -> Remote:
    made = registry.generator(uri(place, way, options), trust_code=True)
    assert isinstance(made, Remote)
    return made


def gone(pid: int, wait_s: float = 30.0) -> bool:
    """Whether no process, dead or alive, has that number any more; one that waits for init to look is none of ours."""
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if state[:2] == ["Z", "1"]:
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


def test_a_program_is_asked_and_answers(place: Path) -> None:
    made = program(place)
    assert isinstance(made, Generator)
    assert made.spec.shape == (2, 2)
    assert made.spec.conditions == ("sex",)
    assert made.capabilities() == {Capability.SAMPLE, Capability.ENCODE}
    # It has the doors that it says it has, and no other.
    assert isinstance(made, Encodes)
    assert not isinstance(made, Scores)
    assert made.sample(3, seed=0, condition={"sex": "F"}).tolist() == np.ones((3, 2, 2)).tolist()
    assert made.sample(0, seed=0).shape == (0, 2, 2)
    with pytest.raises(UsageError, match=r"^conditions of exec must be among sex, got age$"):
        made.sample(3, seed=0, condition={"age": "1"})
    assert [file for file in made._child.folder.iterdir() if file.suffix == ".npy"] == []
    made.close()
    with pytest.raises(InputError, match="the program must be running, found it ended"):
        made.sample(3, seed=0)


def test_samples_come_in_chunks_with_seeds_of_their_own(place: Path) -> None:
    made = program(place, options="?chunk=4")
    assert made.sample(9, seed=5).shape == (9, 2, 2)
    made.close()
    asked = [json.loads(line) for line in (place / "asked").read_text().splitlines()]
    assert [line["n"] for line in asked] == [4, 4, 4]
    assert [line["seed"] for line in asked] == [chunk_seed(5, i) for i in range(3)]


def test_nothing_runs_without_a_word(place: Path) -> None:
    with pytest.raises(UsageError, match=r"^exec: needs your word that the command may run, .* add --trust-code"):
        registry.generator(uri(place))
    assert not (place / "pid").exists()


@pytest.mark.parametrize(
    ("way", "complaint"),
    [
        ("garbage", "must answer with a JSON object on one line, got something else"),
        ("other-id", "must answer with the id of the request, 3, got another or none"),
        ("exit", r"must answer, got its end \(exit status 3\)"),
        ("killed", r"must answer, got its end \(exit status 137\)"),
        ("endless", "must answer with a line of at most 65536 bytes, got a longer or unfinished one"),
        ("no-array", "must name in `array` a .npy file in the folder"),
        ("elsewhere", "must name in `array` a .npy file in the folder"),
        ("missing", "must lie in the folder as a plain file, found none"),
        ("link", "must lie in the folder as a plain file, found none"),
        ("pipe", "must lie in the folder as a plain file, found something else"),
        ("text", "must be written by numpy.save"),
        ("fewer", r"must have shape \(16, 2, 2\) or \(16, 2, 2, 1\) or \(16, 2, 2, 3\), got \(15, 2, 2\)"),
        ("flat", r"must have shape \(16, 2, 2\) or .*, got \(16, 4\)"),
        ("short", r"of shape \(16, 2, 2\) must have 256 bytes, got another number"),
        ("objects", "must hold real numbers, got dtype object"),
        ("complex", "must hold real numbers, got dtype complex64"),
        ("nan", "must hold finite numbers, got NaN or infinity"),
        ("parent", r"must answer, got its end \(exit status 0\)"),
    ],
)
def test_a_program_that_breaks_the_protocol_is_ended(place: Path, way: str, complaint: str) -> None:
    made = program(place, way)
    with pytest.raises(InputError, match=complaint) as raised:
        made.sample(2, seed=0)
    assert str(raised.value).startswith("exec: the program must")
    assert gone(int((place / "pid").read_text()), wait_s=0.5)
    assert not made._child.folder.exists()
    assert made._child._process.poll() is not None


@pytest.mark.parametrize("way", ["hang", "deaf"])
def test_a_program_that_does_not_answer_in_time_is_killed(place: Path, way: str) -> None:
    made = program(place, way, "?timeout=2")
    started = time.monotonic()
    with pytest.raises(InputError, match=r"must answer within 2 s, got nothing; allow more by timeout=SECONDS$"):
        made.sample(2, seed=0)
    assert time.monotonic() - started < 30
    assert gone(int((place / "pid").read_text()), wait_s=0.5)


def test_a_line_before_it_is_asked(place: Path) -> None:
    made = program(place, "early")
    made.sample(2, seed=0)
    end = time.monotonic() + 30
    while made._child._lines.empty() and time.monotonic() < end:
        time.sleep(0.01)
    with pytest.raises(InputError, match="must answer when it is asked, got a line before that"):
        made.sample(2, seed=0)


def test_samples_outside_their_range(place: Path) -> None:
    made = program(place, "bright")
    with pytest.raises(InputError, match=r"^exec: samples must lie in \[0, 1\], got 2 to 2; state their range by ran"):
        made.sample(2, seed=0)
    made.close()
    made = program(place, "bright", "?clip=yes")
    assert made.sample(1, seed=0).max() == 1
    made.close()
    made = program(place, "bright", "?range=0,4")
    assert made.sample(1, seed=0).max() == 0.5
    made.close()


def test_a_program_that_cannot_stays(place: Path) -> None:
    made = program(place, "cannot")
    with pytest.raises(InputError, match=r"^exec: no  \[31m weights$"):
        made.sample(2, seed=0)
    assert not isinstance(made, Scores)
    made.close()
    made = program(place, "too-few")
    with pytest.raises(NotEnoughData, match="ten only"):
        made.sample(2, seed=0)
    made.close()


def test_complaints_are_passed_on_up_to_a_number(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = program(place, "noisy")
    made.sample(2, seed=0)
    made.close()
    said = capfd.readouterr().err.splitlines()
    assert said[0] == "exec: line 0"
    assert len(said) == MOST_COMPLAINTS + 1


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"must answer, got its end \(exit status 127\)"):
        registry.generator("exec:there-is-no-such-program", trust_code=True)
    with pytest.raises(UsageError, match="as a shell would read it, got one with No closing quotation"):
        registry.generator("exec:echo 'a", trust_code=True)


def test_a_program_does_not_outlive_whoever_asks_it(place: Path) -> None:
    code = f"""
import os, sys, time
from synthaudit.generators.adapters.child import Child
command = [sys.executable, "-I", "-S", {str(place / "program.py")!r}, "hang", {str(place)!r}]
child = Child(command, name="x", timeout_s=60)
child.ask({{"ask": "spec", "folder": str(child.folder)}})
print(child.folder, flush=True)
child.ask({{"ask": "sample"}})
"""
    asker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert asker.stdout is not None
    folder = Path(asker.stdout.readline().strip())
    assert folder.is_dir()
    assert not gone(int((place / "pid").read_text()), wait_s=0.05)
    os.kill(asker.pid, signal.SIGKILL)
    asker.communicate()
    assert gone(int((place / "pid").read_text()))
    end = time.monotonic() + 30
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not folder.exists()


def test_a_program_does_not_get_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHAUDIT_KEY", "secret")
    says = 'import json, os; input(); print(json.dumps({"id": 1, "key": os.environ.get("SYNTHAUDIT_KEY")}))'
    child = Child([sys.executable, "-I", "-S", "-c", says], name="x", timeout_s=60)
    assert child.ask({})["key"] is None
    child.close()
    child.close()
