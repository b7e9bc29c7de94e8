// The response: what each lesion is, by buttons and keys; every change shows the table anew, and the focus stays where it was.
"use strict";
const fresh = document.getElementById("fresh");
const rows = () => [...fresh.querySelectorAll("tr.lesion")];
const partOf = (row, name) => row && row.querySelector(`[data-at="${name}"]`);

async function refresh() {
  const held = document.activeElement, row = held.closest("tr.lesion"), scroller = fresh.querySelector(".scroll");
  const place = row && { lesion: row.dataset.lesion, name: held.dataset.at || "name" }, left = scroller ? [scroller.scrollLeft, scroller.scrollTop] : [0, 0];
  const answer = await fetch(location.href);
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok) { location.reload(); return; }
  fresh.replaceChildren(...next.getElementById("fresh").childNodes);
  document.getElementById("organs").replaceChildren(...next.getElementById("organs").childNodes);
  document.dispatchEvent(new Event("refreshed"));
  const shown = fresh.querySelector(".scroll");
  if (shown) [shown.scrollLeft, shown.scrollTop] = left;
  const again = place && rows().find((one) => one.dataset.lesion === place.lesion);
  if (again) { (partOf(again, place.name) || partOf(again, "name")).focus({ preventScroll: true }); again.scrollIntoView({ block: "nearest" }); }
}

// What takes a word back, or says it again; it belongs to its word for ever.
function offerOf({ lesion }, { again, before }) {
  const body = { patient, lesion, before };
  return again ? ["traits", { ...body, ...again }] : before ? ["undo-traits", body] : undefined;
}

async function changed(what, body, done) { await refresh(); say(done.done, false, offerOf(body, done)); }
async function overtaken(detail) { await refresh(); say(detail, true); }
async function tracked(text, bad) { await refresh(); say(text, bad); }

// One change after the other: each answers what the one before it left.
let before_ = Promise.resolve();
function describe(lesion, change) {
  before_ = before_.then(async () => {
    const row = rows().find((one) => one.dataset.lesion === lesion);
    if (!row) return;
    const { role, organ, node, before } = row.dataset, is = { role, organ, node: node === "1" };
    if (change === UNDO && !before) { say("Nobody has said what it is: nothing to undo.", true); return; }
    const [what, more] = change === UNDO ? ["undo-traits", {}] : ["traits", { ...is, ...change(is) }];
    const body = { patient, lesion, ...more, before }, done = await send(addresses[what], body);
    if (done) await changed(what, body, done);
    else { const field = partOf(row, "organ"); if (field.value !== organ && field.isConnected) field.value = organ; }
  }).catch((error) => say(String(error), true));
}

const toRole = (role) => (is) => ({ role: is.role === role ? "" : role });
const UNDO = Symbol("undo");
const KEYS = { "1": () => ({ role: "target" }), "2": () => ({ role: "non-target" }), "0": () => ({ role: "" }), l: (is) => ({ node: !is.node }), u: UNDO };

fresh.addEventListener("click", (event) => {
  const button = event.target.closest("tr.lesion button"), row = event.target.closest("tr.lesion");
  if (button) describe(row.dataset.lesion, { undo: UNDO, node: KEYS.l }[button.dataset.at] || toRole(button.dataset.role));
});
fresh.addEventListener("change", (event) => {
  const row = event.target.closest("tr.lesion"), organ = event.target.value;
  if (event.target.matches(".organ") && organ !== row.dataset.organ) describe(row.dataset.lesion, () => ({ organ }));
});
fresh.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches(".organ")) { event.preventDefault(); partOf(event.target.closest("tr.lesion"), "name").focus(); }
  if (event.key === "Escape" && event.target.matches(".organ")) { event.target.value = event.target.closest("tr.lesion").dataset.organ; partOf(event.target.closest("tr.lesion"), "name").focus(); }
});
document.addEventListener("keydown", (event) => {
  const key = keyOf(event), row = event.target.closest("tr.lesion"), all = rows();
  if (key === "p") location.href = document.getElementById("to-paper").href;
  else if (key === "r") location.href = document.querySelector("h1 a").href;
  else if (/^Arrow(Up|Down)$/.test(key) && all.length) {
    const to = row ? all[all.indexOf(row) + (key === "ArrowDown" ? 1 : -1)] : all[0];
    if (to) partOf(to, "name").focus();
    event.preventDefault();
  } else if (!row) return;
  else if (KEYS[key]) describe(row.dataset.lesion, KEYS[key]);
  else if (key === "o") { partOf(row, "organ").focus(); event.preventDefault(); }
});

// Results of a study to the PACS, and what reports there offer.
async function store(study) {
  say("Storing …");
  const done = await send(addresses.store, { study });
  if (done) say(done.done);
}

async function offers(study) {
  say("Looking for reports in the PACS …");
  const found = await send(`${addresses.found}?${new URLSearchParams({ study })}`);
  if (!found) return;
  said.replaceChildren();
  const dialog = document.createElement("dialog"), list = document.createElement("ul"), title = document.createElement("p"), close = document.createElement("button");
  title.textContent = found.offers.length ? "Reports in the PACS measure these lesions:" : "No report in the PACS measures a lesion of this series.";
  title.id = "offered";
  dialog.setAttribute("aria-labelledby", "offered");
  for (const one of found.offers) {
    const line = document.createElement("li"), take = document.createElement("button"), mm = (value) => value === null ? "" : value.toFixed(1);
    const known = rows().find((row) => row.dataset.lesion === one.lesion), its = known ? partOf(known, "name").querySelector("a").textContent : one.lesion;
    line.textContent = `${one.name || "without a name"}: ${one.long_axis_mm ? `${mm(one.long_axis_mm)} × ${mm(one.short_axis_mm) || "–"} mm` : one.fate}, by ${one.made_by}; ${one.lesion ? `it is ${its}` : "a new lesion"} (${one.why}) `;
    take.textContent = "Take over";
    take.addEventListener("click", async () => {
      const done = await send(addresses.take, { study, report: one.report_uid, tracking_uid: one.tracking_uid });
      if (!done) { line.append(` ${said.textContent}`); return; } // what is said below lies behind the dialog
      take.disabled = true;
      take.textContent = "Taken over";
      await refresh();
      say(done.done);
    });
    line.append(take);
    list.append(line);
  }
  for (const text of found.passed_over) { const line = document.createElement("li"); line.textContent = text; line.className = "facts"; list.append(line); }
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.append(title, list, close);
  document.body.append(dialog);
  dialog.showModal();
}

fresh.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]"), line = event.target.closest("[data-study]");
  if (button) ({ store, found: offers })[button.dataset.do](line.dataset.study);
});

followNoted();
watch(() => { if (!document.activeElement.matches(".organ")) refresh(); });
