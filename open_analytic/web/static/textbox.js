// @ts-check
// Where a text is written to search with, or to run a pipeline on. Enter sends it, Shift and Enter begin a line.
import { h } from "./dom.js";
import { t } from "./words.js";

const MOST = 4000; // characters that the API takes in an address

/**
 * @param {HTMLElement} place
 * @param {(text: string) => void} send
 * @param {{label: string, button: string, hint: string}} words
 * @returns {(text: string) => void} shows another text
 */
export function textBox(place, send, words) {
  const field = h("textarea", {
    id: "text",
    name: "text",
    rows: 3,
    required: true,
    maxlength: MOST,
    placeholder: t("text.placeholder"),
    "aria-describedby": "text-hint",
  });
  const form = h(
    "form",
    { class: "text-box card pad", role: "search" },
    h("label", { for: "text" }, words.label),
    field,
    h(
      "div",
      { class: "row" },
      h("button", { class: "primary", id: "find" }, words.button),
      h("p", { class: "hint fine", id: "text-hint" }, words.hint),
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value.trim()) send(field.value);
    else field.focus();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return; // Enter also ends a word of an input method
    event.preventDefault();
    form.requestSubmit();
  });
  place.replaceChildren(form);
  let latest = "";
  return (text) => {
    if (text !== latest) field.value = latest = text; // what is being written stays when something else changes
  };
}
