"""What the reports say of encoders: each by its own name, in plain words, with what the figures do not mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from synthaudit.audit_record import Audit
from synthaudit.finding import Finding, Measure
from synthaudit.reports import wording
from synthaudit.reports.markdown import Markdown
from synthaudit.reports.pdf import Pdf


@pytest.fixture
def tried(failing: Audit) -> Audit:
    measures = (
        Measure("retrieval_at_1", 0.85, 0.73, 0.93, n_patients=60, unit="share", note="Looked up, not registered."),
        Measure("retrieval_at_1[descriptor]", 0.9, 0.79, 0.96, n_patients=60, unit="share"),
        Measure("retrieval_at_1[openclip:ViT-B-16]", None, unit="share", not_measured="nobody showed it an image"),
        Measure("hubness[descriptor]", 1.69, n_patients=60),
    )
    finding = Finding("encoders", "Can the encoders tell these images apart?", "Yes: 51 of 60.", measures)
    fitness = {"retrieval_at_1": 0.9, "effective_rank": 279.3, "effective_rank_share": 0.59, "hubness": 1.69}
    return replace(
        failing,
        findings=(*failing.findings, finding),
        encoders=(
            replace(failing.encoders[0], fitness=fitness),
            replace(failing.encoders[0], name="openclip:ViT-B-16", fitness={}),
        ),
    )


def test_the_pdf_has_a_row_for_each_encoder_in_plain_words(tried: Audit, text_of: Callable[[bytes], str]) -> None:
    words = text_of(Pdf().render(tried)).replace("\u00a0", " ")
    for said in (
        "Altered images that lead back to themselves: as used",
        "Altered images that lead back to themselves: descriptor",
        "Altered images that lead back to themselves: openclip:ViT-B-16",
        "Not measured: nobody showed it an image",
        "Their fitness for these images",
        "descriptor 90 % – – 279.30 59 % 1.69 openclip:ViT-B-16 – – – – – –",
        "–: not measured. Measured on the real images of this audit, each encoder alone.",
        "The verdict looks at their combination.",
    ):
        assert said in words, said


def test_the_summary_tells_it_with_what_could_have_been_found(tried: Audit) -> None:
    before, after = Markdown().render(tried).decode().split("## What could have been found")
    assert "**Are the encoders fit for these images?** Yes: 51 of 60." in after
    assert "encoders fit" not in before


def test_an_encoder_keeps_its_name_and_a_transform_gets_words() -> None:
    assert wording.measure_label("same_patient_auc[openclip:ViT-L-14]").endswith(": openclip:ViT-L-14")
    assert wording.measure_label("sensitivity[flip]").endswith(": mirrored")
    assert wording.measure_label("hubness").endswith(": as used")
