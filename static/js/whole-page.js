// A session that ended, or a form that is too old, answers a swap with a whole page of its
// own. It is not squeezed into this one: the page is loaded anew, which leads to the sign-in
// and back, and what was typed waits in this tab.

document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr } = event.detail;
  if (xhr.getResponseHeader("HX-Retarget") || !/^\s*<!doctype/i.test(xhr.responseText)) return;
  event.preventDefault();
  window.location.reload();
});
