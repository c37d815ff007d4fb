// Puts questions to the program, which stands in kestra-secrets.js as WebAssembly, and shows its answers.
"use strict";

let compiled;
let program;

/** Makes the program ready, if it is not. */
async function start() {
  compiled ??= await WebAssembly.compile(Uint8Array.from(atob(PROGRAM), (character) => character.charCodeAt(0)));
  program ??= (await WebAssembly.instantiate(compiled)).exports;
}

/** The answer to a question; src/browser.rs describes both. */
async function ask(question) {
  try {
    await start();
  } catch (error) {
    return { refused: `The program cannot start in this browser (${error.message}). Your text is unchanged.` };
  }
  const asked = new TextEncoder().encode(JSON.stringify(question));
  const at = program.question(asked.length);
  new Uint8Array(program.memory.buffer, at, asked.length).set(asked);
  try {
    program.answer();
    return JSON.parse(read());
  } catch {
    const place = defect();
    // Nobody knows in what state it is. The next question goes to a new one.
    program = undefined;
    return { refused: `This is a defect of kestra-secrets${place}. Your text is unchanged. Please report the defect, without your secrets.` };
  }
}

function read() {
  return new TextDecoder().decode(new Uint8Array(program.memory.buffer, program.answered(), program.answered_bytes()));
}

/** Where the program panicked, as far as it could still say it. */
function defect() {
  try {
    const place = read();
    return place && ` at ${place}`;
  } catch {
    return "";
  }
}

const element = (id) => document.getElementById(id);

function make(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/** Text in which what stands between backticks is code. */
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? make("code", "", part) : part));
}

/** A rule, with a link to its page if it has one. */
function linked(rule) {
  if (!/^KS\d{3}$/.test(rule)) return rule;
  const link = make("a", "", rule);
  link.href = `../codes/${rule}.html`;
  return link;
}

function goTo(line) {
  const field = element("text");
  const lines = field.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, before) => sum + before.length + 1, 0);
  field.focus();
  field.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
  field.scrollTop = field.scrollHeight * Math.max(0, (line - 4) / lines.length);
}

/** A finding, or a place that could not be read. */
function item(kind, { file, line, column }, ...words) {
  const place = line ? make("button", "place", `${file}:${line}:${column}`) : file;
  if (line) {
    place.type = "button";
    place.title = `Go to line ${line}`;
    place.addEventListener("click", () => goTo(line));
  }
  return make("li", kind, place, " ", ...words);
}

function finding(found) {
  const head = make("strong", "", `${found.severity}[`, linked(found.rule), "]");
  const said = prose(`: ${found.subject}: ${found.message}`);
  return item(found.severity, found, head, make("span", "said", ...said), make("p", "cure", "cure: ", ...prose(found.cure)));
}

function unreadable(fault) {
  const help = fault.help ? [make("p", "cure", "cure: ", ...prose(fault.help))] : [];
  return item("error", fault, make("strong", "", "unreadable"), make("span", "said", `: ${fault.message}`), ...help);
}

async function lint() {
  const question = {
    ask: "lint",
    name: element("file-name").value,
    text: element("text").value,
    assume_kestra: element("assume-kestra").checked,
  };
  const { linted, refused } = await ask(question);
  const report = linted?.report;
  // Colours are for a terminal.
  const lines = linted?.summary.replace(/\u001b\[\d+m/g, "").trimEnd().split("\n") ?? [];
  const counts = lines.findIndex((line) => /^\d+ errors?, /.test(line));
  element("findings").replaceChildren(...(report ? [...report.findings.map(finding), ...report.unreadable.map(unreadable)] : []));
  element("summary").textContent = lines.filter((_, index) => index !== counts).join("\n");
  element("lint-said").textContent = refused ?? lines[counts];
}

async function explain() {
  const question = {
    ask: "explain",
    value: element("value").value,
    place: element("place").value,
    name: element("name").value || null,
    meant: element("meant").value || null,
    hide: element("hide").checked,
    key: Array.from(crypto.getRandomValues(new Uint8Array(32))),
  };
  const { explained, refused } = await ask(question);
  const lines = explained?.text.trimEnd().split("\n") ?? [];
  const codes = explained?.explanation.diagnosis ?? [];
  element("explained").hidden = !explained;
  element("explained").textContent = lines.slice(0, -1).join("\n");
  element("codes").replaceChildren(...codes.map(({ code, title }) => make("li", "", linked(code), " ", ...prose(title))));
  element("explain-said").textContent = refused ?? lines.at(-1);
}

for (const [id, answer] of [["lint", lint], ["explain", explain]]) {
  const form = element(id);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}
