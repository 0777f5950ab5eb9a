// @ts-check
// A pipeline's page: run it on a file or a text, see the regions it found, and the JSON it gives.
import { call } from "./api.js";
import { clearAlert, showError } from "./alerts.js";
import { byId, copy, h, icon } from "./dom.js";
import { MODALITY } from "./modalities.js";
import { item, part } from "./nouns.js";
import { overlay, places } from "./overlay.js";
import { listen, picker } from "./picker.js";
import { textBox } from "./textbox.js";
import { date, milliseconds, page, t } from "./words.js";

const LONGEST = 8; // numbers of a list that are shown

const pipeline = page.pipeline;
/** @type {AbortController | null} */
let running = null;
/** @type {string | null} */
let address = null;

/** JSON to read: long lists of numbers say how many there are. @param {any} value @returns {any} */
export function shortened(value) {
  if (Array.isArray(value)) {
    if (value.length > LONGEST && value.every((each) => typeof each === "number")) {
      return [...value.slice(0, 4), t("run.more_numbers", { n: value.length - 4 })];
    }
    return value.map(shortened);
  }
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shortened(each)]));
  return value;
}

/** Lists of numbers and points on one line, which is how they are read. @param {any} value */
export function written(value) {
  const text = JSON.stringify(value, null, 2);
  return text
    .replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_, inner) => `[${inner.replace(/\s*\n\s*/g, " ")}]`)
    .replace(/\[\s+((?:\[[^[\]{}]*\],?\s*)+)\]/g, (_, inner) => `[${inner.trim().replace(/\s*\n\s*/g, " ")}]`);
}

/** @param {Blob} file */
async function run(file) {
  running?.abort();
  const mine = (running = new AbortController());
  clearAlert();
  byId("run").toggleAttribute("data-busy", true);
  byId("run-status").textContent = t("run.running");
  const began = performance.now();
  try {
    const output = await call("POST", `/api/v1/pipelines/${encodeURIComponent(pipeline.name)}/run`, file, mine.signal);
    show(file, output, performance.now() - began);
  } catch (error) {
    if (mine.signal.aborted) return;
    byId("run-status").textContent = "";
    byId("seen").hidden = byId("output").hidden = true; // they are of another input
    showError(error);
  } finally {
    if (running === mine) byId("run").toggleAttribute("data-busy", false);
  }
}

/** The picture with its regions, or the sound. @param {Blob} file @param {any[]} regions */
function stageOf(file, regions) {
  if (address) URL.revokeObjectURL(address);
  address = URL.createObjectURL(file);
  if (!MODALITY.drawn) return MODALITY.query?.(address, item("input")) || "";
  const image = h("img", { src: address, alt: item("input") });
  const stage = h("div", { class: "stage seen" }, image);
  image.addEventListener("load", () => {
    stage.style.setProperty("--ratio", String(image.naturalWidth / image.naturalHeight));
    stage.append(overlay(regions, image.naturalWidth, image.naturalHeight));
  });
  return stage;
}

/** @param {Blob} file @param {any} output @param {number} ms */
function show(file, output, ms) {
  const regions = places(output);
  const count = regions.filter((place) => place.box).length;
  const text = count ? part("seen", { n: count, ms: milliseconds(ms) }) : t("run.done", { ms: milliseconds(ms) });
  byId("seen").replaceChildren(stageOf(file, regions), h("p", { class: "hint" }, text));
  const button = h("button", { type: "button" }, icon("copy"), h("span", {}, t("run.copy")));
  button.addEventListener("click", () => copy(JSON.stringify(output), button, t("how.copied")));
  byId("output").replaceChildren(
    h(
      "div",
      { class: "code" },
      h(
        "pre",
        { tabindex: 0, role: "region", "aria-label": t("run.output") },
        h("code", {}, written(shortened(output))),
      ),
      button,
    ),
  );
  byId("seen").hidden = byId("output").hidden = false;
  byId("run-status").textContent = text;
}

if (page.contents.texts) {
  const words = { label: t("run.text"), button: t("run.button"), hint: t("run.hint") };
  textBox(byId("drop"), (text) => run(new Blob([text], { type: "text/plain" })), words);
  listen(byId("drop"), run);
} else {
  picker(byId("drop"), { title: item("run"), touch: item("run_touch"), onfile: run });
}
byId("definition").textContent = written(pipeline.definition);
byId("created").textContent = date(pipeline.created_at);
