// The lines of the condition editor: adds and moves them. Without it the places of lines are
// numbers, and saving brings more lines.

const editor = document.getElementById("when");
const words = editor.querySelector("[data-words]").dataset;
const list = editor.querySelector(".clauses");
const find = (line, name) => line.querySelector(`[name$='-${name}']`);

function renumber(line, from, to) {
  for (const element of line.querySelectorAll("[name], [for], [id]")) {
    for (const name of ["name", "id", "for"]) {
      const text = element.getAttribute(name);
      if (text) element.setAttribute(name, text.replace(`-${from}-`, `-${to}-`));
    }
  }
}

function place() {
  [...list.children].forEach((line, index) => {
    find(line, "ORDER").value = find(line, "fact").value ? index + 1 : "";
  });
}

function add() {
  const total = editor.querySelector("[name$='-TOTAL_FORMS']");
  const lines = [...list.children];
  const last = lines.find((line) => find(line, "fact").name.includes(`-${Number(total.value) - 1}-`));
  const line = last.cloneNode(true);
  renumber(line, Number(total.value) - 1, total.value);
  for (const input of line.querySelectorAll("select, input")) {
    if (input.type === "checkbox") input.checked = false;
    else input.value = "";
  }
  line.querySelectorAll(".errorlist").forEach((errors) => errors.remove());
  line.classList.remove("errors");
  list.append(line);
  total.value = Number(total.value) + 1;
  find(line, "fact").dispatchEvent(new Event("input", { bubbles: true }));
  find(line, "fact").focus();
}

function move(line, by) {
  const next = by < 0 ? line.previousElementSibling : line.nextElementSibling;
  if (!next) return;
  if (by < 0) next.before(line);
  else next.after(line);
  place();
}

const MOVES = [["up", words.up, -1], ["down", words.down, 1]];

function buttons(line) {
  const group = document.createElement("span");
  group.className = "moves";
  for (const [name, label] of MOVES) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-quiet btn-small";
    button.dataset.by = name;
    button.textContent = name === "up" ? "↑" : "↓";
    button.setAttribute("aria-label", label);
    group.append(button);
  }
  line.querySelector(".remove").before(group);
}

if (list) {
  editor.classList.add("scripted");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-small";
  button.textContent = words.add;
  button.addEventListener("click", add);
  editor.querySelector(".when-rows").append(button);
  for (const line of list.children) buttons(line);
  editor.addEventListener("input", (event) => {
    if (event.target.closest(".clause")) place();
  });
  list.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-by]");
    if (!pressed) return;
    move(pressed.closest(".clause"), pressed.dataset.by === "up" ? -1 : 1);
    pressed.focus();
  });
}
