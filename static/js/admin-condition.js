// The condition editor: shows the chosen way, offers what a fact can be, adds a line.
// Without it every part is there at once, and saving brings more lines.

const editor = document.getElementById("when");
const modes = [...editor.querySelectorAll("[name$='-mode']")];

function show() {
  const chosen = modes.find((input) => input.checked)?.value;
  for (const part of editor.querySelectorAll("[data-mode]")) part.hidden = part.dataset.mode !== chosen;
}

function suit(line) {
  const fact = line.querySelector("[name$='-fact']");
  const op = line.querySelector("[name$='-op']").value;
  const value = line.querySelector("[name$='-value']");
  const other = line.querySelector("[name$='-fact2']");
  const alone = op.endsWith("exists");
  value.placeholder = fact.selectedOptions[0]?.dataset.expected ?? "";
  value.hidden = alone || other.value !== "";
  other.closest("span").hidden = alone || value.value !== "";
}

function renumber(line, from, to) {
  for (const element of line.querySelectorAll("[name], [for], [id]")) {
    for (const name of ["name", "id", "for"]) {
      const text = element.getAttribute(name);
      if (text) element.setAttribute(name, text.replace(`-${from}-`, `-${to}-`));
    }
  }
}

function add() {
  const total = editor.querySelector("[name$='-TOTAL_FORMS']");
  const lines = editor.querySelectorAll(".clause");
  const line = lines[lines.length - 1].cloneNode(true);
  renumber(line, Number(total.value) - 1, total.value);
  for (const input of line.querySelectorAll("select, input")) {
    if (input.type === "checkbox") input.checked = false;
    else input.value = "";
  }
  line.querySelectorAll(".errorlist").forEach((list) => list.remove());
  lines[0].parentElement.append(line);
  total.value = Number(total.value) + 1;
  suit(line);
  line.querySelector("select").focus();
}

if (modes.length) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-small";
  button.textContent = "Add a line";
  button.addEventListener("click", add);
  editor.querySelector(".when-rows").append(button);
  editor.addEventListener("input", (event) => {
    if (modes.includes(event.target)) show();
    const line = event.target.closest(".clause");
    if (line) suit(line);
  });
  editor.querySelectorAll(".clause").forEach(suit);
  show();
}
