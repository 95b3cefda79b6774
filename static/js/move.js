// j and k walk over the rows marked data-move; buttons marked data-step (keys n and p) over
// the flagged ones. Focus goes to the row, not into its input: the next key is a command again.

function step(selector, by) {
  const rows = [...document.querySelectorAll(selector)].filter((row) => row.getClientRects().length > 0);
  if (!rows.length) return;
  const now = document.activeElement;
  const at = rows.findIndex((row) => row === now || row.contains(now));
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
  rows[next].focus();
  rows[next].scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input:not([type=checkbox], [type=radio]), textarea, select")) return;
  if (event.key === "Enter" && event.target.matches("[data-field]")) {
    event.preventDefault();
    event.target.querySelector("input, select, textarea")?.focus();
  } else if (event.key === "j" || event.key === "k") {
    if (document.documentElement.dataset.keys === "off" || document.querySelector(":popover-open")) return;
    event.preventDefault();
    step("[data-move]", event.key === "j" ? 1 : -1);
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step]");
  if (button) step("[data-flagged]", Number(button.dataset.step));
});

// The edit link leads to the first field; with a row in focus it edits that row.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-edit]");
  if (!link) return;
  const row = document.activeElement.closest("[data-field]");
  const field = row?.querySelector("input, select, textarea") ?? document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select?.();
});
