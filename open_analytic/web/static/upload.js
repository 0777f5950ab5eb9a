// @ts-check
// An import: known pictures are passed over, the others sent several at once, in order of their names.
import { ApiError, call, get, ofCollection } from "./api.js";
import { bytes, t } from "./words.js";

/**
 * @typedef {import("./folder.js").Picture} Picture
 * @typedef {{name: string, error: {type?: string, message: string, hint?: string | null}}} Failure
 * @typedef {{id: string, state: string, added: number, updated: number, unchanged: number, skipped: number,
 *   without_face: number, failed: number, conflicts: number, waiting: number, failures: Failure[], seconds: number,
 *   error: any}} Status
 * @typedef {{total: number, sent: number, added: number, updated: number, unchanged: number, skipped: number,
 *   without_face: number, failed: number, waiting: number, failures: Failure[], state: string, seconds: number}} Counts
 * @typedef {"skip" | "replace" | "keep_both"} Choice
 */

const AT_ONCE = 5; // requests
const TOGETHER = 16; // small files of one request
const TOGETHER_BYTES = 2_000_000;
const CHUNK = 200; // names asked for at once
const HASHES = 3; // files in memory at once
const TRIES = 8; // of one file, when the service is busy or the network fails
const POLL_MS = 500;
const SOON_MS = 50; // the first look after the last file, so that a small import ends at once

export class Upload {
  /**
   * @param {string} collection @param {Picture[]} pictures
   * @param {{maxBytes: number, skipKnown: boolean, changed: (counts: Counts) => void,
   *   decide: (count: number, name: string) => Promise<Choice>}} options
   */
  constructor(collection, pictures, { maxBytes, skipKnown, changed, decide }) {
    this.collection = collection;
    this.pictures = pictures;
    this.maxBytes = maxBytes;
    this.skipKnown = skipKnown && Boolean(crypto.subtle);
    this.changed = changed;
    this.decide = decide;
    /** @type {Picture[]} */
    this.held = []; // another picture has their name
    this.passedOver = 0; // of those
    /** @type {Set<string>} */
    this.conflicting = new Set();
    this.stopper = new AbortController();
    this.sent = 0;
    /** @type {Failure[]} */
    this.refused = []; // here, before or instead of the service
    /** @type {Status | null} */
    this.status = null;
    /** @type {Picture[]} */
    this.ready = [];
    this.allReady = false;
    this.over = false;
    /** @type {(() => void)[]} */
    this.sleepers = [];
  }

  /** All of it; throws when the import as a whole cannot go on. */
  async run() {
    this.status = await call("POST", ofCollection(this.collection, "/imports"));
    this.tell();
    const poll = setInterval(() => this.look().catch(() => {}), POLL_MS);
    try {
      await Promise.all([this.prepare(), ...Array.from({ length: AT_ONCE }, () => this.send())]);
      await this.settle();
      this.heard(await call("POST", this.path("/finish"), undefined, this.stopper.signal));
      await this.until(() => !["receiving", "finishing"].includes(this.status?.state || ""));
      this.check();
    } catch (error) {
      if (!this.stopper.signal.aborted) {
        this.stopper.abort(); // the other senders, too
        throw error;
      }
    } finally {
      clearInterval(poll);
      this.over = true;
    }
    return this.counts();
  }

