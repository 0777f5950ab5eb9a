"""Someone at the pages with a real browser, and everything that went wrong meanwhile."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Locator, Page, Request, expect

from open_analytic.web.language import words

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
LOCALES = {"en": "en-GB", "zh": "zh-CN"}
PATIENCE_MS = 30_000  # a limit for what hangs
PHONE = 700  # pixels: what is narrower is a phone
Scheme = Literal["light", "dark"]
# A breach of the Content-Security-Policy is logged on the console; each test ends with a look there.
# Requests of scripts are counted until their answers are read.
WATCH = """addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} forbids ${event.blockedURI} ${event.sourceFile}`));
window.pending = 0;
const original = window.fetch;
window.fetch = async (...options) => {
  window.pending += 1;
  const over = () => setTimeout(() => { window.pending -= 1; });
  try {
    const answer = await original(...options);
    answer.clone().arrayBuffer().then(over, over);
    return answer;
  } catch (error) {
    over();
    throw error;
  }
};"""
# The page is loaded, and its scripts made no request in three frames.
CALM = """async () => {
  for (let frames = 0; frames < 3; frames = document.readyState === "complete" && !window.pending ? frames + 1 : 0)
    await new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How someone looks at the pages."""

    language: str = "en"
    width: int = 1280
    scheme: Scheme = "light"

    def __str__(self) -> str:
        return f"{self.language}-{self.width}" + ("-dark" if self.scheme == "dark" else "")


EVERY = [View(language=language, width=width) for language in LOCALES for width in (1280, 375)]

BOTH = [EVERY[0], EVERY[-1]]


@dataclass(kw_only=True)
class Visitor:
    """A page of a browser of its own; ``announced`` are patterns of what may go wrong in this test."""

    page: Page
    view: View
    base: str
    trouble: list[str] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)

    def t(self, key: str, **values: object) -> str:
        """The words of a key in the visitor's language."""
        return words(self.view.language)(key, **values)

    def pattern(self, key: str) -> re.Pattern[str]:
        """The words of a key, whatever stands for its placeholders."""
        text = words(self.view.language).table[key]
        texts = [text] if isinstance(text, str) else text.values()
        patterns = (".+?".join(re.escape(part) for part in re.split(r"\{\w+\}", each)) for each in texts)
        return re.compile("|".join(f"^{pattern}$" for pattern in patterns))

    def button(self, key: str, **values: object) -> Locator:
        return self.page.get_by_role("button", name=self.t(key, **values), exact=True)

    def open(self, path: str) -> None:
        """A page, once its scripts have settled."""
        self.page.goto(self.base + path)
        self.quiet()

    def quiet(self) -> None:
        """Wait until nothing is asked for any more."""
        while True:
            self.page.wait_for_load_state()
            try:
                self.page.evaluate(CALM)
            except Error as error:  # the page was left meanwhile
                if "navigation" not in error.message:
                    raise
            else:
                return

    @contextmanager
    def scheme(self, scheme: Scheme) -> Iterator[None]:
        """The same page in other colours, without loading it again."""
        before = self.view
        self.view = replace(before, scheme=scheme)
        self.page.emulate_media(color_scheme=scheme)
        yield
        self.view = before
        self.page.emulate_media(color_scheme=before.scheme)

    def give(self, data: bytes, name: str = "query.png") -> None:
        """Choose a file on a search page, and wait for what is found."""
        with self.answered():
            self.page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": data})

    def options(self) -> None:
        """How to search, which a phone folds up."""
        folded = self.page.locator("#options:not([open]) > summary")
        if folded.count():
            folded.click()

    @contextmanager
    def answered(self) -> Iterator[None]:
        """What is done within makes a search; its hits are shown at the end."""
        with self.page.expect_response(lambda answer: "/hits?" in answer.url and "explain" not in answer.url):
            yield
        self.page.locator("#search:not([data-busy])").wait_for()

    def hits(self) -> list[str]:
        """The names of the hits shown."""
        names = self.page.locator("#hits .name")
        return [str(each.get_attribute("title")) for each in names.all()]

    def parameters(self) -> dict[str, str]:
        """The parameters of the page's address."""
        return dict(parse_qsl(urlsplit(self.page.url).query))

    def tab_to(self, selector: str, *, most: int = 80) -> None:
        """Press Tab until the element has the focus."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"{most} times Tab did not reach {selector}")

    def drop(self, *paths: Path) -> None:
        """Drop files and folders in the middle of the page, as from a file manager."""
        x, y = self.view.width / 2, 300
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        session = self.page.context.new_cdp_session(self.page)
        for kind in ("dragEnter", "dragOver", "drop"):
            session.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})
        session.detach()

    def copied(self) -> str:
        """The text on the clipboard."""
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    def expect(self, *patterns: str) -> None:
        """Announce what goes wrong on purpose."""
        self.announced += patterns

    def fits(self) -> None:
        """Nothing is wider than the window."""
        wide = self.page.evaluate(
            """() => [...document.querySelectorAll("body *")].filter((each) => {
              const box = each.getBoundingClientRect();
              return box.width && box.right > innerWidth + 1 && !each.closest("[data-scrolls], pre, .scroll, .table");
            }).slice(0, 5).map((each) => each.outerHTML.slice(0, 120))"""
        )
        sides = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert sides[0] <= sides[1], f"{sides[0]} px in a window of {sides[1]}: {wide}"

    def unannounced(self) -> list[str]:
        return [line for line in self.trouble if not any(re.search(pattern, line) for pattern in self.announced)]


@contextmanager
def visit(browser: Browser, base: str, view: View) -> Iterator[Visitor]:
    """A visitor whose language is the browser's; without cookies, and gone at the end."""
    context = _context(browser, view.language, view.width < PHONE)
    page = context.new_page()
    try:
        page.emulate_media(color_scheme=view.scheme)
        if page.viewport_size and page.viewport_size["width"] != view.width:
            page.set_viewport_size({"width": view.width, "height": page.viewport_size["height"]})
        visitor = Visitor(page=page, view=view, base=base)
        _watch(page, visitor)
        yield visitor
    finally:
        for each in context.pages:
            each.close()
        context.clear_cookies()


@cache
def _context(browser: Browser, language: str, phone: bool) -> BrowserContext:
    """One for all visitors of a sort: the site's scripts are fetched and compiled once."""
    context = browser.new_context(
        locale=LOCALES[language], is_mobile=phone, has_touch=phone, reduced_motion="reduce",
        viewport={"width": 375, "height": 812} if phone else {"width": 1280, "height": 900},
        permissions=["clipboard-read", "clipboard-write"],
    )  # fmt: skip
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    context.add_init_script(WATCH)
    return context


def _watch(page: Page, visitor: Visitor) -> None:
    """Note what no page should say, ask for, or leave undone."""
    note = visitor.trouble.append
    page.on("console", lambda message: _console(message, note))
    page.on("pageerror", lambda error: note(f"page error: {error}"))
    page.on("requestfailed", lambda request: _failed(request, note))
    page.on("request", lambda request: _foreign(request, visitor.base, note))


def _console(message: ConsoleMessage, note: Callable[[str], None]) -> None:
    if message.type in ("error", "warning"):
        note(f"console {message.type}: {message.text} ({message.location.get('url', '')})")


def _failed(request: Request, note: Callable[[str], None]) -> None:
    # A page gives up a request itself for a newer one, or when it is left.
    if request.failure != "net::ERR_ABORTED":
        note(f"failed: {request.method} {request.url}: {request.failure}")


def _foreign(request: Request, base: str, note: Callable[[str], None]) -> None:
    address = urlsplit(request.url)
    if address.scheme not in ("blob", "data") and f"{address.scheme}://{address.netloc}" != base:
        note(f"asked elsewhere: {request.url}")
