// @ts-check
// The search page: its state is its address, and everything shown follows from that.
import { ApiError, call, get, ofCollection } from "./api.js";
import { clearAlert, showError, showNotice } from "./alerts.js";
import { browse, counted } from "./browse.js";
import { controls } from "./controls.js";
import { byId, h } from "./dom.js";
import { dropped } from "./folder.js";
import { showHits } from "./hits.js";
import { showHow } from "./how.js";
import { MODALITY } from "./modalities.js";
import { either, item, part } from "./nouns.js";
import { picker } from "./picker.js";
import { largest, showLike, showQuery } from "./preview.js";
import { recalled, remember } from "./queries.js";
import { address, like, parameters, read, searching } from "./state.js";
import { textBox } from "./textbox.js";
import { asking } from "./viewer.js";
import { milliseconds, page, t } from "./words.js";

/** @typedef {import("./state.js").State} State */

const name = page.collection.name;
const { many } = page.collection;
const { texts } = page.contents;
const [searchPage, drop, query, options, form, results, list, start, empty] = [
  "search",
  "drop",
  "query",
  "options",
  "controls",
  "found",
  "hits",
  "start",
  "empty",
].map(byId);
const roomy = matchMedia("(min-width: 960px)"); // the options are beside the hits, and open; else they open on demand

let state = read();
/** @type {any} */
let collection = page.collection;
/** @type {(state: State) => void} */
let showControls = () => {};
/** @type {(text: string) => void} */
let showText = () => {};
/** @type {import("./hits.js").Found | null} */
let last = null;
let columns = false;
let previewed = "";
let browsed = false;
/** @type {((pictures: import("./folder.js").Picture[]) => void) | null} */
let begin = null; // an import
let imported = false; // here, just now: what failed stays to be read
/** @type {AbortController | null} */
let running = null;

/** Another state is another page of the history. @param {Partial<State>} next */
function change(next) {
  state = { ...state, ...next };
  if (address(state) !== location.pathname + location.search) history.pushState(null, "", address(state));
  render();
}

/** What of the page is seen. */
function arrange() {
  const on = searching(state);
  searchPage.dataset.mode = on ? "found" : "start";
  const unfilled = collection.pictures === 0 && Boolean(collection.pipeline); // an empty one is filled first
  drop.hidden = (on && !texts) || (!on && unfilled); // a text stays there to be changed
  options.hidden = results.hidden = !on;
  query.hidden = !on || Boolean(state.text);
  start.hidden = on || !collection.pictures;
  empty.hidden = on || (collection.pictures !== 0 && !imported) || !collection.pipeline;
  byId("empty-text").hidden = imported || collection.pictures !== 0;
  if (!texts) byId("empty-title").textContent = item(imported ? "add" : "empty");
  showText(state.text);
  showControls(state);
}

/** Everything as the state says. */
function render() {
  arrange();
  if (searching(state)) {
    preview();
    search();
  } else {
    running?.abort();
    previewed = "";
    clearAlert();
    startHere();
  }
}

/** A picture: it is kept for a while under an id, which the address names. @param {Blob | {url: string}} picture */
async function ask(picture) {
  running?.abort();
  const mine = (running = new AbortController());
  clearAlert();
  busy(true);
  try {
    const answer = await call("POST", ofCollection(name, "/queries"), picture, mine.signal);
    remember(name, answer);
    change({ query: answer.id, like: "", text: "", part: null, region: null, face: largest(answer.regions) });
    query.querySelector("button")?.focus({ preventScroll: true });
    window.scrollTo({ top: 0 });
  } catch (error) {
    if (!mine.signal.aborted) showError(error);
  } finally {
    if (running === mine) busy(false);
  }
}

/** The picture searched for. It is drawn again when the search changed. */
async function preview() {
  const now = JSON.stringify([state.query, state.face, state.region, state.like, state.part, state.text]);
  if (now === previewed) return;
  previewed = now;
  if (state.text) return; // its box shows it
  if (state.like) {
    showLike(query, name, state, again);
    return;
  }
  try {
    const answer = await recalled(name, state.query);
    if (previewed !== now) return;
    const focused = document.activeElement && query.contains(document.activeElement) ? document.activeElement : null;
    showQuery(query, answer, state, { many, change, again });
    refocus(focused);
  } catch {
    // The search tells why; here is only nothing to draw on.
    query.replaceChildren(
      h("div", { class: "row" }, h("button", { type: "button", id: "again", onclick: again }, item("again"))),
    );
  }
}

/** Keyboard users stay where they were. @param {Element | null} element */
function refocus(element) {
  if (!element) return;
  const part = element.getAttribute("data-part");
  const same =
    part !== null
      ? query.querySelector(`[data-part="${CSS.escape(part)}"]`)
      : element.id && document.getElementById(element.id);
  if (same instanceof HTMLElement) same.focus({ preventScroll: true });
}

function again() {
  change({ query: "", like: "", text: "", part: null, face: null, region: null });
  document.getElementById(texts ? "text" : "choose")?.focus();
}

