"""Who is found of ten copied patients, how many others are named, and how often is an honest set accused?

    python -m benchmarks.copy_detection --data FOLDER --out results.jsonl [--encoders descriptor copynet ...]
    python -m benchmarks.copy_detection --out results.jsonl --print

For each data set, encoder and alteration, one altered image of each of ten training patients is planted among images of
other people. `named` is the share of the ten that is named, `FDP` the share of other people among those named (0 if
nobody is), both means over seeds; beside the audit stand the rules in use elsewhere, on the same embeddings. The row
"none" has nobody planted: the share of seeds in which anyone is named, and in which the audit fails.

Patients are halved by a hash of their id. Only the half `tune` may be looked at while methods are made; tables are
printed of the half `table`. Results are appended one by one, and what is there is not computed again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.altered_copies import ALTERATIONS, Scene, in_memory, named_by_peers, scene, with_copies
from benchmarks.copied_patients import Dataset, read
from benchmarks.detection_tables import tables
from synthaudit import Audit, Cohort, EmbeddingCache, PixelEncoder, Progress, SynthauditError, audit, registry
from synthaudit.fit_encoders import fitted_encoders
from synthaudit.matching.memo import Memo
from synthaudit.parallel import default_workers

DATASETS = (
    Dataset("nih_cxr", ""),
    Dataset("lgg_mri", "MR-FLAIR"),
    Dataset("mias_mammo", ""),
    Dataset("ham10000_200px", ""),
)
LARGEST = 1_000
"""Images of a data set; of a larger one the patients with the least hashes are taken."""
ENCODERS = ("descriptor", "copynet", "mobilenetv2-coral")
WEIGHTS = {"mobilenetv2-coral": "weights/mobilenet_v2_100_224_imagenet_dequant.npz"}
"""Where in the data folder the weights lie, of encoders that were named without a file."""
NAMING = ("copies",)
"""Names patients, and shares what it compared with the audits to come."""
PARTS = "regions"
"""Names them too, but compares anew in each audit: it is asked of `PART_ALTERATIONS`, and of the first honest seeds."""
PART_ALTERATIONS = ("plain", "crop .80-.88", "blend .3", "blend .5", "region 36 %")
COPIED = 10
NONE = "none"


@dataclass(frozen=True, eq=False)
class Bench:
    """One data set under one encoder, with what its audits share."""

    dataset: str
    cohort: Cohort
    half: str
    encoder: PixelEncoder
    cache: EmbeddingCache
    memo: Memo
    workers: int
    part_seeds: int

    def record(self, alteration: str, seed: int) -> dict[str, Any]:
        """The result of one audit, and of the peers' rules on the same images."""
        clock = time.process_time()
        given = scene(self.cohort, self.half, seed)
        if alteration != NONE:
            given = with_copies(given, alteration, COPIED, seed)
        parts = seed < self.part_seeds and alteration in (*PART_ALTERATIONS, NONE) and PARTS in registry.names("probes")
        result = self._audited(given, seed, [*NAMING, PARTS] if parts else list(NAMING))
        methods = {"synthaudit": named_by_audit(result, given, NAMING)}
        if parts:
            methods["with parts"] = named_by_audit(result, given, (*NAMING, PARTS))
        methods |= named_by_peers(given, self.encoder, self.cache, self.memo)
        return {
            "images": [len(given.train), len(given.holdout), len(given.synthetic)],
            "patients": [given.train.n_patients, given.holdout.n_patients],
            "copied": len(given.copied),
            "named": {name: [len(who & given.copied), len(who - given.copied)] for name, who in methods.items()},
            "fails": any(rule.verdict.value == "FAIL" for rule in result.rules),
            "cpu_seconds": round(time.process_time() - clock, 1),
        }

    def _audited(self, given: Scene, seed: int, probes: list[str]) -> Audit:
        """The audit; the input gate is asked only where the verdict depends on it, for it takes long."""
        result = self._run(given, probes, seed)
        copies = result.finding("copies")
        measure = None if copies is None else copies.measure("statistical_patients")
        if measure is not None and measure.low:
            result = self._run(given, ["inputs", *probes], seed)
        return result

    def _run(self, given: Scene, probes: list[str], seed: int) -> Audit:
        return audit(
            train=given.train,
            holdout=given.holdout,
            synthetic=given.synthetic,
            encoders=(self.encoder,),
            probes=probes,
            policy="controlled-release",
            seed=seed,
            workers=self.workers,
            cache=self.cache,
            memo=self.memo,
        )


def named_by_audit(result: Audit, given: Scene, probes: tuple[str, ...]) -> set[str]:
    """The patients whom these probes flag in `exposures.csv`, of either side: a held-out one is named wrongly."""
    asked = [finding for finding in result.findings if finding.probe in probes]
    flagged = {one.patient_id for finding in asked for one in finding.exposures if one.flagged}
    return flagged & (set(given.train.patients) | set(given.holdout.patients))


