"""The committed corpus: few small inputs that reach as many branches as all that were ever found.

It is made of seeds, which the project's own writers write, of what fuzzing has found, and of what
was committed before. libFuzzer takes of them the smallest that add a branch.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

import libfuzzer
import seeds

BRANCHES_ALONE = "-use_counters=0"
"""How often a branch is taken says little, and multiplies the inputs that differ by it."""


def rewrite(name: str) -> str:
    """Write the corpus of a target again; one line on it."""
    folder = libfuzzer.CORPUS / name
    with tempfile.TemporaryDirectory(prefix="qfs-corpus-") as temporary:
        merged, made = Path(temporary, "merged"), Path(temporary, "seeds")
        merged.mkdir()
        made.mkdir()
        for seed in seeds.SEEDS[name]():
            _keep(made, seed)
        for source in (folder, libfuzzer.FOUND / name):
            # Copied: a file that another run takes away meanwhile would end the merge.
            if source.is_dir():
                shutil.copytree(source, made, dirs_exist_ok=True)
        done = libfuzzer.start(name, "-set_cover_merge=1", BRANCHES_ALONE, str(merged), str(made))
        kept = [path.read_bytes() for path in sorted(merged.iterdir())]
        if done.returncode != 0 or not kept:
            return f"{name}: not merged: {done.stdout[-2000:]}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        kept += [seed for seed in seeds.ALWAYS.get(name, list)() if seed not in kept]
        for data in kept:
            _keep(folder, data)
    return f"{name}: {len(kept)} inputs, {sum(map(len, kept)):,} bytes"


def _keep(folder: Path, data: bytes) -> None:
    """Under the name that libFuzzer gives it."""
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
