// @ts-check
// The description of the HTTP interface, to read.
import { get } from "./api.js";
import { showError } from "./alerts.js";
import { byId, h } from "./dom.js";
import { t } from "./words.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

/** @type {any} */
let document_ = {};

/** What a reference stands for. @param {any} value */
function resolved(value) {
  if (!value?.$ref) return value || {};
  return (
    value.$ref
      .replace(/^#\//, "")
      .split("/")
      .reduce(
        (/** @type {any} */ at, /** @type {string} */ key) => at?.[key.replace(/~1/g, "/").replace(/~0/g, "~")],
        document_,
      ) || {}
  );
}

/** A schema in a few words. @param {any} schema @param {number} [depth] @returns {string} */
function kind(schema, depth = 0) {
  const named = schema?.$ref?.split("/").pop();
  if (named && depth) return named;
  const schema_ = resolved(schema);
  if (schema_.enum) return schema_.enum.map((/** @type {any} */ each) => JSON.stringify(each)).join(" | ");
  if (schema_.const !== undefined) return JSON.stringify(schema_.const);
  const options = schema_.oneOf || schema_.anyOf;
  if (options) return options.map((/** @type {any} */ each) => kind(each, depth + 1)).join(" | ");
  const types = [schema_.type || (schema_.properties ? "object" : "")].flat().filter(Boolean);
  return (
    types
      .map((type) => {
        if (type === "array") return `${kind(schema_.items || {}, depth + 1) || "any"}[]`;
        if (type === "string" && schema_.format) return schema_.format;
        if (type === "object" && schema_.properties && depth < 3) return object(schema_, depth);
        return type;
      })
      .join(" | ") ||
    named ||
    ""
  );
}

/** @param {any} schema @param {number} depth */
function object(schema, depth) {
  const required = new Set(schema.required || []);
  const fields = Object.entries(schema.properties).map(
    ([name, each]) => `${name}${required.has(name) ? "" : "?"}: ${kind(each, depth + 1) || "any"}`,
  );
  return `{${fields.join(", ")}}`;
}

/** @param {any} schema */
function limits(schema) {
  const schema_ = resolved(schema);
  const all = /** @type {[string, any][]} */ ([
    ["≥ ", schema_.minimum],
    ["> ", schema_.exclusiveMinimum],
    ["≤ ", schema_.maximum],
    ["= ", schema_.default],
  ]);
  return all
    .filter(([, value]) => value !== undefined)
    .map(([sign, value]) => sign + JSON.stringify(value))
    .join(", ");
}

/** @param {any} reference */
function parameter(reference) {
  const entry = resolved(reference);
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row" },
      h("code", {}, entry.name),
      entry.required && h("span", { class: "hint" }, ` ${t("api.required")}`),
    ),
    h("td", {}, entry.in || ""),
    h(
      "td",
      {},
      h("code", {}, kind(entry.schema) || "any"),
      limits(entry.schema) && h("span", { class: "hint" }, ` ${limits(entry.schema)}`),
    ),
    h("td", {}, entry.description || entry.schema?.description || ""),
  );
}

/** @param {any[]} entries @param {string} of what they are */
function parameters(entries, of) {
  if (!entries.length) return null;
  const heads = [t("api.name"), t("api.in"), t("api.type"), t("api.meaning")].map((each) =>
    h("th", { scope: "col" }, each),
  );
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": `${t("api.parameters")}: ${of}` },
    h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...entries.map(parameter))),
  );
}

/** Media types with their schemas. @param {string} title @param {any} body */
function content(title, body) {
  const all = Object.entries(resolved(body).content || {});
  const lines = all.map(([media, { schema }]) =>
    h("li", {}, h("code", {}, media), " ", h("code", { class: "schema" }, kind(schema)), " ", limitsOfText(schema)),
  );
  return all.length ? h("div", {}, h("h3", {}, title), h("ul", { class: "plain-list" }, ...lines)) : null;
}

/** @param {any} schema */
function limitsOfText(schema) {
  return resolved(schema).description || "";
}

/** @param {any} responses */
function answers(responses) {
  const lines = Object.entries(responses || {}).map(([status, each]) => {
    const answer = resolved(each);
    const media = Object.entries(answer.content || {}).map(([type, { schema }]) =>
      h("span", {}, " ", h("code", {}, type), " ", h("code", { class: "schema" }, kind(schema))),
    );
    return h(
      "li",
      {},
      h("strong", {}, status === "default" ? t("api.otherwise") : status),
      " ",
      answer.description || "",
      ...media,
    );
  });
  return h("div", {}, h("h3", {}, t("api.answers")), h("ul", { class: "plain-list" }, ...lines));
}

/** @param {string} path @param {string} method @param {any} operation @param {any[]} shared */
function entry(path, method, operation, shared) {
  const summary = h(
    "summary",
    {},
    h("span", { class: `method ${method}` }, method.toUpperCase()),
    h("code", { class: "path" }, path),
    h("span", { class: "told" }, operation.summary || ""),
  );
  const details = h("details", { class: "operation card" }, summary);
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const body = operation.requestBody && content(t("api.body"), operation.requestBody);
    const inside = [
      operation.description && h("p", {}, operation.description),
      parameters([...shared, ...(operation.parameters || [])], `${method.toUpperCase()} ${path}`),
      body,
      answers(operation.responses),
    ];
    details.append(h("div", { class: "inside" }, .../** @type {Node[]} */ (inside.filter(Boolean))));
  });
  return details;
}

/** What a path belongs to: its tag, or else the word that begins it. @param {string} path @param {any} operation */
function group(path, operation) {
  return operation.tags?.[0] || path.replace(/^\/api\/v1\//, "/").split("/")[1] || "/";
}

try {
  document_ = await get("/openapi.json");
  /** @type {Map<string, HTMLElement[]>} */
  const groups = new Map();
  for (const [path, item] of Object.entries(document_.paths || {})) {
    for (const method of METHODS.filter((each) => item[each])) {
      const name = group(path, item[method]);
      groups.set(name, [...(groups.get(name) || []), entry(path, method, item[method], item.parameters || [])]);
    }
  }
  const sections = [...groups].map(([name, entries], at) =>
    h("section", { "aria-labelledby": `group-${at}` }, h("h2", { id: `group-${at}` }, name), ...entries),
  );
  byId("api").replaceChildren(...sections);
} catch (error) {
  showError(error);
} finally {
  byId("api").removeAttribute("aria-busy");
}
