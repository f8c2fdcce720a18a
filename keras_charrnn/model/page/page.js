// The page: a text that a person and a model write together. What a model says comes from `makeEngine()`.
"use strict";

const $ = id => document.getElementById(id);
const text = $("text"), colours = $("colours");
const GLYPHS = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"};
const shown = symbol => Array.from(symbol, each => GLYPHS[each] ?? (each < " " ? "·" : each)).join("");
const points = string => Array.from(string);
let engine, model, running = null, seen = null, causes = null, asked = 0;

// ---- what was written, as a tree of versions ----

const versions = [{text: "", parent: null, label: "the empty page"}];
let current = 0, future = [];

function keep(label) {
  if (text.value === versions[current].text) return;
  versions.push({text: text.value, parent: current, label});
  current = versions.length - 1;
  future = [];
  showBranches();
}

function go(to) {
  if (running) return;
  current = to;
  text.value = versions[to].text;
  text.selectionStart = text.selectionEnd = text.value.length;
  showBranches();
  look();
}

function undo() {
  if (running) return;
  keep("typed");
  const {parent} = versions[current];
  if (parent === null) return;
  future.push(current);
  go(parent);
}

function redo() {
  if (running) return;
  keep("typed");  // which leaves nothing to redo
  if (future.length) go(future.pop());
}

function showBranches() {
  const parents = new Set(versions.map(each => each.parent));
  const leaves = versions.map((each, place) => place).filter(place => !parents.has(place) || place === current);
  $("branches").replaceChildren(...leaves.reverse().map(place => {
    const {text: whole, label} = versions[place];
    const button = choice(`${label} · …${shown(whole.slice(-24))}`, `${points(whole).length}`);
    button.setAttribute("aria-current", place === current);
    button.onclick = () => { if (running) return; keep("typed"); future = []; go(place); text.focus(); };
    return item(button);
  }));
  $("undo").disabled = versions[current].parent === null;
  $("redo").disabled = !future.length;
}

function item(button) {
  const made = document.createElement("li");
  made.append(button);
  return made;
}

function choice(name, figure, share = 0) {
  const button = document.createElement("button");
  for (const [content, kind] of [[name, "symbol"], [figure, "figure"]]) {
    const part = document.createElement("span");
    part.className = kind;
    part.textContent = content;
    button.append(part);
  }
  button.style.setProperty("--share", `${(100 * share).toFixed(1)}%`);
  return button;
}

// ---- writing ----

function settings() {
  const found = {temperature: Number($("temperature").value)};
  for (const name of ["length", "seed", "top_k", "top_p", "min_p", "no_repeat"])
    if ($(name)?.value) found[name] = Number($(name).value);
  for (const name of ["allow", "forbid", "pattern", "line_pattern", "stop"])
    if ($(`${name}-text`)?.value) found[name] = $(`${name}-text`).value;
  return found;
}

function say(message, problem = false) {
  $("status").textContent = message;
  $("status").className = problem ? "problem" : "";
}

async function write(label = "written") {
  if (running) return;
  keep("typed");
  running = new AbortController();
  text.readOnly = true;
  $("write").setAttribute("aria-disabled", true);  // not disabled: the focus would be lost
  $("stop").disabled = false;
  const began = performance.now();
  let count = 0;
  say("writing…");
  try {
    for await (const piece of engine.write(model, text.value, settings(), running.signal)) {
      const atEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 40;
      text.value += piece;
      count += points(piece).length;
      paint();
      lookLive();
      if (atEnd) text.scrollTop = text.scrollHeight;
    }
    const seconds = (performance.now() - began) / 1000;
    say(`${count.toLocaleString("en")} characters, ${Math.round(count / seconds).toLocaleString("en")} a second`);
  } catch (error) {
    if (error.name === "AbortError") say(`stopped after ${count.toLocaleString("en")} characters`);
    else say(error.message, true);
  }
  running = null;
  text.readOnly = false;
  $("write").removeAttribute("aria-disabled");
  $("stop").disabled = true;
  text.selectionStart = text.selectionEnd = text.value.length;
  keep(label);
  await look();
}

function stop() { running?.abort(); }

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text.value], {type: "text/plain;charset=utf-8"}));
  link.download = `${model.name}.txt`;
  link.click();
  URL.revokeObjectURL(link.href);
  say(`saved ${points(text.value).length.toLocaleString("en")} characters in ${link.download}`);
}

// ---- what the model makes of the text ----

