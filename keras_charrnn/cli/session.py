"""What a line means to `keras-charrnn write`: text, or a slash-command."""

import dataclasses
import shutil
import signal
from collections.abc import Callable

from keras_charrnn.common.escapes import unescape
from keras_charrnn.common.files import user_path, write_text
from keras_charrnn.common.importing import suggest
from keras_charrnn.common.screen import Screen, say, show
from keras_charrnn.common.shell import quote
from keras_charrnn.common.signals import HeldSignals
from keras_charrnn.errors import SettingsError


class Session:
    """Answers lines: with text, or with what a command does.

    Args:
        draft: A `Draft`.
        interactive: Whether a person sits before it: colours, and messages on standard output.
        raw: Whether a backslash in a line begins no escape.
    """

    def __init__(self, draft, interactive, raw=False):
        self.draft, self.interactive, self.raw = draft, interactive, raw
        self._screen, self._errors = Screen(), Screen(stderr=True)
        self._saved = None

    def answer(self, line):
        """Do what a line asks for; return whether to go on.

        Raises:
            CharRNNError: If it cannot be done; the text is as before.
        """
        if line.startswith("/") and not line.startswith("//"):
            return self._command(line)
        several = len(self.draft.offers) > 1
        if several and line.strip().isdecimal():
            self.pick(line)
            return True
        typed = line.removeprefix("/" if line.startswith("//") else "")
        typed = typed if self.raw else unescape(typed)
        self.draft.add(typed)
        if note := self.draft.vocabulary.note_of(typed, "the text"):
            self.say(note)
        self._offer(typed)
        return True

    def say(self, message):
        """Print a message, which is no text of the model's."""
        if self.interactive:
            say(self._screen, message, "dim")
        else:
            say(self._errors, message)

    def _command(self, line):
        name, _, argument = line[1:].partition(" ")
        aliases = {command.short: each for each, command in COMMANDS.items() if command.short}
        name = aliases.get(name, name)
        if name not in COMMANDS:
            near = suggest(name, COMMANDS) or ";"
            raise SettingsError(f"there is no command /{name}{near} /help lists them, and //{name} is text")
        if name == "quit":
            return False
        COMMANDS[name].do(self, argument.strip())
        return True

    def _offer(self, typed=""):
        """Make continuations and show them, a single one behind the line that it goes on with."""
        several = self.draft.settings["choices"] > 1
        if not several:
            line = self.draft.text.rpartition("\n")[2]
            self._write(line[-_columns() :] if self.interactive else typed, "dim")
        held = (signal.SIGINT,) if self.interactive else ()  # a pipe that nobody reads would hold it for good
        try:
            with HeldSignals(*held) as signals:
                for number, piece in enumerate(self.draft.offer(), start=1):
                    if several:
                        self._write(f"--- {number} ---\n", "dim")
                    self._write(piece + ("\n" if several else ""), "cyan")
                    signals.check()
        except KeyboardInterrupt:  # enough of it
            if not self.interactive:
                raise
        if not several:
            self._write("\n")
        elif self.interactive:
            self.say(f"a number from 1 to {len(self.draft.offers)} picks one")

    def _write(self, text, style=""):
        show(self._screen, text, style if self.interactive else "", end="")

    def pick(self, argument):
        self.draft.pick(_whole("pick", argument))

    def retry(self, _):
        self.draft.retry()
        self._offer()

    def undo(self, _):
        self.draft.undo()
        if self.interactive:
            end = self.draft.text[-_columns() :]
            self.say(f"the text ends in {end!r}" if end else "the text is empty")

    def show(self, _):
        self._write(self.draft.text + "\n")

    def save(self, argument):
        if not (argument or self._saved):
            raise SettingsError("/save needs the name of a file, as in /save poem.txt")
        path = user_path(argument or self._saved)
        if path != self._saved and path.exists():
            raise SettingsError(f"{path} exists already; /save under another name")
        if len(self.draft.offers) > 1:
            self.draft.accept()  # tells to pick one first
        write_text(path, self.draft.text)
        self._saved = path
        self.say(f"saved {len(self.draft.text):,} characters in {quote(path)}")

    def settings(self, _):
        self.say("  ".join(f"{name} {_shown(value)}" for name, value in self.draft.settings.items()))

    def help(self, _):
        self.say(
            "What you type is put at the end of the text, and continued. An empty line goes on. \\n is a line end, "
            r"\t a tab, \\ a backslash, \u00e9 an é."
        )
        width = max(len(command.usage(name)) for name, command in COMMANDS.items())
        for name, command in COMMANDS.items():
            usage = command.usage(name)
            self.say(f"{usage:{width}}  {command.help}" if _columns() > 80 else f"{usage}\n  {command.help}")


