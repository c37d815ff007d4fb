"use strict";
// Filters, kept in the address so that a view can be passed on; without a script all of it is readable.
const form = document.getElementById("filter");
const cases = [...document.querySelectorAll("details.case")];
const words = new Map(cases.map((c) => [c, c.textContent.toLowerCase()]));
const fields = ["text", "status", "provider", "kestra"];

function apply() {
  const want = Object.fromEntries(fields.map((f) => [f, form.elements[f].value]));
  const text = want.text.trim().toLowerCase();
  let shown = 0;
  for (const c of cases) {
    const fits = (f) => !want[f] || c.dataset[f] === want[f];
    c.hidden = !(fits("status") && fits("provider") && fits("kestra") && words.get(c).includes(text));
    shown += c.hidden ? 0 : 1;
  }
  for (const row of document.querySelectorAll(".matrix tbody tr")) {
    let any = false;
    for (const link of row.querySelectorAll("a")) {
      const off = document.querySelector(link.getAttribute("href")).closest(".case").hidden;
      link.classList.toggle("off", off);
      any ||= !off;
    }
    row.hidden = !any;
  }
  document.getElementById("count").value = `${shown} of ${cases.length}`;
  document.getElementById("none").hidden = shown > 0;
}

function remember() {
  const set = fields.filter((f) => form.elements[f].value).map((f) => [f, form.elements[f].value]);
  history.replaceState(null, "", set.length ? "#" + new URLSearchParams(set) : location.pathname + location.search);
}

function arrive() {
  const hash = location.hash.slice(1);
  const there = /^case-\d+$/.test(hash) && document.getElementById(hash);
  if (there) {
    const of = there.closest(".case");
    if (of.hidden) form.reset(), apply();
    of.open = true;
    of.scrollIntoView();
    return;
  }
  const asked = new URLSearchParams(hash);
  for (const f of fields) form.elements[f].value = asked.get(f) ?? "";
  apply();
}

// What one goes to stands below the filter where that stays above, however many rows it has.
function keepClear() {
  const stays = getComputedStyle(form).position === "sticky";
  document.documentElement.style.scrollPaddingTop = `${stays ? form.offsetHeight + 8 : 0}px`;
}

form.hidden = false;
form.addEventListener("input", () => (apply(), remember()));
form.addEventListener("submit", (e) => e.preventDefault());
form.addEventListener("reset", () => setTimeout(() => (apply(), remember())));
addEventListener("hashchange", arrive);
addEventListener("beforeprint", () => cases.forEach((c) => (c.open = true)));
new ResizeObserver(keepClear).observe(form);
apply();
keepClear();
arrive();
