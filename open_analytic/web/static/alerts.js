// @ts-check
// Errors and notices, in the page's alert region.
import { ApiError } from "./api.js";
import { byId, h, icon } from "./dom.js";
import { t } from "./words.js";

/** Show what went wrong; that a request was given up for a newer one is nothing to tell. @param {unknown} error */
export function showError(error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  if (error instanceof ApiError) show("bad", error.message, error.hint);
  else {
    console.error(error);
    show("bad", t("error.page"), String(error));
  }
}

/** @param {string} text @param {string} [hint] */
export function showNotice(text, hint = "") {
  show("", text, hint);
}

export function clearAlert() {
  byId("alert").replaceChildren();
}

/** Message and hint of an error on one line. @param {{message: string, hint?: string | null}} error */
export function sentence(error) {
  return error.hint ? `${error.message} ${error.hint}` : error.message;
}

/** @param {string} kind @param {string} text @param {string} hint */
function show(kind, text, hint) {
  const region = byId("alert");
  const close = h(
    "button",
    { type: "button", class: "quiet only-icon", "aria-label": t("alert.close"), onclick: clearAlert },
    icon("close"),
  );
  region.replaceChildren(
    h(
      "div",
      { class: `notice ${kind}` },
      h("p", {}, text, /[。！？]$/.test(text) ? "" : " ", hint && h("span", {}, hint)),
      close,
    ),
  );
  region.scrollIntoView({ block: "nearest" });
}
