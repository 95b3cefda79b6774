// One listener for every key. An element says its own: data-key="a", "g q", "Ctrl+Enter".
// Single keys rest while somebody types, and can be switched off (<html data-keys="off">).

const SEQUENCE_MS = 1200;
let prefix = "";
let timer = 0;

const typing = (element) =>
  element.matches?.(
    "textarea, select, [contenteditable], input:not([type=checkbox], [type=radio], [type=submit], [type=button])",
  );

const shown = (element) => !element.disabled && element.getClientRects().length > 0;

// The page's own keys go before those of the frame. Inside an open sheet or dialog only its own
// count; a closed menu still lends its keys.
function target(key) {
  const open = [...document.querySelectorAll(":popover-open")].pop();
  const named = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)];
  const inMain = named.filter((element) => element.closest("main"));
  const all = [...inMain, ...named.filter((element) => !inMain.includes(element))];
  const near = open ? all.filter((element) => open.contains(element)) : all;
  return near.find(shown) ?? near.find((element) => element.popoverTargetElement && !element.disabled);
}

function press(event, key) {
  const element = target(key);
  if (!element) return false;
  event.preventDefault();
  if (element.matches("input:not([type=checkbox], [type=radio]), textarea")) element.focus();
  else if (element.popoverTargetElement && !shown(element)) element.popoverTargetElement.togglePopover();
  else element.click();
  return true;
}

function remember(key) {
  prefix = key;
  clearTimeout(timer);
  timer = setTimeout(() => (prefix = ""), SEQUENCE_MS);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return void press(event, "Ctrl+Enter");
  if (event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape" && typing(event.target)) return event.target.blur();
  if (typing(event.target) || document.documentElement.dataset.keys === "off") return;
  const key = prefix ? `${prefix} ${event.key}` : event.key;
  const waiting = prefix;
  prefix = "";
  if (press(event, key)) return;
  if (!waiting && document.querySelector(`[data-key^="${CSS.escape(event.key)} "]`)) remember(event.key);
});
