/** What can be done with a message, shown while the pointer or the focus is on it. */
import { t } from "../i18n.js";
import { IconButton, html, useLayoutEffect, useRef, useState, writeClipboard } from "../ui.js";
import { ReactionBar } from "./reactions.js";

/** `focus` gives the focus to the message: a bar that changes must not lose it. */
export function Tools({ chat, channel, message, mine, inThread, edit, focus, askAgain }) {
  const [mode, setMode] = useState("buttons");
  const bar = useRef(null);
  const moved = useRef(false);
  const show = (next) => {
    focus();
    moved.current = next !== "buttons";
    setMode(next);
  };
  useLayoutEffect(() => {
    if (moved.current) bar.current?.querySelector("button")?.focus();
    const node = bar.current?.closest(".message");
    if (mode === "buttons" || !node) return undefined;
    const left = () => bar.current?.contains(document.activeElement) || setMode("buttons");
    // Asked a moment later: a button that gives way to others loses the focus before one of these gets it.
    const lost = () => setTimeout(() => node.contains(document.activeElement) || setMode("buttons"));
    node.addEventListener("mouseleave", left);
    node.addEventListener("focusout", lost);
    return () => {
      node.removeEventListener("mouseleave", left);
      node.removeEventListener("focusout", lost);
    };
  }, [mode]);
  const pressed = (event) => {
    if (event.key !== "Escape" || mode === "buttons") return;
    event.stopPropagation();
    show("buttons");
  };
  const choose = (type) => {
    show("buttons");
    chat.toggleReaction(channel, message, type);
  };
  const copy = async () => chat.store.emit("problem", (await writeClipboard(message.text ?? "")) ? t("Copied") : t("The browser did not allow copying."));
  const tool = (icon, label, work) => html`<${IconButton} icon=${icon} label=${label} onClick=${work} />`;
  const forAll = !message.restricted_visibility?.length; // a thread, a quote or a pin would lead others to it
  return html`<div class="tools" role="toolbar" aria-label=${t("Message actions")} ref=${bar} onKeyDown=${pressed}>${
    mode === "react" ? html`<${ReactionBar} choose=${choose} />`
    : mode === "delete" ? html`<span class="tools-question">${t("Delete this message?")}</span>
        <button class="link-button is-danger" type="button" onClick=${() => chat.remove(channel, message)}>${t("Delete")}</button>
        <button class="link-button" type="button" onClick=${() => show("buttons")}>${t("Keep")}</button>`
    : html`
        ${channel.may("send-reaction") && tool("smile", t("React"), () => show("react"))}
        ${forAll && !inThread && tool("thread", t("Reply in thread"), () => chat.openThread(channel, message.id))}
        ${forAll && channel.may("quote-message") && tool("quote", t("Quote"), () => chat.quote(channel, message, inThread ? message.parent_id ?? message.id : null))}
        ${tool("copy", t("Copy text"), copy)}
        ${forAll && channel.may("pin-message") && tool("pin", message.pinned ? t("Unpin") : t("Pin"), () => chat.togglePin(channel, message))}
        ${askAgain && tool("retry", t("Ask again"), askAgain)}
        ${mine && tool("edit", t("Edit"), edit)}
        ${mine && tool("trash", t("Delete"), () => show("delete"))}`}
  </div>`;
}
