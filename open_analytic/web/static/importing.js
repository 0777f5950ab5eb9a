// @ts-check
// Adding files: where they are dropped or chosen, and how the import goes.
import { sentence, showError } from "./alerts.js";
import { h, icon } from "./dom.js";
import { chosen, dropped } from "./folder.js";
import { MODALITY } from "./modalities.js";
import { item, part } from "./nouns.js";
import { ACCEPT, dragged, takes } from "./picker.js";
import { Upload } from "./upload.js";
import { asking } from "./viewer.js";
import { duration, number, page, t } from "./words.js";

/** @typedef {{max_bytes: number, left_out?: Record<string, string[]>}} Site */

const SHOWN = 1000; // failures

/** What to do with files that are not read, by kind. */
const HELP = {
  heif: "import.help_heif",
  picture: "import.help_picture",
  raw: "import.help_raw",
  video: "import.help_video",
  document: "import.help_document",
  archive: "import.help_archive",
};

/**
 * @param {HTMLElement} place @param {{name: string, pictures?: number}} collection @param {Site} site
 * @param {{began?: () => void, done: (counts: import("./upload.js").Counts) => void}} options
 */
export function importer(place, collection, site, { began, done }) {
  const board = h("div", { class: "import-board" });
  /** @type {Upload | null} */
  let running = null;
  const begin = async (/** @type {import("./folder.js").Chosen} */ pictures) => {
    if (running) return;
    if (!pictures.length) {
      board.replaceChildren(
        h("p", { class: "notice", role: "alert" }, t("import.no_pictures", { suffixes: page.contents.suffixes.join(" ") })),
        ...leftOut(pictures, site),
      );
      return;
    }
    const show = progress(board, pictures.length, () => running?.stop().catch(showError));
    board.firstElementChild?.append(...leftOut(pictures, site));
    running = new Upload(collection.name, pictures, {
      maxBytes: site.max_bytes,
      skipKnown: collection.pictures !== 0,
      changed: show,
      decide: choose,
    });
    zone.hidden = true;
    unfinished.begin(collection.name, pictures.length);
    began?.();
    /** @type {import("./upload.js").Counts} */
    let counts;
    try {
      counts = await running.run();
    } catch (error) {
      showError(error);
      counts = { ...running.counts(), state: "broken" };
    }
    if (counts.state === "done") unfinished.end(collection.name);
    running = null; // before the page shows it: the next import can begin at once
    zone.hidden = false;
    collection.pictures = undefined; // from now on what is there is asked for
    show(counts);
    done(counts);
  };
  const zone = dropZone(begin);
  place.replaceChildren(...notice(collection.name), zone, board);
  window.addEventListener("beforeunload", (event) => {
    if (running) event.preventDefault();
  });
  return begin;
}

/** @param {(pictures: import("./folder.js").Picture[]) => void} begin */
function dropZone(begin) {
  const files = h("input", {
    type: "file",
    id: "files",
    multiple: true,
    accept: ACCEPT,
    hidden: true,
  });
  const folder = h("input", { type: "file", id: "folder", webkitdirectory: true, hidden: true });
  for (const input of [files, folder]) {
    input.addEventListener("change", () => {
      if (input.files) begin(chosen(input.files));
      input.value = "";
    });
  }
  dragged();
  document.addEventListener("drop", async (event) => {
    if (!event.dataTransfer?.types.includes("Files") || !takes(zone, event)) return;
    try {
      begin(await dropped(event.dataTransfer));
    } catch (error) {
      showError(error);
    }
  });
  const zone = h(
    "div",
    { class: "drop-zone import-zone" },
    h("div", { class: "drop-mark" }, icon("folder")),
    h("p", { class: "drop-title fine" }, item("drop")),
    h("p", { class: "drop-title coarse" }, item("device")),
    h(
      "div",
      { class: "row" },
      h(
        "button",
        { type: "button", class: "primary", id: "choose-folder", onclick: () => folder.click() },
        icon("folder"),
        t("import.folder"),
      ),
      h(
        "button",
        { type: "button", id: "choose-files", onclick: () => files.click() },
        icon(MODALITY.drawn ? "picture" : "folder"),
        t("import.files"),
      ),
      files,
      folder,
    ),
    h("p", { class: "hint" }, t("import.hint")),
  );
  return zone;
}

/** What was not taken, by type, and what would help. @param {import("./folder.js").Chosen} pictures @param {Site} site */
function leftOut(pictures, site) {
  const types = [...(pictures.leftOut || new Map())].sort((a, b) => b[1] - a[1]);
  if (!types.length) return [];
  const n = types.reduce((sum, [, count]) => sum + count, 0);
  const list = types.map(([type, count]) => `${number(count)} ${type || t("import.no_suffix")}`).join(t("list.and"));
  const text = h("p", {}, t("import.left_out", { n, types: list }));
  return [h("div", { class: "left-out hint", id: "left-out" }, text, ...help(types.map(([type]) => type), site))];
}

/** A line a kind of files. @param {string[]} types @param {Site} site */
function help(types, site) {
  const lines = Object.entries(MODALITY.drawn ? HELP : { archive: HELP.archive }).map(([kind, key]) => {
    const some = types.filter((type) => site.left_out?.[kind]?.includes(type));
    return some.length > 0 && h("li", {}, t(key, { types: some.join(t("list.and")) }));
  });
  return lines.some(Boolean) ? [h("ul", {}, ...lines)] : [];
}

/**
 * What happens to pictures whose names others have, asked once for all. Closed, they are left out.
 * @param {number} n @param {string} name @returns {Promise<import("./upload.js").Choice>}
 */
