// @ts-check
// What is searched for, with the regions found in it to choose from; of a picture a rectangle can be drawn, too.
import { h, icon } from "./dom.js";
import { drawing } from "./drawing.js";
import { MODALITY } from "./modalities.js";
import { item, label, part, place as where } from "./nouns.js";
import { t } from "./words.js";

/**
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 * @typedef {{part: number, region: any, attributes: Record<string, any>}} Part
 * @typedef {{id: string, width: number, height: number, regions: Part[]}} Query
 * @typedef {import("./state.js").State} State
 */

/**
 * Places an element over a picture of this size.
 * @param {HTMLElement} element
 * @param {Box} box
 * @param {{width: number, height: number}} size
 */
export function over(element, box, size) {
  element.style.left = `${(100 * box.x) / size.width}%`;
  element.style.top = `${(100 * box.y) / size.height}%`;
  element.style.width = `${(100 * box.width) / size.width}%`;
  element.style.height = `${(100 * box.height) / size.height}%`;
}

/**
 * A file that was given, to choose a region of.
 * @param {HTMLElement} place @param {Query} query @param {State} state
 * @param {{many: boolean, change: (state: Partial<State>) => void, again: () => void}} options
 */
export function showQuery(place, query, state, { many, change, again }) {
  (MODALITY.drawn ? showPicture : showFile)(place, query, state, { many, change, again });
}

/**
 * @param {HTMLElement} place @param {Query} query @param {State} state
 * @param {{many: boolean, change: (state: Partial<State>) => void, again: () => void}} options
 */
function showFile(place, query, state, { many, change, again }) {
  const src = `/api/v1/queries/${encodeURIComponent(query.id)}/media`;
  const chosen = query.regions.find((each) => each.part === state.face);
  const choices = query.regions.map((each, number) =>
    h(
      "button",
      {
        type: "button",
        class: "choice",
        title: part("one", { n: number + 1, all: query.regions.length }),
        "data-part": each.part,
        "aria-pressed": String(each === chosen),
        onclick: () => change({ face: each.part, region: null }),
      },
      where(each.region) || part("hit", { n: number + 1 }),
    ),
  );
  place.replaceChildren(
    MODALITY.query?.(src, item("yours"), chosen?.region) || "",
    ...(many ? [h("p", { class: "hint" }, hint(query, many)), h("div", { class: "row choices" }, ...choices)] : []),
    h("div", { class: "row" }, h("button", { type: "button", id: "again", onclick: again }, item("again"))),
  );
}

/**
 * @param {HTMLElement} place @param {Query} query @param {State} state
 * @param {{many: boolean, change: (state: Partial<State>) => void, again: () => void}} options
 */
function showPicture(place, query, state, { many, change, again }) {
  const image = h("img", {
    src: `/api/v1/queries/${encodeURIComponent(query.id)}/picture`,
    alt: item("yours"),
    draggable: "false",
  });
  const stage = h("div", { class: "stage" }, image);
  stage.style.aspectRatio = `${query.width} / ${query.height}`;
  stage.style.setProperty("--ratio", String(query.width / query.height));
  query.regions.forEach((each, number) => stage.append(regionButton(query, each, number, state, change)));
  stage.addEventListener("keydown", (event) => arrows(stage, event));
  const draw = drawing(stage, query, state.region, (region) => change({ region, face: null }));
  const usual = largest(query.regions);
  const whole = h(
    "button",
    {
      type: "button",
      id: "whole",
      "aria-pressed": String(!state.region && (state.face ?? usual) === usual),
      onclick: () => change({ region: null, face: usual }),
    },
    many ? part("largest") : item("whole"),
  );
  place.replaceChildren(
    stage,
    h("p", { class: "hint" }, hint(query, many)),
    h(
      "div",
      { class: "row" },
      whole,
      draw.toggle,
      h("button", { type: "button", id: "again", onclick: again }, icon("picture"), item("again")),
    ),
    draw.fields,
  );
}

/**
 * A picture or a text of the collection that others are to be like.
 * @param {HTMLElement} place
 * @param {string} collection
 * @param {State} state
 * @param {() => void} again
 */
export function showLike(place, collection, state, again) {
  place.replaceChildren(
    MODALITY.liked(collection, state),
    h("p", { class: "like-name" }, t("query.like"), " ", h("strong", {}, state.like)),
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", id: "again", onclick: again }, MODALITY.drawn && icon("picture"), item("again")),
    ),
  );
}

/** The part that is searched for unless another is chosen. @param {Part[]} regions */
export function largest(regions) {
  const extent = (/** @type {Part} */ { region }) =>
    "width" in region ? region.width * region.height : (region.end ?? 1) - (region.start ?? 0);
  return regions.length ? regions.reduce((best, each) => (extent(each) > extent(best) ? each : best)).part : null;
}

/** @param {Query} query @param {boolean} many */
function hint(query, many) {
  if (!many) return t("query.hint");
  return query.regions.length ? part("found", { n: query.regions.length }) : part("undetected");
}

/**
 * @param {Query} query @param {Part} each @param {number} number @param {State} state
 * @param {(state: Partial<State>) => void} change
 */
function regionButton(query, each, number, state, change) {
  const caption = label(each.attributes);
  const title = [caption, part("one", { n: number + 1, all: query.regions.length })].filter(Boolean).join(" · ");
  const button = h(
    "button",
    {
      type: "button",
      class: "face",
      "aria-label": title,
      title,
      "data-part": each.part,
      "aria-pressed": String(!state.region && state.face === each.part),
    },
    caption && h("span", { class: "tag" }, caption),
  );
  over(button, each.region, query);
  button.addEventListener("click", () => change({ face: each.part, region: null }));
  return button;
}

/** Arrow keys go from region to region. @param {HTMLElement} stage @param {KeyboardEvent} event */
function arrows(stage, event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const faces = /** @type {HTMLElement[]} */ ([...stage.querySelectorAll(".face")]);
  const at = faces.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  if (!step || at < 0) return;
  event.preventDefault();
  faces[(at + step + faces.length) % faces.length].focus();
}