async function look() {
  const number = ++asked, whole = text.value;
  paint();
  try {
    const {part, offset} = ending(whole);
    const found = await engine.look(model, part, unitName());
    if (number !== asked) return;
    seen = {...found, text: whole, offset};
    causes = null;
    paint();
    showAlternatives();
    if ($("colour").value === "unit") showUnits();
    if ($("colour").value === "causes") await showCauses();
  } catch (error) {
    if (number === asked) say(error.message, true);
  }
}

// While text comes, colours and units follow it, as often as a look is quick.
let looking = false, pause = 400, looked = 0;
async function lookLive() {
  const now = performance.now();
  if (looking || now - looked < pause) return;
  looking = true;
  await look();
  looked = performance.now();
  pause = Math.max(400, 4 * (looked - now));
  looking = false;
}

let waiting = 0;
function lookSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(look, 120);
  paint();
}

const unitName = () => $("colour").value === "unit" && $("state").value ? `${$("state").value}.${$("unit").value || 0}` : null;

// Of a long text its end is looked at: the place of a character is among the last ones.
const MOST = 4000;
function ending(whole) {
  const all = points(whole);
  return {part: all.length > MOST ? all.slice(-MOST).join("") : whole, offset: Math.max(0, all.length - MOST)};
}

// The symbol before which the cursor stands, by the lengths of the symbols; their number at the end.
function place() {
  if (!seen) return 0;
  const before = points(text.value.slice(0, text.selectionStart)).length;
  let end = seen.offset;
  for (let i = 0; i < seen.lengths.length; i++) {
    end += seen.lengths[i];
    if (end > before) return i;
  }
  return seen.lengths.length;
}

function shade(i) {
  const kind = $("colour").value;
  if (kind === "surprise") {
    const nats = seen.nats[i];
    return nats === null ? "" : `rgba(var(--warm), ${Math.min(1, nats / 7).toFixed(2)})`;
  }
  if (kind === "unit" && seen.activity) {
    const value = seen.activity[i] / (seen.most || 1);
    return `rgba(var(--${value > 0 ? "warm" : "cool"}), ${Math.min(.8, .8 * Math.abs(value)).toFixed(2)})`;
  }
  if (kind === "causes" && causes && i < causes.length) return `rgba(var(--warm), ${(.85 * causes[i]).toFixed(2)})`;
  return "";
}

// The colours lie behind the text: the same characters, in spans.
function paint() {
  const whole = points(text.value), parts = document.createDocumentFragment();
  const fits = seen && text.value.startsWith(seen.text);
  let at = 0;
  if (fits) {
    const here = place();
    parts.append(whole.slice(0, at = seen.offset).join(""));
    for (let i = 0; i < seen.lengths.length; i++) {
      if (!seen.lengths[i]) continue;
      const span = document.createElement("span");
      span.textContent = whole.slice(at, at += seen.lengths[i]).join("");
      span.style.background = shade(i);
      if (i === here && document.activeElement === text) span.className = "at";
      parts.append(span);
    }
  }
  parts.append(whole.slice(at).join("") + "\n");
  colours.replaceChildren(parts);
  colours.scrollTop = text.scrollTop;
}

