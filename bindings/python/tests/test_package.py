"""What the package promises as a whole: fresh generated code, the words of the engine, types that mypy accepts."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import treadle
from treadle.client import END_STATES
from treadle.errors import ERROR_CODES
from treadle.outcome import PERMANENT_CODES

PACKAGE = Path(__file__).resolve().parent.parent
PROJECT = PACKAGE.parent.parent
IN_PROJECT = (PROJECT / "proto" / "treadle" / "v1").is_dir()

in_project = pytest.mark.skipif(not IN_PROJECT, reason="only beside the engine's sources")


def need(module: str) -> None:
    """Under CI what a test needs must be there."""
    if importlib.util.find_spec(module) is None:
        if os.environ.get("CI") == "true" and sys.version_info < (3, 13):
            pytest.fail(f"{module} is missing: pip install 'treadle[dev]'")
        pytest.skip(f"{module} is not installed")


@in_project
def test_the_generated_code_is_what_the_contract_makes() -> None:
    need("grpc_tools")
    made = subprocess.run(
        [sys.executable, str(PACKAGE / "generate.py"), "--check"], capture_output=True, text=True
    )
    assert (made.returncode, made.stderr) == (0, "")


@in_project
def test_the_error_codes_are_those_of_the_engine() -> None:
    source = (PROJECT / "core" / "errors.ts").read_text(encoding="utf-8")
    table = source[source.index("ERROR_CODES") : source.index("} as const")]
    assert tuple(re.findall(r"^  (\w+):", table, re.MULTILINE)) == ERROR_CODES


@in_project
def test_the_end_states_are_those_of_the_engine() -> None:
    source = (PROJECT / "core" / "vocabulary.ts").read_text(encoding="utf-8")
    block = source[source.index("END_STATES") :]
    assert set(re.findall(r"'(\w+)'", block[: block.index("]")])) == END_STATES


@in_project
def test_the_permanent_codes_are_those_of_the_engine() -> None:
    source = (PROJECT / "core" / "outcome.ts").read_text(encoding="utf-8")
    codes = set(re.findall(r"^  '(\w+)',", source, re.MULTILINE))
    assert codes >= PERMANENT_CODES
    commented = set(re.findall(r"^  '(\w+)', //.*(?:permanent|no attempt is left)", source, re.MULTILINE))
    assert commented - {"unstorable"} == PERMANENT_CODES


def test_the_version_is_that_of_the_project_file() -> None:
    text = (PACKAGE / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^version = "(.+)"$', text, re.MULTILINE)
    assert found is not None and found[1] == treadle.__version__


def test_everything_that_is_promised_is_there() -> None:
    assert [name for name in treadle.__all__ if not hasattr(treadle, name)] == []


def test_handlers_are_written_without_loading_grpc() -> None:
    probe = "import sys, treadle; treadle.StepHandler; sys.exit('grpc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe]).returncode == 0


def test_the_package_and_a_typed_handler_are_clean_under_strict_mypy() -> None:
    need("mypy")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "-p", "treadle"], cwd=PACKAGE, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout
    typed = [sys.executable, "-m", "mypy", "--strict", "tests/typed_handlers.py"]
    checked = subprocess.run(typed, cwd=PACKAGE, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
