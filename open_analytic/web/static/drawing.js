// @ts-check
// A rectangle on a picture: drawn with the pointer, or typed.
import { h } from "./dom.js";
import { t } from "./words.js";

/** @typedef {import("./state.js").Region} Region */

const FIRST = 6; // pixels a pointer moves before it draws
const SMALLEST = 8; // pixels of the picture

/**
 * @param {HTMLElement} stage @param {{width: number, height: number}} size @param {Region | null} region
 * @param {(region: Region) => void} done
 */
export function drawing(stage, size, region, done) {
  const mark = h("div", { class: "region", hidden: !region });
  stage.append(mark);
  if (region) place(mark, region, size);
  const toggle = h("button", { type: "button", id: "draw", "aria-pressed": "false" }, t("draw.toggle"));
  const fields = form(size, region, done);
  toggle.addEventListener("click", () => {
    const on = stage.classList.toggle("drawing");
    toggle.setAttribute("aria-pressed", String(on));
    if (on) fields.open = true;
  });
  pointer(stage, mark, size, done);
  return { toggle, fields };
}

/** @param {HTMLElement} mark @param {Region} region @param {{width: number, height: number}} size */
function place(mark, [x, y, width, height], size) {
  mark.hidden = false;
  mark.style.left = `${(100 * x) / size.width}%`;
  mark.style.top = `${(100 * y) / size.height}%`;
  mark.style.width = `${(100 * width) / size.width}%`;
  mark.style.height = `${(100 * height) / size.height}%`;
}

/**
 * @param {HTMLElement} stage
 * @param {HTMLElement} mark
 * @param {{width: number, height: number}} size
 * @param {(region: Region) => void} done
 */
function pointer(stage, mark, size, done) {
  /** @type {{x: number, y: number} | null} */
  let from = null;
  /** @type {Region | null} */
  let drawn = null;
  stage.addEventListener("pointerdown", (event) => {
    // A finger scrolls, until drawing is switched on.
    if (event.button !== 0 || (event.pointerType === "touch" && !stage.classList.contains("drawing"))) return;
    from = { x: event.clientX, y: event.clientY };
    drawn = null;
  });
  stage.addEventListener("pointermove", (event) => {
    if (!from) return;
    if (!drawn && Math.hypot(event.clientX - from.x, event.clientY - from.y) < FIRST) return;
    if (!stage.hasPointerCapture(event.pointerId)) stage.setPointerCapture(event.pointerId);
    drawn = between(stage.getBoundingClientRect(), from, event, size);
    place(mark, drawn, size);
  });
  const end = () => {
    if (drawn && drawn[2] >= SMALLEST && drawn[3] >= SMALLEST) done(drawn);
    from = null;
  };
  stage.addEventListener("pointerup", end);
  stage.addEventListener("pointercancel", () => {
    from = drawn = null;
  });
  // What was drawn over a face does not choose the face.
  stage.addEventListener(
    "click",
    (event) => {
      if (drawn) event.stopPropagation();
      drawn = null;
    },
    true,
  );
}

/**
 * The rectangle between two points of the screen, in pixels of the picture.
 * @param {DOMRect} frame
 * @param {{x: number, y: number}} from
 * @param {PointerEvent} to
 * @param {{width: number, height: number}} size
 * @returns {Region}
 */
function between(frame, from, to, size) {
  const across = [from.x, to.clientX]
    .map((x) => inside((x - frame.left) / frame.width) * size.width)
    .sort((a, b) => a - b);
  const down = [from.y, to.clientY]
    .map((y) => inside((y - frame.top) / frame.height) * size.height)
    .sort((a, b) => a - b);
  const [x, right, y, bottom] = [...across, ...down].map(Math.round);
  return [x, y, right - x, bottom - y];
}

/** @param {number} share */
function inside(share) {
  return Math.min(1, Math.max(0, share));
}

/**
 * @param {{width: number, height: number}} size
 * @param {Region | null} region
 * @param {(region: Region) => void} done
 */
function form(size, region, done) {
  const rectangle = region || [0, 0, size.width, size.height];
  const names = /** @type {const} */ (["draw.x", "draw.y", "draw.width", "draw.height"]);
  const inputs = names.map((key, at) =>
    h("input", {
      type: "number",
      inputmode: "numeric",
      required: true,
      step: 1,
      id: key.replace(".", "-"),
      min: at < 2 ? 0 : 1,
      max: at % 2 ? size.height : size.width,
      value: Math.round(rectangle[at]),
    }),
  );
  const rows = inputs.map((input, at) =>
    h("p", { class: "field" }, h("label", { for: input.id }, t(names[at])), input),
  );
  const fields = h("form", { class: "numbers" }, ...rows, h("button", { class: "wide" }, t("draw.use")));
  fields.addEventListener("submit", (event) => {
    event.preventDefault();
    const [x, y, width, height] = inputs.map((input) => Math.round(Number(input.value)));
    done([x, y, Math.max(1, Math.min(width, size.width - x)), Math.max(1, Math.min(height, size.height - y))]);
  });
  return h(
    "details",
    { class: "part" },
    h("summary", {}, t("draw.numbers")),
    h("p", { class: "hint" }, t("draw.hint", { width: size.width, height: size.height })),
    fields,
  );
}
