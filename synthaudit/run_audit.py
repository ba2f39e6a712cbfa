"""The one flow: cohorts, embeddings, probes, policy, verdict, files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, Literal

import numpy as np

from synthaudit import provenance, registry
from synthaudit.audit_record import Audit, EncoderSummary, Provenance
from synthaudit.cohort import Cohort, Role
from synthaudit.completeness_rule import completeness_rule
from synthaudit.embed import embed
from synthaudit.embedding_cache import EmbeddingCache
from synthaudit.embeddings import Embeddings, PixelEncoder, TableEncoder
from synthaudit.encoders.weights import check_of
from synthaudit.errors import NotEnoughData, UsageError
from synthaudit.finding import Finding
from synthaudit.fit_encoders import AnyEncoder, fitted_encoders
from synthaudit.generators.protocol import Generator
from synthaudit.intake import Images, Intake, load
from synthaudit.matching.compare import Effort
from synthaudit.matching.kept import KeptBlocks
from synthaudit.matching.matcher import Matcher
from synthaudit.matching.memo import Memo
from synthaudit.matching.pool import Pool, Space, working_size
from synthaudit.parallel import default_workers
from synthaudit.policy import Policy, load_policy, overall
from synthaudit.probe import Evidence, Need, Probe, Settings
from synthaudit.progress import Progress
from synthaudit.slice_selection import as_asked, slice_step
from synthaudit.summary import actions, cohort_summary, encoder_fitness, reason
from synthaudit.weights_rule import weights_rule

SIZES_SAMPLED = 32


def audit(
    *,
    train: Images,
    synthetic: Images,
    holdout: Images | None = None,
    reference: Images | None = None,
    metadata: str | os.PathLike[str] | None = None,
    split: str | None = None,
    slices: str | None = None,
    neighbors: bool = False,
    generator: str | Generator | None = None,
    encoders: Sequence[str | AnyEncoder] = ("descriptor",),
    probes: Sequence[str | Probe] | None = None,
    policy: str | os.PathLike[str] | Policy = "controlled-release",
    seed: int = 0,
    workers: int | None = None,
    device: str = "cpu",
    cache: EmbeddingCache | Literal[False] | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
    offline: bool = True,
    memo: Memo | None = None,
    trust_code: bool = False,
) -> Audit:
    """Ask whether patients whose images trained a generator can be found again in what it makes.

    Args:
        train, synthetic, holdout, reference: Folders of images, or cohorts.
        metadata: CSV or Parquet with the columns file and patient_id.
        split: "patients:0.5" sets that share of the training folder's patients apart as the holdout. Only right if the
            generator was trained on the rest.
        slices: "every:N" looks at every N-th slice of each synthetic volume, and lists how many it left out.
        neighbors: Show encoders each slice of a volume with the one before and the one after it, as channels. Goes
            beside an audit of the slices one by one: a single slice copied out of a volume is not found this way.
        generator: The generator itself, by its URI or as an object; opens the questions on what its weights remember.
        encoders: Names ("descriptor", "openclip:..."), or objects; their scores are combined before any decision.
        probes: Names or objects; all that are installed by default.
        policy: A preset, a TOML file, or a Policy.
        seed: Of every random choice. The same input and seed give the same numbers on the same kind of machine.
        workers: Threads; all processors by default. The numbers do not depend on it.
        device: "cpu" or "cuda", for encoders that use one.
        cache: Where embeddings are kept; None for the user's cache, False for none.
        settings: Error rates and sizes.
        progress: Where to tell how far it is; silent by default.
        offline: Download nothing.
        memo: Handed to several audits of the same images (a benchmark's), it spares comparing a pair twice.
        trust_code: Load a generator even if that executes code of its own.

    Raises:
        UsageError, InputError, EncoderError: Before anything long is started, where that is possible.
    """
    started, clock = provenance.now(), time.perf_counter()
    progress, settings, workers = progress or Progress(), settings or Settings(), workers or default_workers()
    if seed < 0:
        raise UsageError(f"seed must be 0 or more, got {seed}")
    slice_step(slices)  # refused now, not after an hour of reading
    judge = policy if isinstance(policy, Policy) else load_policy(os.fspath(policy))
    chosen = _probes(probes)
    asked = _encoders(encoders, device, offline)
    model = _generator(generator, device, trust_code)
    store = None if cache is False else cache or EmbeddingCache()
    with _quiet_opencv():
        intake = load(
            train=train,
            synthetic=synthetic,
            holdout=holdout,
            reference=reference,
            metadata=metadata,
            split=split,
            seed=seed,
            workers=workers,
            progress=progress,
            cache=None if store is None else store.location,
        )
        intake, how_read = as_asked(intake, slices, neighbors)
        real = [c for c in (intake.train, intake.holdout) if c is not None]
        folder = None if store is None else store.location
        models = fitted_encoders(asked, real, seed=seed, folder=folder, workers=workers, progress=progress)
        evidence = _evidence(intake, models, store, settings, seed, workers, progress, memo)
        evidence = replace(evidence, generator=model, folder=folder)
        findings = tuple(_run(probe, evidence) for probe in chosen)
    made = provenance.provenance(
        seed=seed,
        started=started,
        seconds=time.perf_counter() - clock,
        stages=progress.seconds,
        settings={
            **asdict(settings),
            **asdict(evidence.matcher.effort),
            "canvas_px": evidence.matcher.size,
            "split": split or "given",
            "device": device,
            **_generator_settings(model),
            **how_read,
        },
    )
    return _concluded(intake, judge, models, findings, made)


def _concluded(
    intake: Intake,
    judge: Policy,
    models: Sequence[PixelEncoder | TableEncoder],
    findings: tuple[Finding, ...],
    made: Provenance,
) -> Audit:
    """The audit, once everything is measured."""
    used = tuple(
        EncoderSummary(
            m.name,
            m.fingerprint,
            m.dim,
            encoder_fitness(m.name, findings),
            check_of(m).value,
        )
        for m in models
    )
    results = (*judge.judge(findings), *weights_rule(used), *completeness_rule(intake.issues))
    verdict, key = overall(results), provenance.secret_key()
    cohorts = {c.role: c for c in (intake.train, intake.holdout, intake.synthetic, intake.reference) if c is not None}
    return Audit(
        verdict=verdict,
        reason=reason(verdict, results),
        actions=actions(verdict, results, findings, intake.holdout is not None),
        policy=judge.name,
        policy_purpose=judge.purpose,
        rules=results,
        cohorts={role.value: cohort_summary(c, intake.sizes.get(role, ""), key) for role, c in cohorts.items()},
        issues=intake.issues,
        encoders=used,
        findings=findings,
        provenance=made,
        files_left_out=intake.files_left_out,
    )


def judge_again(old: Audit, policy: str | os.PathLike[str] | Policy) -> Audit:
    """The same findings under another policy; nothing is computed anew."""
    judge = policy if isinstance(policy, Policy) else load_policy(os.fspath(policy))
    results = (*judge.judge(old.findings), *weights_rule(old.encoders), *completeness_rule(old.issues))
    verdict = overall(results)
    has_holdout = Role.HOLDOUT.value in old.cohorts
    return replace(
        old,
        verdict=verdict,
        reason=reason(verdict, results),
        actions=actions(verdict, results, old.findings, has_holdout),
        policy=judge.name,
        policy_purpose=judge.purpose,
        rules=results,
    )


def _probes(chosen: Sequence[str | Probe] | None) -> tuple[Probe, ...]:
    if chosen is None:
        return registry.probes()
    return tuple(registry.probes([one])[0] if isinstance(one, str) else one for one in dict.fromkeys(chosen))


def _encoders(asked: Sequence[str | AnyEncoder], device: str, offline: bool) -> tuple[AnyEncoder, ...]:
    """The encoders, loaded before any image is read: a wrong name must not cost an hour."""
    if not asked:
        raise UsageError("encoders must name at least one, got none; leave it out to use the descriptor")
    models = tuple(
        registry.encoder(one, device=device, offline=offline) if isinstance(one, str) else one for one in asked
    )
    names = [model.name for model in models]
    if len(set(names)) < len(names):
        raise UsageError(f"encoders must differ, got {', '.join(names)}")
    return models


def _generator(asked: str | Generator | None, device: str, trust_code: bool) -> Generator | None:
    return registry.generator(asked, device=device, trust_code=trust_code) if isinstance(asked, str) else asked


def _generator_settings(generator: Generator | None) -> dict[str, Any]:
    """Which generator was audited beside its samples: never where it lies."""
    if generator is None:
        return {}
    spec = generator.spec
    return {"generator": {"name": spec.name, "checkpoint_digest": spec.checkpoint_digest, "shape": spec.shape}}


def _evidence(
    intake: Intake,
    models: Sequence[PixelEncoder | TableEncoder],
    cache: EmbeddingCache | None,
    settings: Settings,
    seed: int,
    workers: int,
    progress: Progress,
    memo: Memo | None = None,
) -> Evidence:
    """Embed everything, and set up the search."""
    cohorts = [c for c in (intake.train, intake.holdout, intake.synthetic, intake.reference) if c is not None]
    embeddings: dict[str, dict[Role, Embeddings]] = {
        model.name: {
            cohort.role: embed(cohort, model, cache=cache, workers=workers, progress=progress) for cohort in cohorts
        }
        for model in models
    }
    real = [c for c in (intake.train, intake.holdout) if c is not None]
    pool = Pool.of(*real)
    spaces = tuple(
        Space(model, pool.in_pool_order(*(embeddings[model.name][cohort.role].vectors for cohort in real)))
        for model in models
    )
    size = min(_typical_size(*real), _typical_size(intake.synthetic))
    kept = None if cache is None else KeptBlocks(cache.location)
    matcher = Matcher(
        pool, spaces, size=size, workers=workers, effort=Effort(), progress=progress, memo=memo, kept=kept
    )
    train, holdout, synthetic, reference = intake.train, intake.holdout, intake.synthetic, intake.reference
    return Evidence(train, holdout, synthetic, reference, embeddings, pool, matcher, settings, seed, workers, progress)


def _typical_size(*cohorts: Cohort) -> int:
    """Side of the canvas that does justice to these images, from a sample that knows neither order nor role."""
    images = sorted((digest, i, c) for c in range(len(cohorts)) for i, digest in enumerate(cohorts[c].pixel_digests))
    sample = [cohorts[c].sources[i].read().shape[:2] for _, i, c in images[:SIZES_SAMPLED]]
    return working_size(np.array([max(shape) for shape in sample]))


def _run(probe: Probe, evidence: Evidence) -> Finding:
    """One probe's finding; what it lacks is said, and is never a pass."""
    missing = [need for need in sorted(probe.needs) if not _met(need, evidence)]
    if missing:
        return _not_run(probe, f"it needs {' and '.join(missing)}")
    try:
        return probe.run(evidence, evidence.rng(f"probe {probe.name}"))
    except NotEnoughData as error:
        return _not_run(probe, str(error))


def _met(need: Need, evidence: Evidence) -> bool:
    return {
        Need.HOLDOUT: evidence.holdout is not None,
        Need.PIXEL_ENCODER: evidence.can_embed,
        Need.GENERATOR: evidence.generator is not None,
    }[need]


def _not_run(probe: Probe, why: str) -> Finding:
    return Finding(probe.name, probe.question, "This question was not answered.", not_run=why)


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """One OpenCV thread in each of ours: more would fight for the same cores."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
