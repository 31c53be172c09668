/** The address of the page: who chats, and in which channel. */


export function readRoute() {
  const query = new URLSearchParams(location.search);
  const channel = query.get("channel") ?? "";
  const whole = channel.includes(":") ? channel : channel && `messaging:${channel}`;
  return { user: query.get("user") ?? "", channel: whole, invite: query.get("invite") ?? "" };
}

export function writeRoute(route, replace = false) {
  const parts = Object.entries(route).filter(([, value]) => value);
  const search = parts.map(([name, value]) => `${name}=${encodeURIComponent(value).replace(/%3A/g, ":").replace(/%40/g, "@")}`).join("&");
  const address = search ? `/?${search}` : "/";
  if (address === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}
