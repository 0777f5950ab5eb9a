// @ts-check
// How the items of each modality are shown, and what a search takes. A new modality is an entry here, and its words.
import * as texts from "./excerpt.js";
import { h } from "./dom.js";
import * as pictures from "./picture.js";
import { players } from "./player.js";
import { page } from "./words.js";

/**
 * @typedef {object} Modality
 * @property {string} list the class of a list of cards
 * @property {boolean} [drawn] a query is a picture: it can be photographed, pasted, and a rectangle of it searched for
 * @property {(collection: string, name: string, part?: number | null) => Node | null} small what a card shows
 * @property {(collection: string, name: string, region?: any) => Node} [played] what stands below a card, to be played
 * @property {(entry: import("./viewer.js").Shown) => Node} large what the dialog shows
 * @property {(collection: string, state: import("./state.js").State) => Node} liked what others are to be like
 * @property {(src: string, label: string, region?: any) => Node} [query] a file that is searched for
 */

const sounds = players("audio");
const videos = players("video");
const frame = () => h("div", { class: "frame" });

/** @type {Record<string, Modality>} */
const MODALITIES = {
  image: { list: "grid", drawn: true, small: pictures.small, large: pictures.large, liked: pictures.liked },
  text: {
    list: "grid texts",
    small: texts.excerpt,
    large: ({ collection, name, part }) => texts.whole(collection, name, part),
    liked: (collection, { like, part }) => h("p", {}, texts.excerpt(collection, like, part)),
  },
  audio: {
    list: "grid players",
    small: () => null,
    played: sounds.stored,
    large: sounds.large,
    liked: (collection, { like }) => sounds.stored(collection, like),
    query: sounds.player,
  },
  video: {
    list: "grid players",
    small: () => null,
    played: videos.stored,
    large: videos.large,
    liked: (collection, { like }) => videos.stored(collection, like),
    query: videos.player,
  },
};

/** Of what only the name is shown. @type {Modality} */
const OTHER = { list: "grid texts", small: () => null, large: frame, liked: () => h("p", {}) };

export const MODALITY = MODALITIES[page.contents?.modality] || OTHER;
