// What somebody types is never lost: it is kept in this tab until the decision stands, and
// put back after a reload, a log-in or an error. Nothing leaves the browser.

const WAIT_MS = 250;
let timer = 0;

const key = (form) => `rewire-draft:${form.dataset.draft}`;
const controls = (form) => [...form.querySelectorAll("input[name], select[name], textarea[name]")].filter((one) => one.type !== "hidden");
const value = (control) => (["checkbox", "radio"].includes(control.type) ? control.checked : control.value);
const id = (control) => (control.type === "radio" ? `${control.name}=${control.value}` : control.name);

function save(form) {
  const values = Object.fromEntries(controls(form).map((control) => [id(control), value(control)]));
  try {
    sessionStorage.setItem(key(form), JSON.stringify({ digest: form.dataset.digest, values }));
  } catch {
    // A full or forbidden store only costs the safety copy.
  }
}

function read(form) {
  try {
    return JSON.parse(sessionStorage.getItem(key(form)));
  } catch {
    return null;
  }
}

function restore(form) {
  const draft = read(form);
  if (!draft || form.dataset.typed !== undefined || draft.digest !== form.dataset.digest) return;
  let changed = 0;
  for (const control of controls(form)) {
    const kept = draft.values[id(control)];
    if (kept === undefined || kept === value(control)) continue;
    if (["checkbox", "radio"].includes(control.type)) control.checked = kept;
    else control.value = kept;
    changed += 1;
  }
  if (!changed) return;
  form.querySelector("[data-restored]")?.removeAttribute("hidden");
  document.dispatchEvent(new CustomEvent("rewire:restored"));
}

function start() {
  for (const done of document.querySelectorAll("[data-forget]")) {
    sessionStorage.removeItem(`rewire-draft:${done.dataset.forget}`);
  }
  document.querySelectorAll("form[data-draft]").forEach(restore);
}

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form?.dataset.draft === undefined) return;
  clearTimeout(timer);
  timer = setTimeout(() => save(form), WAIT_MS);
});
document.addEventListener("click", (event) => {
  const form = event.target.closest("[data-discard]")?.closest("form");
  if (!form) return;
  sessionStorage.removeItem(key(form));
  form.reset();
  form.querySelector("[data-restored]")?.setAttribute("hidden", "");
  document.dispatchEvent(new CustomEvent("rewire:restored"));
});
document.addEventListener("htmx:afterSettle", start);
start();
