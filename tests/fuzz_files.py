"""Reads files with faults in them: `python tests/fuzz_files.py --count 100000`.

Recordings, checkpoints of every kind, compiled models and the cache of jaxconv.compile are made, changed at random, and read. Each has to
be read, or refused by ValueError or OSError, in less than a second of processor time and within the memory that a file
of its size may ask for; nothing in it may be run. Otherwise the file is kept, and the exit status is 1.
"""

# ruff: noqa: E402

import argparse
import contextlib
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "support"), str(Path(__file__).parents[1])]

import numpy as np
import torch
from file_mutations import (
    compiled_bytes,
    mutated_bytes,
    mutated_json,
    mutated_pickle,
    recording_bytes,
    safetensors_bytes,
    safetensors_parts,
    watched,
    zip_bytes,
    zip_parts,
)
from flax import nnx

import jaxconv
import parity
from jaxconv import _compile, _compile_cache

SECONDS = 1.0
MEMORY = 2**29
"""Above what the process has to begin with: twice what a small file may ask for."""
CHUNK = 5000


class Scale(torch.nn.Module):
    """A layer of nobody else's."""

    def forward(self, x, *, power=1):
        return x**power


class Network(torch.nn.Module):
    """A little of everything."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular")
        self.norm, self.act, self.own = torch.nn.BatchNorm2d(2), torch.nn.GELU(), Scale()
        self.again = self.act
        self.head = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d((None, 1)), torch.nn.Flatten())

    def forward(self, x):
        return self.head(self.own(self.again(self.norm(self.conv(x))), power=2))


def checkpoint():
    """What a training run saves."""
    torch.manual_seed(0)
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    model(torch.ones(2, 1, 4, 4)).sum().backward()
    optimizer.step()
    tensors = {"view": torch.arange(12.0).reshape(3, 4)[:, ::2], "wide": torch.zeros(1).expand(9)}
    tensors |= {"bf16": torch.ones(2, dtype=torch.bfloat16), "f8": torch.ones(2).to(torch.float8_e5m2)}
    return {
        "epoch": 3,
        "score": np.float64(0.5),
        "args": argparse.Namespace(path=Path("x")),
        "arrays": {"a": np.arange(6).reshape(2, 3).T, "b": np.array([b"x"])},
        "state_dict": model.state_dict(),
        "tensors": tensors,
        "optimizer": optimizer.state_dict(),
        "model": model,
    }


class Files:
    """Good files of each kind, and how they are changed."""

    def __init__(self, folder):
        self.folder = folder
        x = np.random.default_rng(0).standard_normal((2, 1, 4, 4)).astype(np.float32)
        torch.manual_seed(0)
        path = folder / "recording.safetensors"
        parity.record(Network(), x, platforms=["cpu"]).save(path)
        arrays = jaxconv.load_file(path)
        self.header = json.loads(arrays.pop("recording.json").tobytes())
        self.arrays = dict(arrays)
        self.recording_bytes = path.read_bytes()
        new, old = io.BytesIO(), io.BytesIO()
        torch.save(checkpoint(), new)
        torch.save(checkpoint(), old, _use_new_zipfile_serialization=False)
        self.zip, self.old = new.getvalue(), old.getvalue()
        self.parts = zip_parts(self.zip)
        plain = checkpoint()
        self.pickles = [pickle.dumps(plain, protocol) for protocol in (0, 2, 4)]
        jaxconv.save_file(plain["state_dict"], folder / "a.safetensors")
        self.safetensors = (folder / "a.safetensors").read_bytes()
        jaxconv.compile(
            jaxconv.Linear(3, 2, rngs=nnx.Rngs(0)), np.ones((1, 3), np.float32), batch_sizes=(1, 2)
        ).save(folder / "compiled")
        self.compiled = (folder / "compiled").read_bytes()
        self.setting = {
            "lowering": None,
            "options": [["xla_cpu_use_fusion_emitters", False]],
            "constants": False,
        }
        self.cache = {
            "program": "jaxconv.compile",
            "version": 2,
            "settings": {f"k{i}": self.setting for i in "abc"},
        }

    def changed(self, kind, rng):
        """The bytes of a file of this kind with one to three faults."""
        faults = int(rng.integers(1, 4))
        if kind == "recording":
            if rng.integers(5) == 0:
                return mutated_bytes(rng, self.recording_bytes, faults)
            return recording_bytes(self.arrays, mutated_json(rng, self.header, faults))
        if kind == "zip":
            if rng.integers(3) == 0:
                return mutated_bytes(rng, self.zip, faults)
            (name,) = [name for name in self.parts if name.endswith("data.pkl")]
            changed = {**self.parts, name: mutated_pickle(rng, self.parts[name], faults)}
            if rng.integers(4) == 0:
                del changed[list(changed)[rng.integers(len(changed))]]
            return zip_bytes(changed, compressed=bool(rng.integers(2)))
        if kind == "old":
            return mutated_bytes(rng, self.old, faults)
        if kind == "pickle":
            return mutated_pickle(rng, self.pickles[rng.integers(len(self.pickles))], faults)
        if kind == "safetensors":
            if rng.integers(2):
                return mutated_bytes(rng, self.safetensors, faults)
            header, data = safetensors_parts(self.safetensors)
            return safetensors_bytes(mutated_json(rng, header, faults), data)
        if kind == "compiled":
            if rng.integers(3) == 0:
                return mutated_bytes(rng, self.compiled, faults)
            return compiled_bytes(self.compiled, lambda document: mutated_json(rng, document, faults))
        if kind == "index":
            index = {
                "metadata": {},
                "weight_map": {"conv.weight": "a.safetensors", "conv.bias": "a.safetensors"},
            }
            return json.dumps(mutated_json(rng, index, faults)).encode()
        text = json.dumps(self.cache if rng.integers(2) else mutated_json(rng, self.cache, faults)).encode()
        return mutated_bytes(rng, text, faults) if rng.integers(2) else text


KEYS = [None, "state_dict", "tensors", "model", "arrays", "optimizer.state.0", "a.b.c"]
KINDS = ["recording", "zip", "old", "pickle", "safetensors", "index", "cache", "compiled"]


def read(kind, path, rng):
    """Reads one file, as users do."""
    if kind == "recording":
        parity.load_recording(path)
    elif kind == "compiled":
        jaxconv.load_compiled(path, trust=True)
    elif kind == "cache":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _compile_cache.read(path, _compile._accepted)
            _compile_cache.remember(
                path, "new", {"lowering": None, "options": [], "constants": False}, _compile._accepted
            )
    else:
        key = None if kind in ("safetensors", "index") else KEYS[rng.integers(len(KEYS))]
        loaded = jaxconv.load_file(path, key)
        assert all(isinstance(array, np.ndarray) for array in loaded.values())


def limit_memory():
    """More than that is a MemoryError, which counts as a fault."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def work(seed, first, count, folder):
    """Reads so many files; prints what happened as JSON."""
    files = Files(folder)
    counts: Counter[str] = Counter()
    slowest, faults = 0.0, []
    for kind in KINDS:  # what is imported late is imported now
        for i in range(30):
            (folder / "warm").write_bytes(files.changed(kind, np.random.default_rng([seed, i, 1])))
            with contextlib.suppress(ValueError, OSError):
                read(kind, folder / "warm", np.random.default_rng(i))
    (folder / "warm").write_bytes(files.compiled)
    read("compiled", folder / "warm", None)  # few that were changed get as far as XLA
    _compile_cache.kernels_hash()  # reads the kernels
    b"".decode("cp437")  # zipfile's, for names that are not UTF-8
    if sys.platform == "linux":
        limit_memory()
    for i in range(first, first + count):
        rng = np.random.default_rng([seed, i])
        kind = KINDS[rng.choice(len(KINDS), p=[0.25, 0.2, 0.1, 0.15, 0.15, 0.05, 0.05, 0.05])]
        path = folder / f"current.{kind}"
        path.unlink(missing_ok=True)
        path.write_bytes(files.changed(kind, rng))
        (folder / "current").write_text(f"{i} {path.name}")
        start = time.process_time()
        problem = ""
        with watched() as events:
            try:
                read(kind, path, rng)
                counts[f"{kind} read"] += 1
            except (ValueError, OSError):
                counts[f"{kind} refused"] += 1
            except BaseException as error:
                problem = f"{type(error).__name__}: {error}"[:300]
        seconds = time.process_time() - start
        slowest = max(slowest, seconds)
        if seconds > SECONDS:
            problem = problem or f"{seconds:.1f} s"
        if odd := [e for e in events if not (e[0] == "open" and str(folder) in str(e[1][0])) and not fine(e)]:
            problem = problem or f"it ran {odd[:3]}"
        if problem:
            kept = Path(tempfile.gettempdir()) / f"fuzz-{seed}-{i}.{kind}"
            shutil.copy(path, kept)
            faults.append(f"{kept}: {problem}")
    peak = 0
    if sys.platform == "linux":
        peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024
    print(json.dumps({"counts": counts, "slowest": slowest, "faults": faults, "peak": peak}))