/** Ask for the hits; a request still running is given up. */
async function search() {
  running?.abort();
  const mine = (running = new AbortController());
  busy(true);
  try {
    const query_ = /** @type {Record<string, any>} */ (parameters(state));
    const answer = await get(ofCollection(name, "/hits", query_), mine.signal);
    clearAlert();
    last = answer;
    showFound(answer, ofCollection(name, "/hits", { ...query_, explain: 1 }));
  } catch (error) {
    if (!mine.signal.aborted) failed(error);
  } finally {
    if (running === mine) busy(false);
  }
}

/** @param {unknown} error */
function failed(error) {
  list.replaceChildren();
  byId("how").replaceChildren();
  byId("tools").replaceChildren();
  byId("found-count").textContent = "";
  if (error instanceof ApiError && error.type === "UnknownQuery") {
    state = { ...state, query: "", face: null, region: null };
    history.replaceState(null, "", address(state));
    render();
    showNotice(item("gone"), item("gone_hint"));
  } else if (error instanceof ApiError && error.type === "NoFace" && !texts) {
    clearAlert();
    byId("found-count").textContent = part("undetected");
  } else showError(error);
}

/** @param {import("./hits.js").Found} answer @param {string} explain */
function showFound(answer, explain) {
  const count = answer.hits.length;
  byId("found-count").textContent = count
    ? t("hits.count", { n: count, ms: milliseconds(answer.milliseconds.total) })
    : t("hits.none");
  drawHits();
  const wasOpen = /** @type {HTMLDetailsElement | null} */ (document.getElementById("explain"))?.open || false;
  showHow(byId("how"), answer, explain, wasOpen);
  byId("tools").replaceChildren(...(Object.keys(collection.columns).length && count ? [columnsToggle()] : []));
}

function drawHits() {
  if (!last) return;
  const to = (/** @type {any} */ hit) => like(state, hit.name, hit.part);
  showHits(list, name, last, {
    columns,
    link: (hit) => address(to(hit)),
    go: (hit) => {
      change(to(hit));
      window.scrollTo({ top: 0 });
    },
  });
}

function columnsToggle() {
  const toggle = h("button", { type: "button", id: "columns", "aria-pressed": String(columns) }, t("hits.columns"));
  toggle.addEventListener("click", () => {
    columns = !columns;
    toggle.setAttribute("aria-pressed", String(columns));
    drawHits();
  });
  return toggle;
}

/** A folder or several files are not searched with but added, after a question. @param {DataTransfer} data */
async function fill(data) {
  const pictures = await dropped(data);
  if (!pictures.length) {
    showNotice(t("import.no_pictures", { suffixes: page.contents.suffixes.join(" ") }));
    return;
  }
  const text = h("p", {}, item("ask_hint"));
  if (!(await asking(item("ask", { n: pictures.length }), [text], t("import.add")))) return;
  imported = true;
  change({ query: "", like: "", part: null, face: null, region: null });
  const begin = await importHere();
  empty.scrollIntoView({ block: "center" });
  begin(pictures);
}

/** Where pictures are added on this page, made once. */
async function importHere() {
  const { importer } = await import("./importing.js");
  const began = () => {
    imported = true;
    arrange();
  };
  return (begin ??= importer(byId("import"), collection, page.site, { began, done: load }));
}

/** @param {boolean} on */
function busy(on) {
  searchPage.toggleAttribute("data-busy", on);
  list.setAttribute("aria-busy", String(on));
}

/** Before a query: the collection's pictures to begin with, or how to add some. */
async function startHere() {
  if (browsed || collection.pictures === undefined) return;
  browsed = true;
  if (collection.pictures === 0) {
    if (collection.pipeline && !texts) await importHere(); // the page names the command that imports texts
  } else {
    const open = (/** @type {string[]} */ names, /** @type {number} */ at) => change(like(state, names[at], null));
    await browse(byId("browse"), name, { open, link: (one) => address(like(state, one, null)) }).reload();
  }
}

/** What is in the collection, which the controls are made of. */
async function load() {
  try {
    collection = await get(ofCollection(name));
    browsed = false;
    byId("count-pictures").textContent = counted(collection);
    showControls = controls(form, collection, state, change);
    arrange();
    if (!searching(state)) startHere();
  } catch (error) {
    showError(error);
  }
}

// What narrows the search is seen, also where there is little room.
options.open = roomy.matches || state.filter.length > 0 || state.rate !== null || state.max_distance !== null;
roomy.addEventListener("change", () => {
  if (roomy.matches) options.open = true;
});
window.addEventListener("popstate", () => {
  state = read();
  render();
});
if (texts) {
  const words = { label: t("text.label"), button: t("text.search"), hint: t("text.hint") };
  const search = (/** @type {string} */ text) =>
    change({ query: "", like: "", text, part: null, face: null, region: null });
  showText = textBox(drop, search, words);
  showText(state.text);
} else if (collection.pipeline) {
  picker(drop, {
    title: many ? either("pick") : item("pick"),
    touch: many ? either("touch") : item("touch"),
    urls: MODALITY.drawn && page.site.url_queries,
    onfile: ask,
    onurl: (url) => ask({ url }),
    onmany: (data) => fill(data).catch(showError),
  });
} else drop.replaceChildren(h("p", { class: "notice" }, t("pick.no_pipeline")));
if (searching(state)) render();
load();