async function choose(n, name) {
  const choices = /** @type {const} */ ({
    keep_both: "import.keep_both",
    replace: "import.replace",
    skip: "import.skip",
  });
  const options = Object.entries(choices).map(([value, key]) =>
    h(
      "label",
      { class: "choice" },
      h("input", { type: "radio", name: "choice", value, checked: value === "keep_both" }),
      t(key),
    ),
  );
  const text = h("p", {}, t("import.taken_text", { name }));
  const form = await asking(t("import.taken", { n }), [text, ...options], t("import.go_on"), { cancel: false });
  return /** @type {import("./upload.js").Choice} */ (form?.get("choice") || "skip");
}

/** How far it is. @param {HTMLElement} board @param {number} total @param {() => void} stop */
function progress(board, total, stop) {
  const names = /** @type {const} */ ([
    "added",
    "updated",
    "unchanged",
    "skipped",
    "without_face",
    "failed",
    "waiting",
  ]);
  const titles = {
    added: t("import.added"),
    updated: t("import.updated"),
    unchanged: t("import.unchanged"),
    skipped: t("import.skipped"),
    without_face: part("without"),
    failed: t("import.failed"),
    waiting: t("import.waiting"),
  };
  const fields = names.map((name) => h("dd", { id: `import-${name}` }, number(0)));
  const boxes = names.map((name, at) =>
    h("div", { class: name, hidden: rare(name) }, h("dt", {}, titles[name]), fields[at]),
  );
  const bar = h("progress", { max: total, value: 0, "aria-label": t("import.progress") });
  const title = h("p", { class: "import-state", role: "status" });
  const button = h(
    "button",
    {
      type: "button",
      id: "stop",
      onclick: () => {
        button.disabled = true;
        stop();
      },
    },
    t("import.stop"),
  );
  const failures = h("ul", { class: "failures" });
  const failed = h(
    "details",
    { class: "how", hidden: true, id: "failures" },
    h("summary", {}, t("import.failures")),
    failures,
  );
  board.replaceChildren(
    h(
      "section",
      { class: "card pad", "aria-label": t("import.progress") },
      h("div", { class: "bar" }, title, button),
      bar,
      h(
        "dl",
        { class: "counts" },
        ...boxes,
      ),
      failed,
    ),
  );
  let listed = 0;
  let latest = "";
  return (/** @type {import("./upload.js").Counts} */ counts) => {
    names.forEach((name, at) => {
      fields[at].textContent = number(counts[name]);
      boxes[at].hidden = rare(name) && !counts[name];
    });
    bar.value = total - counts.waiting;
    const text = state(counts, total);
    if (text !== latest) title.textContent = latest = text; // announced once, not at every count
    const over = !["receiving", "finishing"].includes(counts.state);
    button.hidden = over;
    failed.hidden = !counts.failures.length;
    if (listed !== counts.failures.length) {
      listed = counts.failures.length;
      failures.replaceChildren(...reasons(counts.failures.slice(0, SHOWN)));
    }
    if (over && listed) failed.open = true;
  };
}

/** Each reason once, with the pictures it holds for. @param {import("./upload.js").Failure[]} failures */
function reasons(failures) {
  /** @type {Map<string, string[]>} */
  const names = new Map();
  for (const { name, error } of failures) {
    const reason = sentence({ ...error, message: error.message.replace(`'${name}' `, "") });
    names.set(reason, [...(names.get(reason) || []), name]);
  }
  return [...names].map(([reason, some]) =>
    h(
      "li",
      {},
      h("strong", {}, t("import.reason", { n: some.length, reason })),
      h("ul", {}, ...some.map((name) => h("li", {}, name))),
    ),
  );
}

/** Counts that are shown only when there are such. @param {string} name */
function rare(name) {
  return name === "skipped" || name === "without_face";
}

/** What became of the pictures, without what there is none of. @param {import("./upload.js").Counts} counts */
function summary(counts) {
  const parts = [
    t("import.n_added", { n: counts.added + counts.updated }),
    counts.unchanged > 0 && t("import.n_unchanged", { n: counts.unchanged }),
    counts.without_face > 0 && part("n_without", { n: counts.without_face }),
    counts.skipped > 0 && t("import.n_skipped", { n: counts.skipped }),
    counts.failed > 0 && t("import.n_failed", { n: counts.failed }),
  ];
  return parts.filter(Boolean).join(t("list.and"));
}

/** @param {import("./upload.js").Counts} counts @param {number} total */
function state(counts, total) {
  switch (counts.state) {
    case "done":
      return t("import.done", { time: duration(counts.seconds), counts: summary(counts) });
    case "stopped":
      return t("import.stopped", { n: counts.added + counts.updated });
    case "failed":
    case "broken":
      return t("import.broken");
    case "finishing":
      return t("import.finishing");
    default:
      return t("import.running", { n: total });
  }
}

/** The state of an import in this tab, so that a reloaded page shows how to go on. */
const unfinished = {
  /** @param {string} name @param {number} total */
  begin(name, total) {
    sessionStorage.setItem(`import:${name}`, String(total));
  },
  /** @param {string} name */
  end(name) {
    sessionStorage.removeItem(`import:${name}`);
  },
  /** @param {string} name */
  total(name) {
    return Number(sessionStorage.getItem(`import:${name}`)) || 0;
  },
};

/** @param {string} name */
function notice(name) {
  const total = unfinished.total(name);
  if (!total) return [];
  const forget = h(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: () => {
        unfinished.end(name);
        line.remove();
      },
    },
    t("import.forget"),
  );
  const line = h(
    "div",
    { class: "notice", role: "status", id: "unfinished" },
    h("p", {}, t("import.unfinished", { n: total })),
    forget,
  );
  return [line];
}
