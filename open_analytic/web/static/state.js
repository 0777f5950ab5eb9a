// @ts-check
// What is searched for, as the page's address says it: the parameters of the API's hits.
import { queryString } from "./api.js";

/**
 * @typedef {{column: string, operator: string, value?: any}} Condition
 * @typedef {[number, number, number, number]} Region
 * @typedef {object} State
 * @property {string} query
 * @property {number | null} face
 * @property {Region | null} region
 * @property {string} like
 * @property {string} text
 * @property {number | null} part
 * @property {number} k
 * @property {number | null} max_distance
 * @property {number | null} rate
 * @property {Condition[]} filter
 */

export const K = { least: 1, most: 200, usual: 10 };

/** @param {string | null} text */
function numeral(text) {
  const value = text === null || text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

/** @param {string | null} text @returns {Region | null} */
function rectangle(text) {
  const sides = (text || "").split(",").map(Number);
  const fits = sides.length === 4 && sides.every(Number.isFinite) && sides[2] > 0 && sides[3] > 0;
  return fits ? /** @type {Region} */ (sides) : null;
}

/** @param {string | null} text @returns {Condition[]} */
function conditions(text) {
  try {
    const list = JSON.parse(text || "[]");
    return Array.isArray(list) ? list.filter((each) => each && typeof each.column === "string") : [];
  } catch {
    return []; // an address typed by hand
  }
}

/** @param {string} [search] @returns {State} */
export function read(search = location.search) {
  const query = new URLSearchParams(search);
  const k = numeral(query.get("k"));
  return {
    query: query.get("query") || "",
    face: numeral(query.get("face")),
    region: rectangle(query.get("region")),
    like: query.get("like") || "",
    text: query.get("text") || "",
    part: numeral(query.get("part")),
    k: k === null ? K.usual : Math.min(K.most, Math.max(K.least, Math.round(k))),
    max_distance: numeral(query.get("max_distance")),
    rate: numeral(query.get("rate")),
    filter: conditions(query.get("filter")),
  };
}

/** The state as parameters; what is as usual is left out. @param {State} state */
export function parameters(state) {
  return {
    query: state.query,
    face: state.region ? null : state.face,
    region: state.region && state.region.join(","),
    like: state.like,
    text: state.text,
    part: state.part,
    k: state.k === K.usual ? null : state.k,
    max_distance: state.max_distance,
    rate: state.rate,
    filter: state.filter.length ? JSON.stringify(state.filter) : null,
  };
}

/** The page's address with this state. @param {State} state */
export function address(state) {
  return location.pathname + queryString(parameters(state));
}

/** @param {State} state */
export function searching(state) {
  return Boolean(state.query || state.like || state.text);
}

/**
 * The same search begun from a picture of the collection.
 * @param {State} state
 * @param {string} name
 * @param {number | null} part
 * @returns {State}
 */
export function like(state, name, part) {
  return { ...state, query: "", text: "", face: null, region: null, like: name, part };
}
