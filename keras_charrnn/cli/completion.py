__doc__ = """Print what makes a shell complete this program's commands and options.

bash: put `eval "$(keras-charrnn completion bash)"` in ~/.bashrc. zsh: the same with zsh, in ~/.zshrc, after compinit.
fish: `keras-charrnn completion fish > ~/.config/fish/completions/keras-charrnn.fish`.
"""

import argparse
import shlex

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser):
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def run(options):
    (commands,) = (each for each in options.parser._actions if isinstance(each, argparse._SubParsersAction))
    if options.shell == "fish":
        print("\n".join(_fish(options.parser.prog, commands)))
    else:
        print(_FUNCTION % {**_DIALECT[options.shell], **_cases(commands, _OFFER[options.shell])})


_OFFER = {
    "bash": lambda words: f'COMPREPLY=($(compgen -W {shlex.quote(" ".join(words))} -- "$word"))',
    "zsh": lambda words: f"compadd -- {shlex.join(words)}",
}
# What bash and zsh, whose words for the rest are the same, say differently; and the function of both.
_DIALECT = {
    "bash": {
        "words": "local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}\n"
        "    COMPREPLY=()",
        "is_first": "COMP_CWORD == 1",
        "else_files": "",
        "register": "complete -o default -F _keras_charrnn keras-charrnn",
    },
    "zsh": {
        "words": "local word=$words[CURRENT] before=$words[CURRENT-1] command=$words[2]",
        "is_first": "CURRENT == 2",
        "else_files": "\n            *) _files;;",
        "register": "compdef _keras_charrnn keras-charrnn",
    },
}
_FUNCTION = """_keras_charrnn() {
    %(words)s
    if (( %(is_first)s )); then
        %(commands)s
        return
    fi
    case "$command $before" in
%(values)s
    esac
    if [[ $word == -* ]]; then
        case $command in
%(options)s
        esac
    else
        case $command in
%(arguments)s%(else_files)s
        esac
    fi
}
%(register)s"""


def _shown(parser):
    """Return what there is for users: all but the options that the program gives itself."""
    return [action for action in parser._actions if action.help != argparse.SUPPRESS]


def _cases(commands, offer):
    """Return the parts of the function of bash or zsh: what to offer for commands, options, and their values."""
    values, options, arguments = [], [], []
    for name, parser in commands.choices.items():
        shown = _shown(parser)
        words = [word for action in shown for word in action.option_strings]
        options.append(f"            {name}) {offer(words)};;")
        for action in shown:
            if action.choices and action.option_strings:
                case = "|".join(f'"{name} {each}"' for each in action.option_strings)
                values.append(f"        {case}) {offer(action.choices)}; return;;")
            elif action.choices:
                arguments.append(f"            {name}) {offer(action.choices)};;")
    cases = {"values": values, "options": options, "arguments": arguments}
    return {"commands": offer(commands.choices), **{name: "\n".join(lines) for name, lines in cases.items()}}


def _fish(program, commands):
    helps = {action.dest: action.help for action in commands._choices_actions}
    for name, parser in commands.choices.items():
        first = f"complete -c {program} -n __fish_use_subcommand -f -a {name}"
        yield f"{first} -d {shlex.quote(helps[name])}"
        within = f"complete -c {program} -n {shlex.quote(f'__fish_seen_subcommand_from {name}')}"
        for action in _shown(parser):
            names = [f"-{'l' if each.startswith('--') else 's'} {each.lstrip('-')}" for each in action.option_strings]
            values = f" -x -a {shlex.quote(' '.join(action.choices))}" if action.choices else ""
            takes = " -r" if names and action.nargs != 0 and not values else ""
            if names or values:
                yield f"{within} {' '.join(names)}{takes}{values} -d {shlex.quote(action.help)}".replace("  ", " ")
