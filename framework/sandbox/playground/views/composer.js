/** Where a message is written: text, files, and whether a reply also goes to the channel. */
import { stopNow } from "../activity.js";
import { t, tn } from "../i18n.js";
import { displayName } from "../people.js";
import { plainText } from "../plain.js";
import { Icon, IconButton, grow, html, isTouch, useEffect, useLayoutEffect, useRef, useState } from "../ui.js";
import { Completion, completionsOf, mentionedIn } from "./completion.js";
import { lazy } from "./lazy.js";
import { Uploads, useUploads } from "./uploads.js";

const Emoji = lazy(() => import("./emoji.js"), "Emoji");
/** Characters, where the channel does not say how many it takes. */
const LONGEST = 5_000;
const WARN_FROM = 0.9;
const TYPING_EVERY_MS = 2_000;
const TYPING_IDLE_MS = 4_000;

/** Props: chat, channel, `id` of the box, `label`, `parentId` or null, `editLast`. Keyed by the place that it writes to. */
export function Composer({ chat, channel, id, label, parentId, editLast }) {
  const place = `${channel.cid}/${parentId ?? ""}`;
  const [text, setText] = useState(chat.store.drafts.get(place) ?? "");
  const [also, setAlso] = useState(false);
  const [keeping, setKeeping] = useState(false);
  const mayNote = !parentId && chat.team.mayNote(channel);
  const noting = mayNote && chat.store.noting.has(channel.cid);
  const name = noting ? t("Write a note for the team") : label;
  const note = (on) => {
    chat.store.noting[on ? "add" : "delete"](channel.cid);
    chat.store.emit("channel", channel.cid);
    typing(on ? "" : text);
    box.current.focus();
  };
  const [choosing, setChoosing] = useState(false);
  const [picked, setPicked] = useState(0);
  const [dismissed, dismiss] = useState("");
  const quoted = chat.store.quotes.get(place);
  const box = useRef(null);
  const form = useRef(null);
  const picker = useRef(null);
  const uploads = useUploads(chat, channel);
  const typing = useTyping(chat, channel, parentId);
  useLayoutEffect(() => {
    const wanted = (inThread) => inThread === Boolean(parentId) && box.current?.focus();
    const off = [chat.store.on("focus-composer", wanted), chat.store.on("files", (files) => !parentId && uploads.add(files))];
    if (!isTouch()) box.current.focus();
    return () => off.forEach((leave) => leave());
  }, []);
  useLayoutEffect(() => {
    chat.store.drafts.set(place, text);
    grow(box.current);
  }, [text]);
  const length = Array.from(text).length;
  const longest = Number(channel.data.config?.max_message_length) || LONGEST;
  const empty = text.trim() === "" && (noting || uploads.ready.length === 0);

  const options = dismissed === text ? [] : completionsOf(chat, channel, text);
  const index = Math.min(picked, options.length - 1);
  const complete = ({ insert }) => {
    write(insert);
    setPicked(0);
    dismiss(insert);
    box.current.focus();
  };
  /** Whether a key was for the list of completions. */
  const steers = (event) => {
    if (options.length === 0) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setPicked((index + step + options.length) % options.length);
    else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey && options[index].insert.trim() !== text.trim())) complete(options[index]);
    else if (event.key === "Escape") dismiss(text);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const insert = (emoji) => {
    const { selectionStart: from, selectionEnd: to } = box.current;
    write(text.slice(0, from) + emoji + text.slice(to));
    setChoosing(false);
    box.current.focus();
  };

  const pick = (files) => {
    if (channel.may("upload-file")) uploads.add([...files]);
    box.current.focus();
  };
  const pasted = (event) => {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    pick(event.clipboardData.files);
  };
  const write = (value) => {
    setText(value);
    if (!noting) typing(value); // nobody is told that a note is written
  };
  const pressed = (event) => {
    if (event.isComposing || steers(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      form.current.requestSubmit();
    } else if (event.key === "Escape" && stopNow(chat, parentId)) {
      event.stopPropagation();
    } else if (event.key === "Escape" && quoted) {
      chat.quote(channel, null, parentId);
    } else if (event.key === "ArrowUp" && box.current.value === "") {
      event.preventDefault();
      editLast();
    }
  };
  const keep = async (written) => {
    setKeeping(true);
    const kept = await chat.team.note(channel, written);
    setKeeping(false);
    if (kept) setText((now) => (now.trim() === written ? "" : now));
  };
  const submit = (event) => {
    event.preventDefault();
    const written = box.current.value.trim();
    const over = Array.from(written).length - longest;
    if (over > 0) chat.store.emit("problem", tn("The message is too long by {n} character.", "The message is too long by {n} characters.", over));
    if (noting) return over > 0 || !written || keeping ? undefined : keep(written);
    if (over > 0 || uploads.busy || (!written && uploads.ready.length === 0)) return;
    const heard = chat.team.hears(channel, written);
    if (heard === "done") write("");
    if (heard) return;
    const mentioned = mentionedIn(chat, channel, written);
    const fields = { ...(quoted ? { quoted_message_id: quoted.id } : {}), ...(mentioned.length ? { mentioned_users: mentioned } : {}) };
    chat.send(channel, { text: written, attachments: uploads.ready, parentId, showInChannel: also, quoted, fields });
    if (quoted) chat.quote(channel, null, parentId);
    write("");
    uploads.clear();
    setAlso(false);
  };
  return html`<form class=${`composer ${noting ? "is-note" : ""}`} ref=${form} onSubmit=${submit}>
    <${Uploads} uploads=${uploads} />
    ${quoted && html`<div class="quoting"><${Icon} name="quote" /><span class="people-name" dir="auto"><b>${displayName(quoted.user)}</b> ${plainText(quoted.text ?? "")}</span><${IconButton} icon="close" label=${t("Do not quote")} onClick=${() => chat.quote(channel, null, parentId)} /></div>`}
    ${options.length > 0 && html`<${Completion} id=${`${id}-options`} options=${options} index=${index} choose=${complete} store=${chat.store} />`}
    ${choosing && html`<${Emoji} choose=${insert} close=${() => setChoosing(false)} />`}
    ${mayNote && html`<div class="note-switch" role="group" aria-label=${t("Who reads it")}>${[[false, t("Reply")], [true, t("Private note")]].map(([on, words]) => html`<button type="button" aria-pressed=${noting === on} onClick=${() => note(on)}>${words}</button>`)}</div>`}
    <div class="composer-row">
      ${!noting && html`<${IconButton} icon="clip" label=${t("Attach a file or an image")} onClick=${() => picker.current.click()} />`}
      <textarea id=${id} rows="1" dir="auto" placeholder=${name} aria-label=${name} enterkeyhint="send" ref=${box} value=${text}
        onInput=${(event) => write(event.target.value)} onKeyDown=${pressed} onPaste=${pasted}
        aria-autocomplete="list" aria-controls=${options.length ? `${id}-options` : null} aria-activedescendant=${options.length ? `${id}-options-${index}` : null} />
      <${IconButton} icon="smile" label=${t("Emoji")} aria-expanded=${choosing} onClick=${() => setChoosing(!choosing)} />
      <span class=${`counter ${length > longest ? "is-over" : ""}`} hidden=${length < longest * WARN_FROM}>${length} / ${longest}</span>
      <button class="send-button" type="submit" aria-label=${noting ? t("Keep the note") : t("Send")} title=${noting ? t("Keep the note") : t("Send")} disabled=${empty || keeping || (!noting && uploads.busy) || length > longest}><${Icon} name="send" /></button>
    </div>
    ${parentId && html`<label class="also"><input type="checkbox" checked=${also} onChange=${(event) => setAlso(event.target.checked)} />${t("Also send to the conversation")}</label>`}
    <input type="file" multiple hidden tabindex="-1" aria-hidden="true" ref=${picker} onChange=${() => (pick(picker.current.files), (picker.current.value = ""))} />
  </form>`;
}

/** Tells the others that somebody types, as long as they do. */
function useTyping(chat, channel, parentId) {
  const state = useRef({ at: 0, timer: 0 }).current;
  const stop = () => {
    clearTimeout(state.timer);
    if (state.at) chat.sendTyping(channel, false, parentId);
    state.at = 0;
  };
  useEffect(() => stop, []);
  return (text) => {
    if (text.trim() === "") return stop();
    if (Date.now() - state.at > TYPING_EVERY_MS) {
      state.at = Date.now();
      chat.sendTyping(channel, true, parentId);
    }
    clearTimeout(state.timer);
    state.timer = setTimeout(stop, TYPING_IDLE_MS);
  };
}
