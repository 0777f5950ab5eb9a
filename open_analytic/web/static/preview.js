// @ts-check
// The picture searched for, with the faces found in it to choose from and a rectangle to draw.
import { picture } from "./api.js";
import { h, icon } from "./dom.js";
import { drawing } from "./drawing.js";
import { excerpt } from "./excerpt.js";
import { ITEM } from "./items.js";
import { PART } from "./parts.js";
import { page, t } from "./words.js";

/**
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 * @typedef {{id: string, width: number, height: number, faces: {part: number, box: Box}[]}} Query
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
 * A picture that was given, to choose a face or a part of.
 * @param {HTMLElement} place @param {Query} query @param {State} state
 * @param {{many: boolean, change: (state: Partial<State>) => void, again: () => void}} options
 */
export function showQuery(place, query, state, { many, change, again }) {
  const image = h("img", {
    src: `/api/v1/queries/${encodeURIComponent(query.id)}/picture`,
    alt: t("query.yours"),
    draggable: "false",
  });
  const stage = h("div", { class: "stage" }, image);
  stage.style.aspectRatio = `${query.width} / ${query.height}`;
  stage.style.setProperty("--ratio", String(query.width / query.height));
  query.faces.forEach((face, number) => stage.append(faceButton(query, face, number, state, change)));
  stage.addEventListener("keydown", (event) => arrows(stage, event));
  const draw = drawing(stage, query, state.region, (region) => change({ region, face: null }));
  const usual = largest(query.faces);
  const whole = h(
    "button",
    {
      type: "button",
      id: "whole",
      "aria-pressed": String(!state.region && (state.face ?? usual) === usual),
      onclick: () => change({ region: null, face: usual }),
    },
    t(many ? PART.largest : "query.whole"),
  );
  place.replaceChildren(
    stage,
    h("p", { class: "hint" }, hint(query, many)),
    h(
      "div",
      { class: "row" },
      whole,
      draw.toggle,
      h("button", { type: "button", id: "again", onclick: again }, icon("picture"), t("query.again")),
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
    page.collection.texts ? h("p", {}, excerpt(collection, state.like, state.part)) : liked(collection, state),
    h("p", { class: "like-name" }, t("query.like"), " ", h("strong", {}, state.like)),
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", id: "again", onclick: again }, !page.collection.texts && icon("picture"), t(ITEM.again)),
    ),
  );
}

/** @param {string} collection @param {State} state */
function liked(collection, state) {
  const image = h("img", { src: picture(collection, state.like, state.part), alt: "" });
  image.addEventListener(
    "error",
    () => {
      image.hidden = true;
    },
    { once: true },
  );
  return h("div", { class: "stage plain" }, image);
}

/** The part that is searched for unless another is chosen. @param {Query["faces"]} faces */
export function largest(faces) {
  const area = (/** @type {Query["faces"][0]} */ { box }) => box.width * box.height;
  return faces.length ? faces.reduce((best, face) => (area(face) > area(best) ? face : best)).part : null;
}

/** @param {Query} query @param {boolean} many */
function hint(query, many) {
  if (!many) return t("query.hint");
  return query.faces.length ? t(PART.found, { n: query.faces.length }) : t(PART.missing);
}

/**
 * @param {Query} query @param {{part: number, box: Box}} face @param {number} number @param {State} state
 * @param {(state: Partial<State>) => void} change
 */
function faceButton(query, face, number, state, change) {
  const label = t(PART.one, { n: number + 1, all: query.faces.length });
  const button = h("button", {
    type: "button",
    class: "face",
    "aria-label": label,
    title: label,
    "data-part": face.part,
    "aria-pressed": String(!state.region && state.face === face.part),
  });
  over(button, face.box, query);
  button.addEventListener("click", () => change({ face: face.part, region: null }));
  return button;
}

/** Arrow keys go from face to face. @param {HTMLElement} stage @param {KeyboardEvent} event */
function arrows(stage, event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const faces = /** @type {HTMLElement[]} */ ([...stage.querySelectorAll(".face")]);
  const at = faces.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  if (!step || at < 0) return;
  event.preventDefault();
  faces[(at + step + faces.length) % faces.length].focus();
}