  /** Asks once what happens to all pictures whose names others have, and does it. */
  async settle() {
    this.heard(await call("POST", this.path("/commit"), undefined, this.stopper.signal));
    await this.until(() => this.status?.state !== "receiving" || this.status.waiting === 0);
    this.check();
    const count = this.held.length + (this.status?.conflicts || 0);
    if (!count || this.stopper.signal.aborted) return;
    const failed = this.status?.failures.find(({ error }) => error.type === "Conflict");
    const choice = await this.decide(count, this.held[0]?.name || failed?.name || "");
    if (this.stopper.signal.aborted) return;
    const { again } = await call("PATCH", this.path(), { on_conflict: choice }, this.stopper.signal);
    const names = new Set(again);
    const held = this.held.splice(0);
    if (choice === "skip") this.passedOver += held.length;
    else this.ready.push(...held);
    this.ready.push(...this.pictures.filter(({ name }) => names.has(name)));
    await this.look();
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.send()));
  }

  /** What was committed stays. */
  async stop() {
    this.stopper.abort();
    this.wake();
    if (this.status)
      await call("DELETE", this.path()).then((answer) => this.heard(answer || { ...this.status, state: "stopped" }));
  }

  /** @returns {Counts} */
  counts() {
    const {
      added = 0,
      updated = 0,
      unchanged = 0,
      skipped = 0,
      without_face = 0,
      failed = 0,
      failures = [],
      state = "receiving",
      seconds = 0,
    } = this.status || {};
    const lost = failed + this.refused.length;
    return {
      total: this.pictures.length,
      sent: this.sent,
      added,
      updated,
      unchanged,
      skipped: skipped + this.passedOver,
      without_face,
      failed: lost,
      waiting: Math.max(
        0,
        this.pictures.length - added - updated - unchanged - skipped - this.passedOver - without_face - lost,
      ),
      failures: [...this.refused, ...failures],
      state: this.over || state === "receiving" ? state : "finishing",
      seconds,
    };
  }

  /** Chunk by chunk: which pictures have to be sent. */
  async prepare() {
    for (let at = 0; at < this.pictures.length && !this.stopper.signal.aborted; at += CHUNK) {
      const chunk = this.pictures.slice(at, at + CHUNK).filter((picture) => this.fits(picture));
      const known = this.skipKnown && chunk.length ? await this.known(chunk) : new Set();
      const free = chunk.filter(({ name }) => !known.has(name));
      this.held.push(...free.filter(({ name }) => this.conflicting.has(name)));
      this.ready.push(...free.filter(({ name }) => !this.conflicting.has(name)));
      this.wake();
    }
    this.allReady = true;
    this.wake();
  }

  /** @param {Picture} picture */
  fits({ name, file }) {
    if (!this.maxBytes || file.size <= this.maxBytes) return true;
    this.refuse(name, { message: t("import.too_large", { size: bytes(file.size), most: bytes(this.maxBytes) }) });
    return false;
  }

  /** @param {Picture[]} chunk @returns {Promise<Set<string>>} */
  async known(chunk) {
    /** @type {{name: string, sha256: string}[]} */
    const files = [];
    const left = [...chunk];
    const work = async () => {
      for (let next = left.shift(); next && !this.stopper.signal.aborted; next = left.shift()) {
        const digest = await sha256(next.file);
        if (digest) files.push({ name: next.name, sha256: digest });
      }
    };
    await Promise.all(Array.from({ length: HASHES }, work));
    const answer = await call("POST", this.path("/known"), { files }, this.stopper.signal);
    for (const name of answer.taken) this.conflicting.add(name);
    return new Set(answer.known);
  }

  /** Sends what is ready until there is no more. */
  async send() {
    while (!this.stopper.signal.aborted) {
      const some = this.take();
      if (some.length) {
        if (await this.putTogether(some)) continue;
        for (const one of some) await this.put(one);
      } else if (this.allReady) return;
      else
        await new Promise((resolve) => {
          this.sleepers.push(() => resolve(undefined));
        });
    }
  }

  /** The next few: small ones go together, a request each would take longer than they do. */
  take() {
    const some = this.ready.splice(0, 1);
    const most = Math.min(TOGETHER_BYTES, this.maxBytes / 2 || TOGETHER_BYTES);
    let size = some[0]?.file.size || 0;
    while (this.ready.length && some.length < TOGETHER && size + this.ready[0].file.size <= most) {
      size += this.ready[0].file.size;
      some.push(...this.ready.splice(0, 1));
    }
    return some;
  }

  /** Whether they are there; otherwise each is to be sent alone, which shows whose fault it is. @param {Picture[]} some */
  async putTogether(some) {
    if (some.length < 2) return false;
    const head = JSON.stringify(some.map(({ name, file }) => [name, file.size]));
    try {
      const body = new Blob([`${head}\n`, ...some.map(({ file }) => file)]);
      await call("POST", this.path("/files"), body, this.stopper.signal);
    } catch (error) {
      if (this.stopper.signal.aborted) return true;
      if (!(error instanceof ApiError)) throw error;
      return false;
    }
    this.sent += some.length;
    return true;
  }

  /** @param {Picture} picture */
  async put({ name, file }) {
    for (let tries = 1; ; tries += 1) {
      try {
        // Counts come from a poll, now and then: a page drawn for every file would slow the models down.
        await call("PUT", `${this.path("/file")}?name=${encodeURIComponent(name)}`, file, this.stopper.signal);
        this.sent += 1;
        return;
      } catch (error) {
        if (this.stopper.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 413) return; // the service counted it
        const readable = error.status === 0 ? await canRead(file) : true;
        if (!readable) return this.refuse(name, { message: t("import.unreadable") });
        if (error.status === 409) await this.look().then(() => this.check()); // it ended meanwhile, and says why
        if (
          error.status === 404 ||
          error.status === 409 ||
          error.status === 401 ||
          (isPassing(error) && tries >= TRIES)
        )
          throw error;
        if (!isPassing(error)) return this.refuse(name, { message: error.message, hint: error.hint });
        await pause(1000 * Math.max(error.retryAfter, tries));
      }
    }
  }

  /** Looks until it holds, at first often. @param {() => boolean} holds */
  async until(holds) {
    for (let ms = SOON_MS; !holds(); ms = Math.min(POLL_MS, 2 * ms)) {
      await pause(ms);
      await this.look();
    }
  }

  async look() {
    if (this.status && this.status.state !== "done") this.heard(await get(this.path()));
  }

  /** Whether the import goes on: the error that ended it is thrown. */
  check() {
    if (this.status?.state === "failed") throw new ApiError(this.status.error || {}, 500);
  }

  /** @param {string} name @param {{message: string, hint?: string}} error */
  refuse(name, error) {
    this.refused.push({ name, error });
    this.tell();
  }

  /** The newest status: answers can overtake each other, so counts never go back. @param {any} status */
  heard(status) {
    if (!status) return;
    const before = this.status;
    const rank = (/** @type {Status | null} */ one) =>
      one ? one.added + one.updated + one.unchanged + one.skipped + one.without_face + one.failed : -1;
    if (rank(status) >= rank(before) || status.state !== before?.state) this.status = { ...before, ...status };
    this.tell();
  }

  tell() {
    this.changed(this.counts());
  }

  wake() {
    for (const sleeper of this.sleepers.splice(0)) sleeper();
  }

  /** @param {string} [rest] */
  path(rest = "") {
    return `/api/v1/imports/${encodeURIComponent(this.status?.id || "")}${rest}`;
  }
}

/** A fault that can be over in a moment. @param {ApiError} error */
function isPassing(error) {
  return [0, 408, 429, 502, 503, 504].includes(error.status);
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** A file that was deleted or changed meanwhile cannot be read any more. @param {File} file */
async function canRead(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** @param {File} file @returns {Promise<string | null>} */
async function sha256(file) {
  try {
    const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  } catch {
    return null; // sending it will tell what is wrong
  }
}
