"""axe-core on a page: what of it not everybody can use, in light and in dark colours."""

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from tests.browser.visitor import Visitor

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The rules of these tags that read colours. A scheme changes nothing else: tests/unit/web/test_static.py.
COLOURS = ["color-contrast", "link-in-text-block"]
# Of the answer only what is wrong travels back: the rest is some hundred kilobytes a page.
RUN = """async (runOnly) => {
  const { violations } = await axe.run({ runOnly, resultTypes: ["violations"] });
  return violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`));
}"""


def violations(visitor: Visitor) -> list[str]:
    """What is serious or critical, each with the view it was seen in."""
    if not visitor.page.evaluate("'axe' in window"):
        visitor.page.evaluate(_engine())
    serious = _run(visitor, TAGS)
    with visitor.scheme("dark"):
        return serious + _run(visitor, {"type": "rule", "values": COLOURS})


def _run(visitor: Visitor, rules: Sequence[str] | dict[str, Any]) -> list[str]:
    return [f"{visitor.view}: {each}" for each in visitor.page.evaluate(RUN, rules)]


@cache
def _engine() -> str:
    """Its source, as the package brings it."""
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
