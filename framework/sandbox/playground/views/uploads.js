/** Files that are on their way to the server with a message that is not yet sent. */
import { ApiError } from "../api.js";
import { t } from "../i18n.js";
import { Icon, IconButton, html, useRef, useState } from "../ui.js";
import { fileSize } from "./attachments.js";

const LARGEST = 100 * 1024 * 1024;
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]);

/** The files of one message: `{items, ready, busy, add, remove, retry, clear}`. */
export function useUploads(chat, channel) {
  const items = useRef([]);
  const [, redraw] = useState(0);
  const set = (next) => {
    items.current = next;
    redraw((n) => n + 1);
  };
  const change = (key, fields) => set(items.current.map((item) => (item.key === key ? { ...item, ...fields } : item)));
  const start = async ({ key, file, problem }) => {
    if (problem) change(key, { state: "sending", problem: "" });
    const tooLarge = file.size > LARGEST;
    const result = tooLarge ? { problem: t("Too large: 100 MB at most.") } : await upload(chat, channel, file);
    change(key, { ...result, state: result.problem ? "failed" : "ready", tooLarge });
  };
  return {
    items: items.current,
    ready: items.current.flatMap((item) => item.attachment ?? []),
    busy: items.current.some((item) => item.state === "sending"),
    add(files) {
      const added = files.map((file) => ({ key: crypto.randomUUID?.() ?? Math.random(), file, state: "sending", preview: PICTURES.has(file.type) ? URL.createObjectURL(file) : "" }));
      set([...items.current, ...added]);
      added.forEach(start);
    },
    remove: (key) => set(items.current.filter((item) => item.key !== key)),
    retry: start,
    clear: () => set([]),
  };
}

async function upload(chat, channel, file) {
  const isPicture = PICTURES.has(file.type);
  try {
    const answer = await chat.api.upload(channel.cid, isPicture ? "image" : "file", file);
    return { attachment: isPicture
      ? { type: "image", image_url: answer.file, fallback: file.name, file_size: file.size, mime_type: file.type }
      : { type: "file", asset_url: answer.file, title: file.name, file_size: file.size, mime_type: file.type || "application/octet-stream" } };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { problem: error.message };
  }
}

export function Uploads({ uploads }) {
  if (uploads.items.length === 0) return null;
  return html`<ul class="uploads" aria-label=${t("Files to send")}>${uploads.items.map((item) => {
    const { key, file, state, preview, problem, tooLarge } = item;
    return html`<li class="upload" key=${key} data-state=${state}>
      ${preview ? html`<img src=${preview} alt="" onLoad=${() => URL.revokeObjectURL(preview)} />` : html`<${Icon} name="file" />`}
      <span class="upload-name" dir="auto">${file.name}</span>
      <span class="upload-note" role="status">${state === "sending" ? t("Uploading…") : problem || fileSize(file.size)}</span>
      ${problem && !tooLarge && html`<button class="link-button" type="button" aria-label=${t("Try again to upload {name}", { name: file.name })} onClick=${() => uploads.retry(item)}>${t("Try again")}</button>`}
      <${IconButton} icon="close" label=${t("Remove {name}", { name: file.name })} onClick=${() => uploads.remove(key)} />
    </li>`;
  })}</ul>`;
}
