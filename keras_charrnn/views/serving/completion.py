"""An answer that is text, in parts or whole, in the form that clients of OpenAI's read."""

import math
import time
import uuid

import numpy as np

from keras_charrnn.text.vocabularies import DOCUMENT
from keras_charrnn.views.inspection.trace import trace
from keras_charrnn.views.serving.answers import dumped, error_of
from keras_charrnn.views.serving.fields import BadRequest
from keras_charrnn.views.serving.looks import alone, plain


class Completion:
    """What there is of an answer."""

    def __init__(self, asked, served):
        self.id, self.created = f"cmpl-{uuid.uuid4().hex}", int(time.time())
        self._asked, self._served = asked, served
        self._texts = [asked["prompt"] if asked["echo"] else ""] * asked["n"]
        self._tokens, self._nats = ([[] for _ in range(asked["n"])] for _ in range(2))
        self._ends = [""] * asked["n"]

    @property
    def echoed(self):
        """The prompt for each sample, where it is to be sent; else nothing."""
        return [self._asked["prompt"]] * self._asked["n"] if self._asked["echo"] and self._asked["prompt"] else []

    async def take(self, news):
        """Yield the parts of the answer as they come, until all samples have ended.

        Raises:
            BadRequest: If the model cannot go on.
        """
        while not all(self._ends):
            items, problem = await news.get()
            if problem is not None:
                raise BadRequest(problem, 503)
            for number, text, ids, nats, ended in items:
                self._texts[number] += text
                self._tokens[number] += ids
                self._nats[number] += nats
                self._ends[number] = ended
            yield items

    def part(self, number, text, ids, nats, ended):
        """Return a part of it as an event has it."""
        begin = len(self._texts[number]) - len(text)  # which has been taken in already
        found = None if self._asked["logprobs"] is None else self._figures(ids, nats, None, begin)
        choice = {"index": number, "text": plain(text), "logprobs": found, "finish_reason": _finish(ended)}
        return {**self._frame(), "choices": [choice]}

    def whole(self):
        """Return all of it."""
        choices = []
        for number, text in enumerate(self._texts):
            found = None
            if self._asked["logprobs"] is not None:
                ids, nats = self._tokens[number], self._nats[number]
                likeliest = self._likeliest(number, ids) if self._asked["logprobs"] else None
                found = self._figures(ids, nats, likeliest)
            choices.append(
                {"index": number, "text": plain(text), "logprobs": found, "finish_reason": _finish(self._ends[number])}
            )
        vocabulary = self._served.model.vocabulary
        read_, made = len(vocabulary.encode(self._asked["prompt"])), sum(map(len, self._tokens))
        usage = {"prompt_tokens": read_, "completion_tokens": made, "total_tokens": read_ + made}
        return {**self._frame(), "choices": choices, "usage": usage}

    def _frame(self):
        return {"id": self.id, "object": "text_completion", "created": self.created, "model": self._served.name}

    def _figures(self, ids, nats, likeliest, begin=0):
        symbols = self._served.model.vocabulary.symbols
        tokens = [plain(symbols[each]) for each in ids]
        offsets = (begin + np.cumsum([0, *map(len, tokens)])[:-1]).tolist()
        return {
            "tokens": tokens,
            "token_logprobs": [-each for each in nats],
            "top_logprobs": likeliest,
            "text_offset": offsets,
        }

    def _likeliest(self, number, ids):
        """Return of each symbol the likeliest in its place, with their log-probabilities."""
        prompt, text = self._asked["prompt"], self._texts[number]
        whole = text if self._asked["echo"] else prompt + text
        model = self._served.model
        as_traced = self._served.is_inspectable and model.vocabulary.is_of_characters and model.fresh_at != DOCUMENT
        if not (as_traced and ids and prompt):
            return None
        seen = alone(self._served, lambda: trace(self._served.model, whole, int(self._asked["logprobs"])))
        rows = zip(seen.guesses[-len(ids) :], seen.probabilities[-len(ids) :], strict=True)
        return [
            {plain(seen.symbols[each]): math.log(max(1e-30, share)) for each, share in zip(*row, strict=True)}
            for row in rows
        ]


async def streamed(completion, work, news):
    """Yield the server-sent events of an answer; the server ends this when the client has left."""
    try:
        for number, text in enumerate(completion.echoed):
            yield f"data: {dumped(completion.part(number, text, [], [], ''))}\n\n"
        async for items in completion.take(news):
            for item in items:
                if item[1] or item[4]:
                    yield f"data: {dumped(completion.part(*item))}\n\n"
        yield "data: [DONE]\n\n"
    except BadRequest as error:
        yield f"data: {dumped(error_of(str(error), error.status))}\n\n"
    finally:
        work.cancelled = True


async def until_gone(request, work, news):
    """Cancel what is being made when the client has left, and end the wait for it."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            work.cancelled = True
            news.put_nowait(([], None))
            return


def _finish(ended):
    return {"": None, "length": "length"}.get(ended, "stop")
