// The condition editor: shows the chosen way, offers the comparisons and values that suit a
// fact, and adds, moves and indents lines. Without it every part is there at once, the places
// of lines are numbers, and saving brings more lines.

const editor = document.getElementById("when");
const words = editor.querySelector("[data-words]").dataset;
const modes = [...editor.querySelectorAll("[name$='-mode']")];
const list = editor.querySelector(".clauses");
const find = (line, name) => line.querySelector(`[name$='-${name}']`);

function show() {
  const chosen = modes.find((input) => input.checked)?.value;
  for (const part of editor.querySelectorAll("[data-mode]")) part.hidden = part.dataset.mode !== chosen;
}

function control(old, option, op) {
  const choices = option?.dataset.choices && ["eq", "ne"].includes(op) ? JSON.parse(option.dataset.choices) : [];
  if (choices.length && (!old.value || choices.includes(old.value))) {
    const select = document.createElement("select");
    for (const text of ["", ...choices]) select.add(new Option(text, text, false, text === old.value));
    return select;
  }
  const input = document.createElement("input");
  input.type = option?.dataset.kind === "date" && !op.endsWith("in") && /^(\d{4}-\d\d-\d\d)?$/.test(old.value) ? "date" : "text";
  input.autocomplete = "off";
  input.maxLength = 500;
  input.size = 16;
  if (["number", "integer"].includes(option?.dataset.kind)) input.inputMode = "decimal";
  return input;
}

function suitValue(line, option, op) {
  const old = find(line, "value");
  const made = control(old, option, op);
  if (made.tagName !== old.tagName || made.type !== old.type || made.tagName === "SELECT") {
    made.id = old.id;
    made.name = old.name;
    const { value } = old;
    if (made.tagName === "INPUT") made.value = value;
    const focused = document.activeElement === old;
    old.replaceWith(made);
    if (focused) made.focus();
  }
  find(line, "value").placeholder = option?.dataset.expected ?? "";
}

function suit(line, changed) {
  const fact = find(line, "fact");
  const op = find(line, "op");
  const other = find(line, "fact2");
  const option = fact.selectedOptions[0];
  const group = fact.value.startsWith(":");
  const known = option?.dataset.ops?.split(" ");
  for (const item of op.options) {
    item.hidden = item.disabled = item.value !== "" && !item.selected && known !== undefined && !known.includes(item.value.replace("not ", ""));
  }
  if (group) {
    op.value = other.value = find(line, "value").value = "";
  }
  if (!changed || changed === fact || changed === op) suitValue(line, option, op.value);
  const alone = group || op.value.endsWith("exists");
  op.closest("span").hidden = group;
  find(line, "value").closest("span").hidden = alone || other.value !== "";
  other.closest("span").hidden = alone || find(line, "value").value !== "";
  line.dataset.level = find(line, "level").value || "0";
}

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
  suit(line);
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

if (modes.length) {
  editor.classList.add("scripted");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-small";
  button.textContent = words.add;
  button.addEventListener("click", add);
  editor.querySelector(".when-rows").append(button);
  for (const line of list.children) buttons(line);
  editor.addEventListener("input", (event) => {
    if (modes.includes(event.target)) show();
    const line = event.target.closest(".clause");
    if (!line) return;
    suit(line, event.target);
    place();
  });
  list.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-by]");
    if (!pressed) return;
    move(pressed.closest(".clause"), pressed.dataset.by === "up" ? -1 : 1);
    pressed.focus();
  });
  for (const line of list.children) suit(line);
  show();
}
