// The condition editor: shows the chosen way, and in a line the comparisons and values that suit
// its fact. Without it every part is there at once.

const editor = document.getElementById("when");
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

if (modes.length) {
  editor.addEventListener("input", (event) => {
    if (modes.includes(event.target)) show();
    const line = event.target.closest(".clause");
    if (line) suit(line, event.target);
  });
  for (const line of list.children) suit(line);
  show();
}
