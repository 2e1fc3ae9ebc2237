"""Makes src/treadle/_proto from the contract in proto/ (--check: only says whether it is what it should be).

grpcio-tools is pinned on purpose: what protoc 25 generates runs on every protobuf from 4.25 on, while later generators
write a check into their code that ties an application to their own major version.
"""

from __future__ import annotations

import argparse
import filecmp
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"
TARGET = HERE / "src" / "treadle" / "_proto"
FILES = ("treadle/v1/worker.proto", "treadle/v1/client.proto")


def generate(into: Path) -> None:
    """Generates the messages. No stubs: the few calls are made by name (worker/session.py, client/calls.py)."""
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        f"-I{PROTO}",
        f"--python_out={into}",
        f"--pyi_out={into}",
    ]
    subprocess.run([*command, *FILES], check=True)
    for folder in (into, into / "treadle", into / "treadle" / "v1"):
        (folder / "__init__.py").write_text("")


def generated(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*.py*") if path.suffix in {".py", ".pyi"}}


def stale(fresh: Path) -> list[str]:
    """Files of the committed code that differ from what the contract makes today."""
    names = generated(fresh) | generated(TARGET)
    return sorted(str(name) for name in names if not _same(fresh / name, TARGET / name))


def _same(left: Path, right: Path) -> bool:
    return left.is_file() and right.is_file() and filecmp.cmp(left, right, shallow=False)


def main() -> int:
    parser = argparse.ArgumentParser(description="Generates src/treadle/_proto from the contract.")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit with 1 when it is not fresh"
    )
    only_check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        differing = stale(fresh)
        if only_check:
            for name in differing:
                print(f"not what the contract makes: {name}", file=sys.stderr)
            return 1 if differing else 0
        shutil.rmtree(TARGET, ignore_errors=True)
        shutil.copytree(fresh, TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main())