function showAlternatives() {
  if (!seen) return;
  const here = place();
  const alternatives = (seen.alternativesAt ? seen.alternativesAt(here) : seen.alternatives[here]) ?? [];
  const there = here < seen.lengths.length ? seen.symbols[here] : null;
  $("alternatives-title").textContent = there === null ? "Next" : `In place of ${shown(there)}`;
  $("alternatives").replaceChildren(...alternatives.map(([symbol, share, taken = true]) => {
    const button = choice(shown(symbol), share < .001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`, share);
    if (symbol === there) button.setAttribute("aria-current", true);
    button.disabled = !taken;  // a byte of a longer character
    button.onclick = () => take(here, symbol);
    return item(button);
  }));
}

async function take(here, symbol) {
  if (running) return;
  keep("typed");
  let before = seen.offset;
  for (let i = 0; i < here; i++) before += seen.lengths[i];
  text.value = points(text.value).slice(0, before).join("") + symbol;
  keep(`took ${shown(symbol)}`);
  text.focus();
  await write(`after ${shown(symbol)}`);
}

const LEGENDS = {
  surprise: "The stronger, the less the model expected it, in nats; hardly any colour is 0.",
  unit: "Warm where the unit is above 0 after a character, cold where it is below.",
  causes: "The stronger, the more the guess at the cursor would change with that character.",
  none: "",
};

async function colour() {
  const kind = $("colour").value;
  $("legend").textContent = LEGENDS[kind];
  $("unit-row").hidden = kind !== "unit";
  if (kind === "unit" && !$("named").childElementCount) await showNamed();
  await look();
}

function showUnits() {
  const values = Array.from(seen.activity ?? []).slice(-300), most = seen.most || 1;
  const step = 300 / Math.max(1, values.length - 1);
  const path = values.map((each, i) => `${i ? "L" : "M"}${(i * step).toFixed(1)},${(30 - 28 * each / most).toFixed(1)}`);
  $("activity").innerHTML = `<path d="${path.join("")}"></path>`;
}

async function showNamed() {
  try {
    const found = await engine.named(model, text.value);
    $("named").replaceChildren(...found.map(({name, unit, correlation}) => {
      const button = choice(`${name}: ${unit}`, correlation.toFixed(2), Math.abs(correlation));
      button.onclick = () => {
        const cut = unit.lastIndexOf(".");
        $("state").value = unit.slice(0, cut);
        $("unit").value = unit.slice(cut + 1);
        look();
      };
      return button;
    }));
  } catch (error) { say(error.message, true); }
}

let caused = 0;
async function showCauses() {
  const number = ++caused, {here, whole} = {here: place(), whole: text.value};
  await new Promise(resolve => setTimeout(resolve, 150));  // the cursor may be on its way
  if (number !== caused) return;
  const {part, offset} = ending(whole);
  const found = await engine.causes(model, part, here);
  if (number !== caused || offset !== seen?.offset) return;
  const most = Math.max(...found, 1e-12);
  causes = found.map(each => each / most);
  paint();
}

async function all() {
  keep("typed");
  const whole = text.value, short = {...settings(), length: Math.min(200, settings().length ?? 200)};
  $("continuations").replaceChildren(...engine.models.map(each => {
    const article = document.createElement("article"), title = document.createElement("h3");
    const made = document.createElement("pre"), button = document.createElement("button");
    title.textContent = each.name;
    button.textContent = `Take ${each.name}'s`;
    button.disabled = true;
    button.onclick = () => {
      if (running) return;
      keep("typed");
      text.value = whole + made.textContent;
      keep(`from ${each.name}`);
      look();
    };
    article.append(title, made, button);
    (async () => {
      try {
        for await (const piece of engine.write(each, whole, short, new AbortController().signal)) made.textContent += piece;
        button.disabled = false;
      } catch (error) { made.textContent = error.message; }
    })();
    return article;
  }));
}

// ---- the beginning ----

function choose(each) {
  model = each;
  seen = causes = null;
  $("alternatives").replaceChildren();
  $("state").replaceChildren(...model.states.map(([name]) => new Option(name)));
  for (const each of $("colour").options) each.disabled = !model.states.length && ["unit", "causes"].includes(each.value);
  if ($("colour").selectedOptions[0]?.disabled) $("colour").value = "surprise";
  const most = () => { $("unit").max = (Object.fromEntries(model.states)[$("state").value] ?? 1) - 1; };
  most();
  $("state").onchange = () => { most(); look(); };
  $("named").replaceChildren();
  colour();
}

async function begin() {
  try {
    engine = await makeEngine();
  } catch (error) {
    say(error.message, true);
    return;
  }
  for (const each of document.querySelectorAll(".served")) if (!engine.serves) each.remove();
  $("beside").hidden = $("models-row").hidden = engine.models.length < 2;
  $("model").replaceChildren(...engine.models.map(each => new Option(each.name)));
  $("model").onchange = async () => {
    try { choose(await engine.open(engine.models[$("model").selectedIndex])); } catch (error) { say(error.message, true); }
  };
  $("write").onclick = () => write();
  $("stop").onclick = stop;
  $("undo").onclick = undo;
  $("redo").onclick = redo;
  $("save").onclick = save;
  $("all").onclick = all;
  $("colour").onchange = colour;
  $("unit").oninput = () => look();
  $("temperature").oninput = () => { $("temperature-value").value = $("temperature").value; };
  text.oninput = lookSoon;
  text.onscroll = () => { colours.scrollTop = text.scrollTop; };
  new ResizeObserver(paint).observe(text);
  document.addEventListener("selectionchange", () => {
    if (document.activeElement !== text || running) return;
    paint();
    showAlternatives();
    if ($("colour").value === "causes") showCauses().catch(error => say(error.message, true));
  });
  document.addEventListener("keydown", event => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); write(); }
    else if (event.key === "Escape") stop();
    else if (event.altKey && event.code === "KeyZ") { event.preventDefault(); undo(); }
    else if (event.altKey && event.code === "KeyY") { event.preventDefault(); redo(); }
  });
  showBranches();
  say("loading the model…");
  try {
    const opened = await engine.open(engine.models[0]);
    say("");
    choose(opened);
  } catch (error) { say(error.message, true); }
}

begin();
