// After the page's content was exchanged, focus goes to its heading: a screen reader reads
// it, and no key press meant for the last task lands on a button of the next one. Where
// something typed was refused, focus goes to the first field that has to change.

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "main") return;
  window.scrollTo(0, 0);
  const wrong = document.querySelector("main [aria-invalid=true]");
  if (wrong) return wrong.focus();
  document.querySelector("main h1")?.focus({ preventScroll: true });
});
