// Counts an undo window down and takes the bar away at its end. The server keeps the real
// time: a late click is refused there. Time goes by the page's own clock from data-seconds.

const started = new WeakMap();

function tick() {
  for (const toast of document.querySelectorAll(".toast[data-seconds]")) {
    if (!started.has(toast)) started.set(toast, performance.now());
    const left = Number(toast.dataset.seconds) - (performance.now() - started.get(toast)) / 1000;
    if (left <= 0) {
      if (toast.contains(document.activeElement)) document.querySelector("h1")?.focus();
      toast.remove();
      continue;
    }
    const clock = toast.querySelector(".clock");
    if (clock) clock.textContent = `${Math.ceil(left)} s`;
    const progress = toast.querySelector("progress");
    if (progress) progress.value = left;
  }
}

setInterval(tick, 200);
tick();
