// @ts-check
// A photo by the device's camera.
import { showError } from "./alerts.js";
import { h, icon } from "./dom.js";
import { t } from "./words.js";

/** Whether there is a camera that a page can use. */
export async function hasCamera() {
  if (!window.isSecureContext || !navigator.mediaDevices?.enumerateDevices) return false;
  try {
    return (await navigator.mediaDevices.enumerateDevices()).some((device) => device.kind === "videoinput");
  } catch {
    return false; // the browser's policy forbids to ask
  }
}

/** What the person photographed, or null when the dialog was closed. @returns {Promise<Blob | null>} */
export async function takePicture() {
  /** @type {MediaStream} */
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 }, height: { ideal: 1080 } } });
  } catch (error) {
    showError(new Error(t("camera.refused"), { cause: error }));
    return null;
  }
  const video = h("video", { autoplay: true, playsinline: true, "aria-label": t("camera.picture") });
  video.muted = true;
  video.srcObject = stream;
  const shoot = h("button", { type: "button", class: "primary" }, icon("camera"), t("camera.take"));
  const close = h("button", { type: "button" }, t("dialog.cancel"));
  const dialog = h(
    "dialog",
    { class: "camera", "aria-label": t("pick.camera") },
    video,
    h("div", { class: "row end" }, close, shoot),
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    /** @type {Blob | null} */
    let picture = null;
    close.addEventListener("click", () => dialog.close());
    shoot.addEventListener("click", async () => {
      picture = await frame(video);
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      for (const track of stream.getTracks()) track.stop();
      dialog.remove();
      resolve(picture);
    });
    dialog.showModal();
  });
}

/** @param {HTMLVideoElement} video @returns {Promise<Blob | null>} */
function frame(video) {
  const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  return new Promise((resolve) => {
    canvas.toBlob(resolve, "image/jpeg", 0.92);
  });
}
