// The engine of an exported file: the model runs here.
"use strict";

async function makeEngine() {
  const model = new Model(), names = DATA.states, best = 10;
  let trail = [];  // for each symbol read so far: its id, the states after it, and the logarithms of what follows

  // Read ids, of which those that were read before are not read again; return the trail.
  function read(ids) {
    let same = 0;
    while (same < ids.length && same < trail.length - 1 && trail[same + 1].id === ids[same]) same++;
    if (!trail.length) {
      const {states, logits} = model.begin();
      trail = [{id: null, states, logs: logSoftmax(logits)}];
    }
    trail.length = same + 1;
    for (const id of ids.slice(same)) {
      const states = trail[trail.length - 1].states.map(each => each.slice());
      // Without a text before it, a model starts with the first symbol of the text itself.
      const before = trail.length === 1 && !DATA.marked ? model.initial() : states;
      const logs = logSoftmax(model.step(id, before));
      trail.push({id, states: before, logs});
    }
    return trail;
  }

  function likeliest(logs) {
    const places = Array.from(logs.keys()).sort((a, b) => logs[b] - logs[a]).slice(0, best);
    return places.map(id => [shownSymbol(id), Math.exp(logs[id]), !(DATA.isBytes && id > 127)]);
  }

  // Of a byte that is a part of a longer character, its number.
  function shownSymbol(id) {
    if (!DATA.isBytes) return model.symbols[id];
    return id < 128 ? String.fromCharCode(id) : `0x${id.toString(16)}`;
  }

  function allowedBy({allow, forbid}) {
    if (!allow && !forbid) return null;
    const within = given => { try { return new RegExp(`^[${given}]$`, "su"); } catch { throw new Error(`${given}: not as within the brackets of a regular expression`); } };
    const only = allow && within(allow), none = forbid && within(forbid);
    const allowed = model.symbols.map(each => (!only || only.test(each)) && !(none && none.test(each)));
    if (!allowed.some(Boolean)) throw new Error("that leaves none of the model's symbols");
    return allowed;
  }

  const states = names.map((name, place) => [name, DATA.initial[place].length]).filter(([name]) => name !== null);
  const one = {name: DATA.title, states};
  return {
    models: [one],
    serves: false,
    async open(each) { return each; },
    async *write(_, prefix, settings, signal) {
      const allowed = allowedBy(settings);
      const random = randomOf(settings.seed ?? Math.floor(Math.random() * 4294967296));
      const all = read(model.encode(prefix)), last = all[all.length - 1];
      const states = last.states.map(each => each.slice());
      let logits = last.logs, piece = [], then = performance.now();
      const decoder = new TextDecoder();
      const text = ids => DATA.isBytes ? decoder.decode(Uint8Array.from(ids), {stream: true}) : ids.map(id => model.symbols[id]).join("");
      for (let count = 0; count < (settings.length ?? 300); count++) {
        const id = draw(logits, settings, random, allowed);
        piece.push(id);
        logits = model.step(id, states);
        if (performance.now() - then > 30) {
          logits = logits.slice();  // the program's own, which a look meanwhile writes over
          yield text(piece);
          piece = [];
          await new Promise(resolve => setTimeout(resolve));
          if (signal.aborted) throw new DOMException("stopped", "AbortError");
          then = performance.now();
        }
      }
      if (piece.length) yield text(piece);
    },
    async look(_, whole, unit) {
      const {ids, lengths} = model.read(whole), all = read(ids).slice();
      const found = {
        symbols: ids.map(shownSymbol),
        lengths,
        nats: ids.map((id, i) => i ? -all[i].logs[id] : null),
        alternativesAt: here => likeliest(all[here].logs),  // of all places they would take long
      };
      if (unit) Object.assign(found, activity(all, unit));
      return found;
    },
    async named(_, whole) { return strongest(model.encode(whole)); },
  };

  function activity(all, unit) {
    const cut = unit.lastIndexOf("."), state = names.indexOf(unit.slice(0, cut)), number = Number(unit.slice(cut + 1));
    const values = all.slice(1).map(each => each.states[state][number] ?? 0);
    return {activity: values, most: Math.max(1e-6, ...values.map(Math.abs))};
  }

  // For each property of the text, the unit that follows it best, by Pearson's correlation.
  function strongest(ids) {
    const all = read(ids).slice(1), symbols = ids.map(id => model.symbols[id]);
    let column = 0, inside = false, before = "";
    const properties = {"inside quotes": [], "position in the line": [], "after a newline": [], "letter case": []};
    for (const each of symbols) {
      column = each === "\n" ? 0 : column + 1;
      if (each === "\"") inside = !inside;
      else if ("“”".includes(each) || (before === "\n" && each === "\n")) inside = each === "“";
      before = each;
      const upper = each.toUpperCase(), lower = each.toLowerCase();
      properties["inside quotes"].push(Number(inside));
      properties["position in the line"].push(column);
      properties["after a newline"].push(Number(each === "\n"));
      properties["letter case"].push(upper === lower ? NaN : Number(each === upper));
    }
    return Object.entries(properties).flatMap(([name, values]) => {
      let found = null;
      names.forEach((state, place) => {
        for (let number = 0; state !== null && number < DATA.initial[place].length; number++) {
          const correlation = pearson(values, all.map(each => each.states[place][number]));
          if (Math.abs(correlation) > Math.abs(found?.correlation ?? 0)) found = {name, unit: `${state}.${number}`, correlation};
        }
      });
      return found ? [found] : [];
    });
  }
}

function pearson(a, b) {
  let n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  a.forEach((each, i) => {
    if (Number.isNaN(each)) return;
    n++; x += each; y += b[i]; xx += each * each; yy += b[i] * b[i]; xy += each * b[i];
  });
  const scale = Math.sqrt((xx - x * x / n) * (yy - y * y / n));
  return n > 1 && scale > 1e-9 ? (xy - x * y / n) / scale : 0;
}
