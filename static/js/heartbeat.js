// Keeps a claim alive while somebody works, lets it run out when nobody does, and says so
// in good time (data-warn seconds before the end, 20 at the least) with a button to extend it.

const LEAST_WARNING = 20;
let active = true;
let box = null;
let ends = 0;

for (const kind of ["keydown", "pointerdown", "input", "scroll"]) {
  document.addEventListener(kind, () => (active = true), { passive: true, capture: true });
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function say(text) {
  const status = document.getElementById("status");
  if (status) status.textContent = text;
}

function adopt(found) {
  box = found;
  if (!box) return;
  ends = performance.now() + Number(box.dataset.seconds) * 1000;
  active = false;
}

function tick() {
  const found = document.querySelector("#claim[data-seconds]");
  if (found !== box) adopt(found);
  if (!box) return;
  const total = Number(box.dataset.lease);
  const left = (ends - performance.now()) / 1000;
  const warning = Math.max(LEAST_WARNING, Math.min(Number(box.dataset.warn), total / 3));
  if (left > 0) box.querySelector("[data-clock]").textContent = clock(left);
  if (left > warning && left < total * 0.7 && active) {
    active = false;
    htmx.trigger(box, "renew");
  } else if (left <= 0 && box.dataset.ended === undefined) {
    box.dataset.ended = "";
    box.querySelector("[data-words]").textContent = box.dataset.over;
    say(box.dataset.over);
  } else if (left <= warning && left > 0 && box.dataset.warned === undefined) {
    box.dataset.warned = "";
    say(box.dataset.ending.replace("#", Math.ceil(left)));
  }
}

setInterval(tick, 1000);
document.addEventListener("htmx:afterSettle", tick);
tick();