@dataclasses.dataclass(frozen=True)
class Command:
    """A slash-command.

    Attributes:
        help: What it does.
        do: Called with the session and the argument.
        short: Its other name, of a letter.
        argument: What it takes, for /help.
    """

    help: str
    do: Callable
    short: str = ""
    argument: str = ""

    def usage(self, name):
        return f"/{name}{f', /{self.short}' if self.short else ''} {self.argument}".rstrip()


def _setting(name, convert, optional=False):
    """Return a command's function that changes a setting, or without an argument says what it is."""

    def do(session, argument):
        if argument:
            off = optional and argument == "off"
            session.draft.change(**{name: None if off else convert(name, argument)})
        if session.interactive or not argument:
            session.say(f"{name} {_shown(session.draft.settings[name])}")

    return do


def _as_it_is(name, argument):
    return argument


def _whole(name, argument):
    try:
        return int(argument)
    except ValueError:
        raise SettingsError(f"{name} must be a whole number; received {argument!r}") from None


def _number(name, argument):
    try:
        return float(argument)
    except ValueError:
        raise SettingsError(f"{name} must be a number; received {argument!r}") from None


def _shown(value):
    return "off" if value is None else value


def _columns():
    return shutil.get_terminal_size().columns


COMMANDS = {
    "retry": Command("another continuation in place of this one", Session.retry, "r"),
    "accept": Command("take the continuation, without going on", lambda session, _: session.draft.accept(), "a"),
    "undo": Command("take away the continuation, or what was added last", Session.undo, "u"),
    "pick": Command("take one of several continuations; the number alone does too", Session.pick, "p", "N"),
    "temperature": Command("0 is the likeliest text, 1 the model's own", _setting("temperature", _number), "t", "X"),
    "top-k": Command("draw from the N likeliest symbols", _setting("top_k", _whole, optional=True), "k", "N|off"),
    "top-p": Command("draw from this share of probability", _setting("top_p", _number, optional=True), "", "X|off"),
    "min-p": Command("draw from this share of the likeliest's", _setting("min_p", _number, optional=True), "", "X|off"),
    "no-repeat": Command("let no N symbols come twice", _setting("no_repeat", _whole, optional=True), "", "N|off"),
    "allow": Command("let only these characters come", _setting("allow", _as_it_is, optional=True), "", "SET|off"),
    "forbid": Command("let these not come", _setting("forbid", _as_it_is, optional=True), "", "SET|off"),
    "pattern": Command("what all of it matches", _setting("pattern", _as_it_is, optional=True), "", "REGEX|off"),
    "line-pattern": Command(
        "what each line matches", _setting("line_pattern", _as_it_is, optional=True), "", "REGEX|off"
    ),
    "length": Command("characters of a continuation", _setting("length", _whole), "l", "N"),
    "choices": Command("continuations at a time", _setting("choices", _whole), "c", "N"),
    "settings": Command("say what is set", Session.settings),
    "show": Command("print the whole text", Session.show),
    "save": Command("write the text to a file, later without its name", Session.save, "s", "FILE"),
    "help": Command("this list", Session.help, "h"),
    "quit": Command("leave, as does Ctrl-D", None, "q"),
}
