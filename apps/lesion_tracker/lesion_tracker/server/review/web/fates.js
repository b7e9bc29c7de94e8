// What became of a lesion in a study: by the select of its cell, or D (gone), T (too small), F (to the select).
"use strict";
const FATE_KEYS = { d: "gone", t: "too_small" };

// The list of a cell is put in once somebody wants it: a page may have thousands of cells.
function filled(select) {
  if (select.options.length > 1) return select;
  select.append(document.getElementById("states").content.cloneNode(true));
  if (select.dataset.before) select.append(new Option("take it back", ""));
  return select;
}

for (const type of ["pointerdown", "focusin"]) document.addEventListener(type, (event) => { if (event.target.matches("select.fate")) filled(event.target); }, true);
document.querySelectorAll(".act select.fate").forEach(filled);

function lesionsBeside(lesion) {
  const listed = [...document.querySelectorAll("#lesions option")].map((one) => [one.value, one.textContent]);
  const rows = [...document.querySelectorAll(".row.lesion")].map((row) => [row.dataset.lesion, row.querySelector("[data-label]").dataset.label]);
  return [...listed, ...rows].filter(([id]) => id !== lesion);
}

// Asks which lesions are meant: one, or at least two; null where nobody chose.
function chooseLesions(lesion, words, several) {
  const dialog = document.createElement("dialog"), form = document.createElement("form"), title = document.createElement("p");
  title.textContent = words;
  form.method = "dialog";
  form.append(title);
  for (const [id, label] of lesionsBeside(lesion)) {
    const line = document.createElement("label"), box = document.createElement("input");
    box.type = several ? "checkbox" : "radio"; box.name = "lesion"; box.value = id;
    line.append(box, label === id ? id : `${label} (${id})`);
    form.append(line, document.createElement("br"));
  }
  for (const [value, text] of [["yes", "Keep it"], ["", "Cancel"]]) {
    const button = document.createElement("button");
    button.value = value; button.textContent = text;
    form.append(button, " ");
  }
  dialog.append(form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const chosen = [...form.querySelectorAll("input:checked")].map((box) => box.value);
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? chosen : null);
    });
    dialog.showModal();
  });
}

async function sayFate(select, fate) {
  if (!may()) return;
  const option = [...select.options].find((one) => one.value === fate), several = option.dataset.others, { lesion, study } = select.closest("[data-study]").dataset;
  const others = !several || several === "none" ? [] : await chooseLesions(lesion, `${option.textContent.replace(" …", "")}: ${several === "one" ? "with which lesion?" : "into which lesions? Mark each part first."}`, several === "several");
  if (!others) return;
  const body = { study, lesion, fate, others, before: select.dataset.before || "" };
  await (typeof once === "function" ? once : change)("fate", body); // in the large view one after the other
}

// In the grid after what was done to the cell before.
const became = (select, fate) => { select.value = "-"; if (select.closest(".cell")) act("fate", select.closest(".cell"), fate); else sayFate(select, fate); };
document.addEventListener("change", (event) => { if (event.target.matches("select.fate")) became(event.target, event.target.value); });
document.addEventListener("keydown", (event) => {
  const cell = event.target.closest(".cell"), select = (cell || document.querySelector(".act") || document.createElement("i")).querySelector("select.fate");
  const key = keyOf(event);
  if (!select || document.querySelector("dialog[open]")) return;
  if (FATE_KEYS[key]) became(filled(select), FATE_KEYS[key]);
  else if (key === "f") { select.focus(); event.preventDefault(); }
});
