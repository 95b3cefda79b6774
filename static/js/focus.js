// After the page's content was exchanged, focus goes to its heading: a screen reader reads
// it, and no key press meant for the last task lands on a button of the next one.

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "main") return;
  window.scrollTo(0, 0);
  document.querySelector("main h1")?.focus({ preventScroll: true });
});
