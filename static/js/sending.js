// Says in words when something could not be sent, and leaves what was typed where it is. What is
// larger than the server takes is not sent at all.

const words = document.getElementById("trouble");

function say(name) {
  clear();
  const found = words.content.firstElementChild.cloneNode(true);
  found.dataset.trouble = name;
  found.querySelector("[data-text]").textContent = words.getAttribute(`data-said-${name}`);
  document.getElementById("toasts").append(found);
  // The bar was at rest while this was under way: what may be pressed depends on what is typed.
  document.dispatchEvent(new CustomEvent("rewire:restored"));
}

function clear() {
  document.querySelectorAll("[data-trouble]").forEach((one) => one.remove());
}

// Percent-encoded, so every character is one byte.
const isLarge = (values) => new URLSearchParams(values).toString().length > Number(words.dataset.most);
const isPost = (config) => config?.verb !== "get";

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (form.method !== "post" || form.enctype !== "application/x-www-form-urlencoded") return;
    if (!isLarge(new FormData(form))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    say("large");
  },
  { capture: true },
);
document.addEventListener("htmx:beforeRequest", (event) => {
  const { requestConfig } = event.detail;
  if (!isPost(requestConfig) || !isLarge(requestConfig.formData)) return;
  event.preventDefault();
  say("large");
});
document.addEventListener("htmx:sendError", (event) => isPost(event.detail.requestConfig) && say("unreached"));
document.addEventListener("htmx:responseError", (event) => {
  if (isPost(event.detail.requestConfig)) say(event.detail.xhr.status === 413 ? "large" : "failed");
});
document.addEventListener("htmx:afterRequest", (event) => event.detail.successful && clear());
document.addEventListener("click", (event) => event.target.closest("[data-away]") && clear());
