"""How well are real patients told apart and found again? Verification and retrieval on public images.

    python -m benchmarks.reidentification --data FOLDER [--encoders descriptor copynet:reidentify] [--seed 0]

Every patient with two different images counts once, and nobody is judged by a model that learned from them. AUC, equal
error rate (EER) and true match rate at 0.1 % false matches are of pairs of one person against pairs of two; precision
at 1 (P@1) and MAP@R of looking each image up among all others. Slices of one MR scan are no different occasions: the
rows that say "slices" ask an easier question than another visit would. FOLDER holds one folder a data set, each with
images and a `metadata.csv`.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.copied_patients import Dataset, read
from synthaudit import Cohort, EmbeddingCache, Progress, Role, SynthauditError, registry
from synthaudit.embed import embed
from synthaudit.errors import NotEnoughData
from synthaudit.fit_encoders import fitted_encoders
from synthaudit.matching.pool import Pool
from synthaudit.parallel import default_workers
from synthaudit.reidentification.background import Background
from synthaudit.reidentification.quality import Quality
from synthaudit.reidentification.verifier import Verifier
from synthaudit.reidentification.visits import visits
from synthaudit.statistics.verification import Rate


@dataclass(frozen=True)
class Row:
    """One set of images.

    Attributes:
        only_again: Whether only patients with several images are taken.
        most: Images taken at most; whole patients, drawn at random.
    """

    dataset: Dataset
    says: str
    only_again: bool = False
    most: int = 10_000


ROWS = (
    Row(Dataset("nih_cxr", ""), "nih_cxr, other visits"),
    Row(Dataset("lgg_mri", "MR-T1"), "lgg_mri T1, slices"),
    Row(Dataset("lgg_mri", "MR-FLAIR"), "lgg_mri FLAIR, slices"),
    Row(Dataset("mias_mammo", ""), "mias_mammo, other breast"),
    Row(Dataset("ham10000_200px", ""), "ham10000, same lesion", only_again=True, most=2_000),
)
HEAD = ("images", "encoder", "n images", "n patients", "with 2", "AUC", "EER", "TPR at .1 % FPR", "P@1", "MAP@R", "s")


def chosen(cohort: Cohort, row: Row, seed: int) -> Cohort:
    """The images of the row."""
    ids, counts = np.unique(np.array(cohort.patients), return_counts=True)
    ids = ids[counts > 1] if row.only_again else ids
    taken: set[str] = set()
    n = 0
    number = dict(zip(*np.unique(np.array(cohort.patients), return_counts=True), strict=True))
    for patient in np.random.default_rng(seed).permutation(ids):
        if n + number[patient] <= row.most:
            taken.add(str(patient))
            n += number[patient]
    return cohort.subset([i for i, patient in enumerate(cohort.patients) if patient in taken])


def halves(cohort: Cohort, seed: int) -> tuple[Cohort, Cohort]:
    """Two sides, as an audit has them; nothing here looks at which is which."""
    ids = np.array(cohort.patient_ids)
    first = set(np.random.default_rng([seed, 1]).permutation(ids)[: len(ids) // 2])
    inside = np.array([patient in first for patient in cohort.patients])
    train, holdout = (cohort.subset(np.flatnonzero(side)) for side in (inside, ~inside))
    return replace(train, role=Role.TRAIN), replace(holdout, role=Role.HOLDOUT)


def quality(train: Cohort, holdout: Cohort, spec: str, seed: int) -> tuple[Quality, Pool]:
    """The verifier's quality by this encoder."""
    asked, workers = [registry.encoder(spec)], default_workers()
    (encoder,) = fitted_encoders(asked, [train, holdout], seed=seed, folder=None, workers=workers, progress=Progress())
    with tempfile.TemporaryDirectory() as folder:
        cache = EmbeddingCache(Path(folder))
        rows = [embed(one, encoder, cache=cache).vectors for one in (train, holdout)]
    pool = Pool.of(train, holdout)
    rng = np.random.default_rng(seed)
    found = visits(pool, 5)
    verifier = Verifier.fit(pool.in_pool_order(*rows), pool, found, rng)
    background = Background.of(verifier, pool, np.ones(pool.n_patients, dtype=bool), rng)
    return Quality.of(verifier, background, pool, found, rng), pool


def line(row: Row, cohort: Cohort, spec: str, seed: int) -> str:
    """One line of the table."""
    clock = time.process_time()
    train, holdout = halves(chosen(cohort, row, seed), seed)
    found, pool = quality(train, holdout, spec, seed)
    tpr = "not measurable" if isinstance(found.tpr, NotEnoughData) else _rate(found.tpr)
    cells = (
        row.says,
        spec,
        str(len(pool)),
        str(pool.n_patients),
        str(found.n_patients),
        _rate(found.auc),
        _rate(found.eer),
        tpr,
        _rate(Rate(*found.precision_at_1)),
        _rate(Rate(*found.map_at_r)),
        f"{time.process_time() - clock:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def _rate(rate: Rate) -> str:
    return f"{rate.value:.3f} ({rate.low:.3f}-{rate.high:.3f})"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoders", nargs="+", default=["descriptor"])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, seed {arguments.seed}")
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    for row in ROWS:
        cohort = read(row.dataset, arguments.data)
        for spec in arguments.encoders:
            try:
                print(line(row, cohort, spec, arguments.seed), flush=True)
            except SynthauditError as error:
                print(f"| {row.says} | {spec} | {error} |", flush=True)


if __name__ == "__main__":
    main()
