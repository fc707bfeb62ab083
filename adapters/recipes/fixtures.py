"""Makes `tests/fixtures`: tiny models of each architecture and layout, with golden tokens.

    python fixtures.py [--only NAME]... [--optimum-python PATH]

Without `--only` everything is made. Seeds are fixed, so a second run on the same
versions writes the same weights. See `tests/fixtures/README.md` for what each folder is.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import torch

import golden
import graph
import tiny_models

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--only", action="append", default=[], help="name of a folder")
    arguments.add_argument("--optimum-python", type=Path, help="interpreter that has optimum-onnx")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    makers = {
        **{name: plain(name, "fp32") for name in tiny_models.CONFIGS},
    }
    for name, make in makers.items():
        if options.only and name not in options.only:
            continue
        with tempfile.TemporaryDirectory() as work:
            folder = FIXTURES / "models" / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            make(Path(work), folder)
        print(name, f"{sum(file.stat().st_size for file in folder.iterdir()) / 1024:.0f} KB")


def plain(architecture: str, precision: str):
    def make(work: Path, folder: Path) -> None:
        tiny_models.write(architecture, work / "hf")
        graph.builder(work / "hf", folder, precision)
        golden.record_reference(folder, work / "hf")

    return make


if __name__ == "__main__":
    main()
