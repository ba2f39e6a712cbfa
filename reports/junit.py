"""The verdicts as JUnit XML, which every CI system shows.

One case for each rule. FAIL is a `failure`. INCONCLUSIVE is an `error`, which by JUnit's own meaning is a case that
could not be judged: it is red and counted apart from failures. `skipped` would be wrong, since CI systems show it as
good. Should all rules be passed and the audit not be (no rule, for example), one more case carries the audit's own
verdict, so that the file is never green when the audit is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from synthaudit.audit_record import Audit
from synthaudit.evidence_file import audit_id, public
from synthaudit.policy import Verdict
from synthaudit.reports import formats, wording

_ELEMENTS = {Verdict.FAIL: "failure", Verdict.INCONCLUSIVE: "error"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Junit:
    """junit.xml: one case for each rule."""

    name: ClassVar[str] = "junit"
    filename: ClassVar[str] = "junit.xml"
    restricted: ClassVar[bool] = False

    def render(self, audit: Audit) -> bytes:
        """UTF-8 XML; equal audits give equal bytes."""
        told = public(audit)
        suite = Element("testsuite", name=_clean(f"synthaudit.{told.policy}"))
        properties = SubElement(suite, "properties")
        for name, value in {"audit": audit_id(audit), "verdict": told.verdict.value}.items():
            SubElement(properties, "property", name=name, value=value)
        for result in told.rules:
            measured = formats.measured(result.measure)
            asked = formats.threshold(result.rule, result.measure)
            detail = f"{result.rule.says}\nMeasured: {measured}. Asked for: {asked}.\n{result.reason}"
            _case(suite, result.rule.id, result.verdict, result.reason, detail)
        if all(result.verdict is Verdict.PASS for result in told.rules) and told.verdict is not Verdict.PASS:
            _case(suite, "audit", told.verdict, told.reason, wording.VERDICTS[told.verdict])
        suite.set("tests", str(len(suite.findall("testcase"))))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
        suite.set("errors", str(len(suite.findall("testcase/error"))))
        suite.set("skipped", "0")
        suite.set("time", f"{told.provenance.seconds:g}")
        suite.set("timestamp", _clean(told.provenance.started.removesuffix("Z")))
        root = Element("testsuites")
        root.append(suite)
        indent(root)
        content: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
        return content + b"\n"


def _case(suite: Element, name: str, verdict: Verdict, reason: str, detail: str) -> None:
    case = SubElement(suite, "testcase", classname=suite.get("name", ""), name=_clean(name), time="0")
    if verdict is not Verdict.PASS:
        outcome = SubElement(case, _ELEMENTS[verdict], type=verdict.value.lower(), message=_clean(reason))
        outcome.text = _clean(detail)


def _clean(text: str) -> str:
    """The text without the signs that XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