def subset(cohort: Cohort) -> Cohort:
    """At most about `LARGEST` images: whole patients, those with the least hashes."""
    order = sorted(cohort.patient_ids, key=lambda patient: hashlib.sha256(f"subset {patient}".encode()).hexdigest())
    rows: dict[str, list[int]] = {}
    for i, patient in enumerate(cohort.patients):
        rows.setdefault(patient, []).append(i)
    chosen: list[int] = []
    for patient in order:
        if len(chosen) >= LARGEST:
            break
        chosen += rows[patient]
    return cohort.subset(sorted(chosen))


def encoder_of(name: str, spec: str, cohort: Cohort, half: str, workers: int) -> PixelEncoder:
    """The encoder; one that is fitted sees the audited half, as it would in each audit, and no one's role."""
    given = scene(cohort, half, 0)
    real = [given.train, given.holdout]
    made = fitted_encoders(
        [registry.encoder(spec)], real, seed=0, folder=None, workers=workers, progress=Progress(quiet=False)
    )[0]
    if not isinstance(made, PixelEncoder):
        raise SystemExit(f"encoder {name} must see images")
    return made


def jobs(seeds: int, null_seeds: int, alterations: list[str]) -> Iterator[tuple[str, int]]:
    """(alteration, seed), the planted ones first."""
    yield from ((alteration, seed) for seed in range(seeds) for alteration in alterations)
    yield from ((NONE, seed) for seed in range(null_seeds))


def run(arguments: argparse.Namespace) -> None:
    """Compute what is not in the file yet."""
    out: Path = arguments.out
    known = {_key(line) for line in lines(out)}
    machine = f"{platform.system()} {platform.machine()}, {default_workers()} processors"
    for dataset in DATASETS:
        if dataset.name not in arguments.datasets:
            continue
        cohort: Cohort | None = None
        memo = Memo()
        for spec in arguments.encoders:
            name, _, file = spec.partition(":")
            if name in WEIGHTS and not file:
                spec = f"{name}:{arguments.data / WEIGHTS[name]}"  # noqa: PLW2901
            head = {"data": dataset.name, "half": arguments.half, "encoder": name}
            wanted = jobs(arguments.seeds, arguments.null_seeds, arguments.alterations)
            todo = [job for job in wanted if _key({**head, "alteration": job[0], "seed": job[1]}) not in known]
            if not todo:
                continue
            cohort = in_memory(subset(read(dataset, arguments.data))) if cohort is None else cohort
            with tempfile.TemporaryDirectory() as folder:
                try:
                    encoder = encoder_of(name, spec, cohort, arguments.half, default_workers())
                except SynthauditError as error:
                    print(f"{dataset.name}: left out {name}: {error}", flush=True)
                    continue
                cache = EmbeddingCache(Path(folder))
                bench = Bench(
                    dataset.name, cohort, arguments.half, encoder, cache, memo, default_workers(), arguments.part_seeds
                )
                for alteration, seed in todo:
                    line = {**head, "alteration": alteration, "seed": seed, "machine": machine}
                    line |= bench.record(alteration, seed)
                    with out.open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(line) + "\n")
                    right, wrong = line["named"]["synthaudit"]
                    print(
                        f"{dataset.name} {name} {alteration} {seed}: {right} + {wrong}, {line['cpu_seconds']} CPU s",
                        flush=True,
                    )


def lines(file: Path) -> list[dict[str, Any]]:
    """The results so far; a last line that was cut off is left out."""
    if not file.exists():
        return []
    found = []
    for text in file.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return found


def _key(line: dict[str, Any]) -> tuple[object, ...]:
    return tuple(line[name] for name in ("data", "half", "encoder", "alteration", "seed"))


def main() -> None:
    """Compute, or print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with one folder a data set")
    parser.add_argument("--out", type=Path, required=True, help="file of results, one a line")
    parser.add_argument("--print", dest="show", action="store_true", help="print the tables, compute nothing")
    parser.add_argument("--half", choices=("table", "tune"), default="table")
    parser.add_argument("--datasets", nargs="+", default=[dataset.name for dataset in DATASETS])
    parser.add_argument("--encoders", nargs="+", default=list(ENCODERS), help="as for the command: NAME or NAME:FILE")
    parser.add_argument("--alterations", nargs="*", default=list(ALTERATIONS), choices=list(ALTERATIONS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--null-seeds", type=int, default=50)
    parser.add_argument("--part-seeds", type=int, default=1, help="seeds in which parts of images are looked for, too")
    arguments = parser.parse_args()
    if arguments.show:
        found = [line for line in lines(arguments.out) if line["half"] == arguments.half]
        print("\n\n".join(tables(found, [*ALTERATIONS], NONE)))
    elif arguments.data is None:
        parser.error("--data is needed, unless --print is given")
    else:
        run(arguments)


if __name__ == "__main__":
    main()
