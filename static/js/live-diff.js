// Shows under each changed field what it was, counts the changes, and lets the bar follow:
// with changes the correction is the main button and approving rests.

const value = (control) => (control.type === "checkbox" ? String(control.checked) : control.value);
const CONTEXT = 24;

// The part that differs, between a common start and a common end.
function middle(before, after) {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start += 1;
  let end = 0;
  const room = Math.min(before.length, after.length) - start;
  while (end < room && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return [start, end];
}

function describe(line, words, before, after) {
  line.replaceChildren(`${words.saidWas} `);
  const removed = document.createElement("del");
  const [start, end] = before.length > 60 ? middle(before, after) : [0, 0];
  removed.textContent = before.slice(start, before.length - end) || (before ? "…" : words.saidEmpty);
  line.append(start ? `…${before.slice(Math.max(0, start - CONTEXT), start)}` : "", removed);
  line.append(end ? `${before.slice(before.length - end, before.length - end + CONTEXT)}…` : "");
}

function compare(control) {
  const row = control.closest("[data-field]");
  const changed = value(control) !== control.dataset.original;
  row.toggleAttribute("data-changed", changed);
  const line = row.querySelector("[data-was]");
  if (!line) return;
  line.hidden = !changed;
  if (changed) describe(line, control.form.dataset, control.dataset.original, value(control));
}

function follow(form) {
  const rows = form.querySelectorAll("[data-field][data-changed], [data-shape-changed]").length;
  const counter = form.querySelector("[data-changes]");
  if (counter) counter.textContent = rows > 1 ? form.dataset.saidMany.replace("#", rows) : rows ? form.dataset.saidOne : "";
  const approve = form.querySelector("[data-approve]");
  const correct = form.querySelector("[data-correct]");
  approve?.classList.toggle("btn-main", !rows && approve.dataset.approve === "main");
  approve?.toggleAttribute("disabled", rows > 0);
  correct?.classList.toggle("btn-main", rows > 0);
  correct?.toggleAttribute("disabled", rows === 0);
}

function all(root) {
  for (const form of root.querySelectorAll("form[data-diff]")) {
    form.querySelectorAll("[data-original]").forEach(compare);
    follow(form);
  }
}

document.addEventListener("input", (event) => {
  if (event.target.dataset.original === undefined) return;
  compare(event.target);
  follow(event.target.form);
});
document.addEventListener("htmx:afterSettle", () => all(document));
document.addEventListener("rewire:restored", () => all(document));
all(document);
