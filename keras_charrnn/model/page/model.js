// A model in the browser: its weights, its step, and how symbols are drawn. `DATA` and `STEP` come from the export.
"use strict";

const erf = x => {  // Abramowitz and Stegun 7.1.26, refined by its own series where it is small
  if (Math.abs(x) < 2) {
    let sum = x, term = x;
    for (let n = 1; n < 60; n++) { term *= -x * x / n; sum += term / (2 * n + 1); }
    return sum * 2 / Math.sqrt(Math.PI);
  }
  const t = 1 / (1 + 0.5 * Math.abs(x));
  const r = t * Math.exp(-x * x - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 +
    t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))));
  return x >= 0 ? 1 - r : r - 1;
};

const roundEven = x => Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);

function bytesOf(text) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

// An allocator in one memory, which WebAssembly reads too; without it the same in JavaScript, slower.
function makeArena(size) {
  let buffer, product = null;
  try {
    const memory = new WebAssembly.Memory({initial: Math.ceil((size + 65536) / 65536)});
    const module = new WebAssembly.Module(bytesOf(DATA.wasm));
    product = new WebAssembly.Instance(module, {env: {memory}}).exports.matvec;
    buffer = memory.buffer;
  } catch (error) {
    buffer = new ArrayBuffer(size + 65536);
  }
  let used = 0;
  const make = (type, count) => {
    const made = new type(buffer, used, count);
    used += Math.ceil(made.byteLength / 16) * 16;
    return made;
  };
  const matvec = (x, w, y, k, n) => {
    if (product && x.buffer === buffer && w.buffer === buffer) {
      product(x.byteOffset, w.byteOffset, y.byteOffset, k, n);
      return;
    }
    y.fill(0);
    for (let i = 0; i < k; i++) {
      const a = x[i], row = i * n;
      for (let j = 0; j < n; j++) y[j] += a * w[row + j];
    }
  };
  return {make, matvec, fast: product !== null};
}

function readWeight(weight, make) {
  const {size, rows, columns, scales, axis} = weight, bytes = bytesOf(weight.data), made = make(Float32Array, size);
  if (!scales) {
    made.set(new Float32Array(bytes.buffer));
    return made;
  }
  const whole = new Int8Array(bytes.buffer), scale = new Float32Array(bytesOf(scales).buffer);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      made[i * columns + j] = whole[i * columns + j] * scale[axis === 0 ? j : i];
  return made;
}

class Model {
  constructor() {
    const sizes = DATA.weights.reduce((sum, each) => sum + Math.ceil(each.size / 4) * 16, 0);
    const arena = makeArena(sizes + DATA.bytes);
    this.fast = arena.fast;
    const weights = DATA.weights.map(each => readWeight(each, arena.make));
    this.program = STEP(weights, arena.make, arena.matvec);
    this.symbols = DATA.symbols;
    this.ids = new Map(this.symbols.map((symbol, id) => [symbol, id]));
  }

  // Ids of a text and the characters that each stands for: one that the model drops belongs to the symbol before it.
  read(text) {
    const ids = [], lengths = [];
    const unknown = this.ids.get(DATA.unknown);
    let dropped = 0;
    for (const character of DATA.isBytes ? bytewise(text) : text) {
      const id = this.ids.get(character) ?? unknown;
      if (id === undefined) {
        if (!DATA.drops) throw new Error(`the model does not know the character “${character}”; leave it out`);
        if (ids.length) lengths[lengths.length - 1]++;
        else dropped++;
        continue;
      }
      ids.push(id);
      lengths.push(DATA.isBytes ? Number((id & 0xC0) !== 0x80) : 1 + dropped);
      dropped = 0;
    }
    return {ids, lengths};
  }

  encode(text) { return this.read(text).ids; }

  initial() { return DATA.initial.map(each => Float32Array.from(each)); }

  // The states before the first character that is written, after what stands before any text.
  begin() {
    const states = this.initial();
    return {states, logits: Float32Array.from(this.program.step(DATA.first, states))};
  }

  step(id, states) { return this.program.step(id, states); }
}

function bytewise(text) {
  return Array.from(new TextEncoder().encode(text), byte => DATA.symbols[byte]);
}

function logSoftmax(logits) {
  let most = -Infinity, sum = 0;
  for (const each of logits) most = Math.max(most, each);
  for (const each of logits) sum += Math.exp(each - most);
  const log = most + Math.log(sum);
  return Float32Array.from(logits, each => each - log);
}

// Marsaglia's xorshift: the same seed gives the same text.
function randomOf(seed) {
  let x = seed;
  for (const factor of [0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F]) x = Math.imul(x ^ (x >>> 15) ^ 0x9E3779B9, factor) >>> 0;
  x ||= 1;
  return () => {
    x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0;
    return x / 4294967296;
  };
}

// Draw a symbol: temperature, then the k likeliest, a share of probability, a share of the likeliest's.
function draw(logits, settings, random, allowed) {
  const {temperature, top_k, top_p, min_p} = settings;
  let places = [];
  for (let i = 0; i < logits.length; i++) if (!allowed || allowed[i]) places.push(i);
  if (!places.length) return -1;
  if (temperature === 0) return places.reduce((a, b) => logits[b] > logits[a] ? b : a);
  places.sort((a, b) => logits[b] - logits[a]);
  if (top_k) places = places.filter(i => logits[i] >= logits[places[Math.min(top_k, places.length) - 1]]);
  const most = logits[places[0]];
  let shares = places.map(i => Math.exp((logits[i] - most) / temperature));
  const sum = () => shares.reduce((a, b) => a + b, 0);
  if (top_p && top_p < 1) {
    const limit = top_p * sum();
    let total = 0, count = 0;
    while (count < shares.length && total < limit) total += shares[count++];
    shares = shares.slice(0, Math.max(1, count));
  }
  if (min_p) shares = shares.filter(each => each >= min_p * shares[0]);
  let left = random() * sum();
  for (let i = 0; i < shares.length; i++) if ((left -= shares[i]) < 0) return places[i];
  return places[shares.length - 1];
}
