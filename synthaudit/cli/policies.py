"""`synthaudit policies`: what a release can be asked to satisfy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from synthaudit.policy import Rule


@click.command()
@click.argument("name", required=False)
def policies(name: str | None) -> None:
    """List the policies, or print one in words.

    NAME is a preset or a TOML file; without it, the presets are listed.
    """
    from synthaudit.cli.verdict_text import wrapped
    from synthaudit.policy import PRESETS, load_policy

    if name is None:
        for preset in PRESETS:
            click.echo(preset)
            click.echo(wrapped(load_policy(preset).purpose, "    "))
        return
    policy = load_policy(name)
    click.echo(wrapped(f"{policy.name}: {policy.purpose}"))
    for rule in policy.rules:
        click.echo(f"\n{rule.id}: {rule.says}.")
        for sentence in (in_words(rule), rule.rationale):
            click.echo(wrapped(sentence, "    "))


def in_words(rule: Rule) -> str:
    """What a rule compares, and what follows from it."""
    from synthaudit.policy import Verdict

    side, end = ("at most", "upper") if rule.at_most is not None else ("at least", "lower")
    compared = f"the {end} end of the interval of {rule.measure}" if rule.bound == "interval" else rule.measure
    passes = f"PASS if {compared} is {side} {rule.threshold:g}"
    opens = ["was not measured"]
    if rule.minimum_patients:
        opens.append(f"rests on fewer than {rule.minimum_patients} patients")
    if rule.requires:
        opens.append(f"counts for nothing because {' or '.join(rule.requires)} did not pass")
    if rule.on_breach is not Verdict.FAIL:
        return f"{passes}, INCONCLUSIVE otherwise, and if it {' or '.join(opens)}."
    beyond = "FAIL if the whole interval lies beyond that, INCONCLUSIVE between"
    breach = beyond if rule.bound == "interval" else "FAIL otherwise"
    return f"{passes}, {breach}, and INCONCLUSIVE if it {' or '.join(opens)}."
