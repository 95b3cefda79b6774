// A download leaves the page as it is. Give each one a name of its own, and tell the part that
// shows how far it is that one began. The name is in the form before the browser sends it.
const name = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

document.addEventListener("submit", (event) => {
  if (!event.submitter?.matches("[data-download]")) return;
  event.target.elements.ticket.value = name();
  document.getElementById("progress")?.dispatchEvent(new Event("begun"));
});
