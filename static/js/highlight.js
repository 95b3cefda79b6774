// While a field is in focus, its value is marked in the evidence. Marks are ranges, not
// elements: the text of the evidence is never rewritten.

const LEAST = 2;
const MOST = 50;

function* ranges(root, wanted) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let count = 0; walker.nextNode(); ) {
    const text = walker.currentNode.data.toLowerCase();
    for (let at = text.indexOf(wanted); at >= 0 && count < MOST; at = text.indexOf(wanted, at + wanted.length)) {
      const range = new Range();
      range.setStart(walker.currentNode, at);
      range.setEnd(walker.currentNode, at + wanted.length);
      count += 1;
      yield range;
    }
  }
}

// 1240.5 is written 1240.50 or 1.240,50 in a letter: try the ways people write numbers.
function spellings(control) {
  const text = control.value.trim().toLowerCase();
  if (control.inputMode !== "decimal" || text === "" || Number.isNaN(Number(text))) return [text];
  const [whole, part = ""] = Number(text).toFixed(2).split(".");
  const groups = (mark) => whole.replace(/\B(?=(\d{3})+$)/g, mark);
  const all = [".", ","].flatMap((mark) => [`${groups(mark === "." ? "," : ".")}${mark}${part}`, `${whole}${mark}${part}`]);
  return Number(part) ? [...all, text] : [...all, groups(","), groups("."), whole];
}

function mark(control) {
  CSS.highlights.delete("field");
  const evidence = document.querySelector("[data-evidence]");
  if (!evidence || !control?.matches?.("[data-original]:not([type=checkbox])")) return;
  for (const wanted of spellings(control)) {
    const found = wanted.length < LEAST ? [] : [...ranges(evidence, wanted)];
    if (found.length) return void CSS.highlights.set("field", new Highlight(...found));
  }
}

if ("highlights" in CSS) {
  const look = (event) => mark(event.target.matches("[data-field]") ? event.target.querySelector("[data-original]") : event.target);
  document.addEventListener("focusin", look);
  document.addEventListener("input", look);
}
