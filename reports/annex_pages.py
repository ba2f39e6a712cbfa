"""The pages of the restricted annex."""

from __future__ import annotations

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Table

from synthaudit.audit_record import Audit
from synthaudit.finding import Exposure, Pair
from synthaudit.reports import annex_doubtful, annex_headers, blocks, exposures, formats, withheld, wording
from synthaudit.reports.annex_panel import panel
from synthaudit.reports.blocks import Column

TITLE = "Restricted annex"
MARGIN = 16 * mm
_GAP = 4 * mm
_PURPOSE = (
    "These pages name patients and files. They are for those who must look at the evidence: let a radiologist judge "
    "each pair, and write down who looked and what was seen. Keep them under the rules that hold for the patient "
    "images themselves."
)


def story(audit: Audit, width: float) -> list[Flowable]:
    """Pairs, patients, synthetic images to withhold and to look at, files left out."""
    found = exposures.ordered(audit)
    return [
        blocks.text(f"{TITLE}: patients, pairs and files", "title"),
        blocks.text(_PURPOSE, "lead"),
        *_pairs([exposure for exposure in found if exposure.pair is not None], width),
        *_patients(found, width),
        *_withheld(audit, width),
        *annex_headers.section(audit, width),
        *annex_doubtful.section(audit, width),
        *_left_out(audit, width),
    ]


def _pairs(found: list[Exposure], width: float) -> list[Flowable]:
    heading = blocks.section("Pairs", room_mm=90)
    if not found:
        return [*heading, blocks.text("This audit holds no pair to look at.")]
    return [*heading, *(KeepTogether(_pair(exposure, width)) for exposure in found)]


def _pair(exposure: Exposure, width: float) -> list[Flowable]:
    pair = exposure.pair
    if pair is None:
        return []
    captions = (
        f"Synthetic: {exposure.synthetic_image}",
        f"Real, as it is: {exposure.real_image}",
        "Real, brought onto the synthetic image",
        "Difference (black: alike)",
    )
    room = (width - 3 * _GAP) / 4
    # The real image as it is stays clean: there the part may lie elsewhere, and nothing should distract from it.
    images = ((pair.synthetic, True), (pair.real, False), (pair.registered, True), (pair.difference, True))
    panels = [panel(image, room, pair.region if outlined else None) for image, outlined in images]
    cells = [panels, [blocks.text(caption, "small") for caption in captions]]
    grid = Table(
        cells,
        colWidths=[width / 4] * 4,
        hAlign="LEFT",
        style=[
            *blocks.FLUSH,
            ("RIGHTPADDING", (0, 0), (-1, -1), _GAP * 3 / 4),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
        ],
    )
    return [
        blocks.text(f"Patient {exposure.patient_id} ({wording.role_label(exposure.role)})", "h2"),
        grid,
        blocks.text(_judgment(pair), "cell"),
        blocks.space(3),
    ]


def _judgment(pair: Pair) -> str:
    margin = abs(pair.similarity - pair.threshold)
    side = "above" if pair.similarity >= pair.threshold else "below"
    if pair.region is not None:
        return (
            f"Brought together: {pair.transform}. Likeness of detail in the part {pair.similarity:.3f}; it counts "
            f"as a match from {pair.threshold:.3f} on, and lies {margin:.3f} {side} that. Equal parts come "
            "close to 1."
        )
    return (
        f"Brought together: {pair.transform}. Likeness {pair.similarity:.3f}; a pair counts as a direct match from "
        f"{pair.threshold:.3f} on, and this one lies {margin:.3f} {side} that. Equal images have 1."
    )


def _patients(found: list[Exposure], width: float) -> list[Flowable]:
    heading = blocks.section("Exposed patients", room_mm=50)
    if not found:
        nobody = "This audit names no exposed patient. An audit that was read back from evidence.json never does."
        return [*heading, blocks.text(nobody)]
    columns = [
        Column("Patient", 44),
        Column("Set", 20),
        Column("Real image", 50),
        Column("Synthetic image", 44),
        Column("Probe, encoder", 32),
        Column("Evidence", 22),
        Column("Score", 16, numeric=True),
        Column("p", 18, numeric=True),
        Column("q", 18, numeric=True),
        Column("Named", 18),
    ]
    rows = [_patient(exposure) for exposure in found]
    says = "“Named” are those whom the stated error rate allows to name. The others are listed for completeness."
    return [*heading, blocks.text(says), blocks.data_table(columns, rows, width, padding=2.5)]


def _patient(exposure: Exposure) -> list[blocks.Cell]:
    return [
        blocks.text(exposure.patient_id, "cell-strong"),
        blocks.text(wording.role_label(exposure.role), "cell"),
        blocks.text(exposure.real_image, "cell"),
        blocks.text(exposure.synthetic_image, "cell"),
        blocks.text(f"{exposure.probe}, {exposure.encoder}", "cell"),
        blocks.text(exposure.kind.value, "cell"),
        blocks.text(formats.number(exposure.score), "number"),
        blocks.text(formats.probability(exposure.p_value), "number"),
        blocks.text(formats.probability(exposure.q_value), "number"),
        blocks.text("yes" if exposure.flagged else "no", "cell"),
    ]


def _withheld(audit: Audit, width: float) -> list[Flowable]:
    heading = blocks.section("Synthetic images to withhold", room_mm=50)
    images = withheld.ordered(audit)
    if not images:
        return [*heading, blocks.text("This audit names none.")]
    columns = [Column("Synthetic image", 120), Column("Probe", 40), Column("Evidence", 40)]
    columns += [Column("Score", 30, numeric=True), Column("q", 30, numeric=True)]
    rows: list[list[blocks.Cell]] = [
        [
            blocks.text(image.synthetic_image, "cell-strong"),
            blocks.text(image.probe, "cell"),
            blocks.text(image.kind.value, "cell"),
            blocks.text(formats.number(image.score), "number"),
            blocks.text(formats.probability(image.q_value), "number"),
        ]
        for image in images
    ]
    return [*heading, blocks.text(wording.NO_REPAIR), blocks.data_table(columns, rows, width, padding=2.5)]


def _left_out(audit: Audit, width: float) -> list[Flowable]:
    heading = blocks.section("Files and rows with issues", room_mm=50)
    if not audit.files_left_out:
        return [*heading, blocks.text("None.")]
    says = {(issue.role, issue.reason): issue.says for issue in audit.issues}
    rows: list[list[blocks.Cell]] = [
        [
            blocks.text(wording.role_label(role), "cell"),
            blocks.text(name, "cell-strong"),
            blocks.text(says.get((role, reason), reason), "cell"),
        ]
        for role, name, reason in audit.files_left_out
    ]
    return [*heading, blocks.data_table([Column("Set", 24), Column("File", 100), Column("Why", 136)], rows, width)]
