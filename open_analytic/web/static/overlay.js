// @ts-check
// Boxes and landmarks of an output, drawn over its picture.
import { svg } from "./dom.js";
import { language, number } from "./words.js";

/**
 * @typedef {{box: {x: number, y: number, width: number, height: number} | null, landmarks: number[][], label: string, meant?: boolean}} Place
 */

/** Every box and every list of landmarks in an output, however deep. @param {any} value @returns {Place[]} */
export function places(value) {
  if (Array.isArray(value)) return value.flatMap(places);
  if (!value || typeof value !== "object") return [];
  const box = isBox(value.box) ? value.box : isBox(value) ? value : null;
  const landmarks = isPoints(value.landmarks) ? value.landmarks : [];
  const own = box || landmarks.length ? [{ box, landmarks, label: label(value) }] : [];
  const deeper = Object.entries(value)
    .filter(([key]) => key !== "box" && key !== "landmarks")
    .map(([, each]) => each);
  return [...own, ...deeper.flatMap(places)];
}

/** @param {any} value */
function isBox(value) {
  return Boolean(value) && ["x", "y", "width", "height"].every((side) => typeof value[side] === "number");
}

/** @param {any} value */
function isPoints(value) {
  return (
    Array.isArray(value) &&
    value.every(
      (point) => Array.isArray(point) && point.length === 2 && point.every((each) => typeof each === "number"),
    )
  );
}

/** The short values beside a box, in a line, a label in the page's language. @param {Record<string, any>} value */
function label(value) {
  const own = value[`label_${language.slice(0, 2)}`];
  const entries = Object.entries(own ? { ...value, label: own } : value).filter(
    ([key, each]) => ["age", "gender", "label", "name"].includes(key) && ["string", "number"].includes(typeof each),
  );
  if (!entries.length && typeof value.score === "number") entries.push(["score", value.score]);
  return entries
    .map(([, each]) => (typeof each === "number" ? number(each, { maximumSignificantDigits: 2 }) : each))
    .join(" · ");
}

/** @param {Place[]} places @param {number} width of the picture @param {number} height */
export function overlay(places, width, height) {
  const size = Math.max(width, height);
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "overlay", "aria-hidden": "true" });
  for (const { box, landmarks, label: text, meant } of places) {
    if (box) {
      const frame = { ...box, rx: size / 200 };
      drawn.append(svg("rect", { ...frame, class: "under" }), svg("rect", { ...frame, class: meant === false ? "other" : null }));
      if (text) drawn.append(caption(text, box, size));
    }
    for (const [cx, cy] of landmarks) drawn.append(svg("circle", { cx, cy, r: size / 120 }));
  }
  return drawn;
}

/** @param {string} text @param {{x: number, y: number, height: number}} box @param {number} size */
function caption(text, box, size) {
  const letters = size / 36;
  const above = box.y > letters * 1.5;
  const label = svg("text", {
    x: box.x,
    y: above ? box.y - letters * 0.4 : box.y + box.height + letters * 1.1,
    "font-size": letters,
  });
  label.textContent = text;
  return label;
}
