// A download leaves the page as it is: tell the part that shows how far it is that one began.
document.addEventListener("submit", (event) => {
  if (event.submitter?.id !== "download") return;
  document.getElementById("progress")?.dispatchEvent(new Event("begun"));
});
