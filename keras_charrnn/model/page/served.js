// The engine of the served page: the server computes.
"use strict";

async function makeEngine() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  const headers = {"Content-Type": "application/json", ...(token ? {Authorization: `Bearer ${token}`} : {})};

  async function ask(address, body, signal) {
    let answer;
    try {
      answer = await fetch(address, body ? {method: "POST", headers, body: JSON.stringify(body), signal} : {headers});
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("the server does not answer; is it still running?");
    }
    if (!answer.ok) {
      let message = `status ${answer.status}`;
      try { message = (await answer.json()).error.message; } catch { /* no JSON: the status has to do */ }
      throw new Error(message);
    }
    return answer;
  }

  const listed = (await (await ask("/v1/models")).json()).data.map(each => ({name: each.id, states: []}));
  return {
    models: listed,
    serves: true,
    async open(model) {
      const found = await (await ask("/look", {model: model.name, text: ""})).json();
      model.states = found.states;
      return model;
    },
    async *write(model, prompt, {length, ...settings}, signal) {
      const body = {model: model.name, prompt, max_tokens: length ?? 300, stream: true, ...settings};
      const reader = (await ask("/v1/completions", body, signal)).body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const {value, done} = await reader.read();
        if (done) return;
        const events = (rest + value).split("\n\n");
        rest = events.pop();
        for (const event of events) {
          const data = event.replace(/^data: /, "");
          if (data === "[DONE]") return;
          const part = JSON.parse(data);
          if (part.error) throw new Error(part.error.message);
          yield part.choices[0].text;
        }
      }
    },
    async look(model, text, unit) {
      return (await ask("/look", {model: model.name, text, ...(unit ? {unit} : {})})).json();
    },
    async named(model, text) {
      return (await (await ask("/look", {model: model.name, text, named: true})).json()).named;
    },
    async causes(model, text, place) {
      return (await (await ask("/causes", {model: model.name, text, place})).json()).causes;
    },
  };
}
