// @ts-check
// A collection's page: what is in it, adding pictures, and looking through them.
import { call, get, ofCollection } from "./api.js";
import { clearAlert, sentence, showError, showNotice } from "./alerts.js";
import { browse } from "./browse.js";
import { rateName } from "./controls.js";
import { byId, h } from "./dom.js";
import { importer } from "./importing.js";
import { item, part } from "./nouns.js";
import { asking, confirmed, view } from "./viewer.js";
import { bytes, date, distance, number, page, percent, t } from "./words.js";

const name = page.collection.name;
const pictures = browse(byId("browse"), name, { open, jump: true });

/** What a collection's index is, in words. */
const INDEX = { ready: "index.ready", building: "index.building", invalid: "index.invalid", absent: "index.absent" };

/** @param {any} info */
function showFacts(info) {
  const facts = [
    [item("fact"), number(info.pictures)],
    info.many ? [part("fact"), number(info.vectors)] : [t("facts.rows"), number(info.rows)],
    [t("facts.pipeline"), info.pipeline ? pipeline(info) : t("facts.no_pipeline")],
    [t("facts.dim"), number(info.dim)],
    [t("facts.metric"), t(METRICS[/** @type {"l2"} */ (info.metric)] || "metric.l2")],
    [t("facts.index"), t(INDEX[/** @type {"ready"} */ (info.index)] || "index.absent")],
    [t("facts.table_size"), bytes(info.bytes.table)],
    [t("facts.index_size"), bytes(info.bytes.index || 0)],
    [t("facts.created"), date(info.created_at)],
    [t("facts.columns"), columns(info.columns)],
  ];
  byId("facts").replaceChildren(...facts.map(([key, value]) => h("div", {}, h("dt", {}, key), h("dd", {}, value))));
}

const METRICS = { l2: "metric.l2", cosine: "metric.cosine", ip: "metric.ip" };

/** @param {any} info */
function pipeline(info) {
  return h(
    "a",
    { href: `/pipelines/${encodeURIComponent(info.pipeline)}` },
    t("facts.version", { pipeline: info.pipeline, version: String(info.version) }),
  );
}

/** @param {Record<string, string>} declared */
function columns(declared) {
  const all = Object.entries(declared);
  return all.length
    ? h("span", {}, all.map(([column, type]) => `${column} (${type})`).join(", "))
    : t("facts.no_columns");
}

/** @param {any} info */
function showQuality(info) {
  const curve =
    info.calibration &&
    h("img", {
      src: ofCollection(name, "/curve.svg"),
      width: 880,
      height: 520,
      alt: t("curve.alt", { rows: info.calibration.rows }),
    });
  const rates = (info.rates || []).map((/** @type {any} */ rate) =>
    h(
      "li",
      {},
      rateName(rate),
      h(
        "span",
        { class: "hint" },
        ` ${t("facts.rate", { distance: distance(rate.distance), found: percent(rate.true_accept_rate) })}`,
      ),
    ),
  );
  byId("quality").replaceChildren(
    curve
      ? h("figure", {}, curve, h("figcaption", { class: "hint" }, t("curve.caption")))
      : h("p", { class: "hint" }, t("curve.none")),
    ...(rates.length ? [h("h3", {}, t("facts.rates")), h("ul", { class: "plain-list" }, ...rates)] : []),
  );
}

/** @param {string[]} names @param {number} at */
function open(names, at) {
  const places = names.map((one) => ({ collection: name, name: one }));
  view(places, at, {
    link: (now) => `/search/${encodeURIComponent(name)}?like=${encodeURIComponent(names[now])}`,
    actions: (now, close) => [
      h("button", { type: "button", id: "rename", onclick: () => rename(names[now], close) }, t("edit.rename")),
      h(
        "button",
        { type: "button", id: "delete", class: "danger", onclick: () => remove(names[now], close) },
        t("edit.delete"),
      ),
    ],
  });
}

/** @param {string} one @param {() => void} close */
async function remove(one, close) {
  if (!(await confirmed(item("delete"), t("edit.delete_text", { name: one }), t("edit.delete")))) return;
  close();
  clearAlert();
  try {
    await call("DELETE", ofCollection(name, "/picture", { name: one }));
    pictures.remove(one);
    showNotice(t("edit.deleted", { name: one }));
    load();
  } catch (error) {
    showError(error);
  }
}

/** @param {string} one @param {() => void} close */
async function rename(one, close) {
  let answer = one;
  for (let problem = ""; ; ) {
    answer = await newName(answer, problem);
    if (!answer || answer === one) return;
    try {
      await call("PATCH", ofCollection(name, "/picture", { name: one }), { name: answer });
      break;
    } catch (error) {
      problem = sentence(/** @type {Error} */ (error)); // asked again, with what was typed
    }
  }
  close();
  showNotice(t("edit.renamed", { name: one, wanted: answer }));
  await pictures.reload();
}

/** Ask for it; nothing when that was cancelled. @param {string} value @param {string} problem of the last one */
async function newName(value, problem) {
  const field = h("input", { name: "name", id: "new-name", required: true, value, autocomplete: "off", spellcheck: "false" });
  const notice = h("p", { class: "notice bad", role: "alert", hidden: !problem }, problem);
  const label = h("label", { for: "new-name" }, t("edit.new_name"));
  const answer = await asking(item("rename"), [notice, h("p", { class: "field" }, label, field)], t("edit.rename"));
  return String(answer?.get("name") ?? "");
}

async function load() {
  try {
    const info = await get(ofCollection(name));
    Object.assign(page.collection, info);
    showFacts(info);
    showQuality(info);
    return info;
  } catch (error) {
    showError(error);
    return null;
  }
}

const info = await load();
const place = document.getElementById("import");
if (info && place)
  importer(place, page.collection, page.site, {
    done: () => {
      load();
      pictures.reload();
    },
  });
pictures.reload();
