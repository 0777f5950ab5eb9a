// @ts-check
// How many, how near, and which rows: the form beside the query.
import { h, settled } from "./dom.js";
import { filters } from "./filters.js";
import { part } from "./nouns.js";
import { K } from "./state.js";
import { distance, number, t } from "./words.js";

/** @typedef {import("./state.js").State} State */

/**
 * @param {HTMLFormElement} form @param {any} collection details of it
 * @param {State} state @param {(state: Partial<State>) => void} change
 * @returns {(state: State) => void} shows another state
 */
export function controls(form, collection, state, change) {
  const many = howMany(state, change);
  const near = howNear(collection, state, change);
  const which = filters(collection.filters || [], state.filter, (filter) => change({ filter }));
  form.replaceChildren(many.element, near.element, ...(which ? [which.element] : []));
  form.addEventListener("submit", (event) => event.preventDefault());
  return (next) => {
    many.show(next);
    near.show(next);
    which?.show(next.filter);
  };
}

/** @param {State} state @param {(state: Partial<State>) => void} change */
function howMany(state, change) {
  const limits = { min: K.least, max: K.most, step: 1 };
  const exact = h("input", { type: "number", id: "k", inputmode: "numeric", required: true, ...limits });
  const slide = h("input", { type: "range", id: "k-slide", "aria-label": t("controls.k"), ...limits });
  const show = (/** @type {State} */ { k }) => {
    exact.value = slide.value = String(k);
  };
  const apply = settled(() => {
    if (exact.checkValidity()) change({ k: Number(exact.value) });
  }, 250);
  slide.addEventListener("input", () => {
    exact.value = slide.value;
    apply();
  });
  exact.addEventListener("input", () => {
    if (exact.checkValidity()) slide.value = exact.value;
    apply();
  });
  show(state);
  const element = h(
    "p",
    { class: "field" },
    h("label", { for: "k" }, t("controls.k")),
    h("span", { class: "row tight" }, slide, exact),
  );
  return { element, show };
}

/** @param {any} collection @param {State} state @param {(state: Partial<State>) => void} change */
function howNear(collection, state, change) {
  const rates = collection.rates || [];
  const own = h("input", {
    type: "number",
    id: "max_distance",
    step: "any",
    inputmode: "decimal",
    "aria-label": t("controls.own_label"),
  });
  const apply = settled(() => change({ max_distance: own.value === "" ? null : Number(own.value), rate: null }), 400);
  own.addEventListener("input", () => {
    if (own.checkValidity()) apply();
  });
  if (!rates.length) {
    own.removeAttribute("aria-label");
    own.placeholder = t("controls.no_limit");
    const show = (/** @type {State} */ next) => put(own, next.max_distance);
    show(state);
    const label = h("label", { for: "max_distance" }, t("controls.limit"));
    return {
      element: h("div", { class: "field" }, label, own, h("p", { class: "hint" }, t("controls.no_rates"))),
      show,
    };
  }
  const select = h(
    "select",
    { id: "limit" },
    h("option", { value: "" }, t("controls.no_limit")),
    ...rates.map((/** @type {any} */ rate) =>
      h("option", { value: rate.false_accept_rate }, rateName(rate)),
    ),
    h("option", { value: "own" }, t("controls.own")),
  );
  const hint = h("p", { class: "hint", id: "limit-hint" });
  select.setAttribute("aria-describedby", "limit-hint");
  const show = (/** @type {State} */ next) => {
    const chosen = rates.find((/** @type {any} */ rate) => rate.false_accept_rate === next.rate);
    select.value = chosen ? String(chosen.false_accept_rate) : next.max_distance !== null ? "own" : "";
    own.hidden = select.value !== "own";
    put(own, next.max_distance);
    hint.textContent = chosen ? rateMeaning(chosen) : t("controls.limit_hint");
  };
  select.addEventListener("change", () => {
    own.hidden = select.value !== "own";
    if (!own.hidden) own.focus();
    else change({ rate: select.value ? Number(select.value) : null, max_distance: null });
  });
  show(state);
  return {
    element: h("div", { class: "field" }, h("label", { for: "limit" }, t("controls.limit")), select, own, hint),
    show,
  };
}

/** A number that is being typed is left alone. @param {HTMLInputElement} input @param {number | null} value */
function put(input, value) {
  if (document.activeElement !== input) input.value = value === null ? "" : String(value);
}

/** @param {number} rate */
function oneIn(rate) {
  return number(Math.round(1 / rate));
}

/** What being nearer than a rate's distance means. @param {any} rate */
export function rateName(rate) {
  return part("same", { rate: oneIn(rate.false_accept_rate) });
}

/** @param {any} rate */
function rateMeaning(rate) {
  const share = number(rate.true_accept_rate, { style: "percent", maximumFractionDigits: 1 });
  return t("controls.rate_hint", { rate: oneIn(rate.false_accept_rate), distance: distance(rate.distance), found: share });
}