def fine(event):
    """Events of the library itself: its cache is written beside the file, and folders are opened by number."""
    return event[0] in ("open", "os.rename", "os.remove") and (
        isinstance(event[1][0], int) or "current." in str(event[1][0])
    )


def main():
    """Splits the work into processes, so that one which dies is noticed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000, help="how many files (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no new process after that time")
    parser.add_argument("--work", type=int, nargs=2, metavar=("FIRST", "COUNT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
            work(options.seed, *options.work, Path(folder))
        return 0
    counts: Counter[str] = Counter()
    faults, slowest, peak, done, start = [], 0.0, 0, 0, time.monotonic()
    while done < options.count and time.monotonic() - start < options.seconds:
        count = min(CHUNK, options.count - done)
        command = [sys.executable, __file__, "--seed", str(options.seed), "--work", str(done), str(count)]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            faults.append(
                f"files {done} to {done + count}: exit status {run.returncode}: {run.stderr[-500:]}"
            )
        else:
            found = json.loads(run.stdout.splitlines()[-1])
            counts.update(found["counts"])
            faults += found["faults"]
            slowest, peak = max(slowest, found["slowest"]), max(peak, found["peak"])
        done += count
    for name, number in sorted(counts.items()):
        print(f"{name:22}{number:8}")
    print("\n".join(faults[:20]))
    seconds = time.monotonic() - start
    print(f"{done} files, {len(faults)} faults; slowest {slowest:.2f} s, peak {peak} MiB; {seconds:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
