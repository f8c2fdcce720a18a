"""From whom a training learns besides its text: the section `teacher`."""

import dataclasses

from keras_charrnn.common import ready
from keras_charrnn.common.files import user_path
from keras_charrnn.common.joined import separate
from keras_charrnn.errors import CharRNNError
from keras_charrnn.recipe.checks import either, optional, pathname, several, show
from keras_charrnn.recipe.section import Section, key
from keras_charrnn.recipe.sections import SHARE_ABOVE_0
from keras_charrnn.recipe.starting import file_of

_PATH = pathname("the path of a run or a .keras file")
_PATHS = optional(either(_PATH, several(_PATH, "paths of runs or .keras files", minimum=1)))


@dataclasses.dataclass(frozen=True)
class Teacher(Section):
    """Trained models from whose probabilities a training learns too: knowledge distillation.

    Where a text has but the one symbol that came, they tell of all others how likely they were. What is minimised is
    the cross-entropy with a mixture of both.
    """

    source: str | tuple | None = key(
        None,
        "runs, .keras files or models of the package, with + between them or a list, the mean of whose probabilities "
        "is learned too; null: the text alone",
        _PATHS,
        name="from",
    )
    weight: float = key(0.5, "share of theirs in what is learned; the rest is of the text", SHARE_ABOVE_0)


def located(source, folder, problems, begun=False):
    """Return the paths of the models that `teacher.from` names, absolute, a tuple; None for none.

    Args:
        source: As a recipe has it. Names with a "+" of their own are told from several by their being there, or by
            their folder's; or they stand in a list.
        folder: From which the paths start.
        problems: A list, to which is added what cannot be.
        begun: Whether they may be missing, as for a run that has ended.
    """
    if source is None:
        return None
    given = separate(source, folder) if isinstance(source, str) else source
    if "" in given:
        problems.append(f"teacher.from: must have a path on both sides of each +, not {show(source)}")
        return None
    found = []
    for each in given:
        try:
            path = _place(each, folder)
            path = path if path.exists() else ready.find_model(each) or path
            if not begun:
                file_of(path)
            if str(path) in found:
                problems.append(f"teacher.from: names each model once; {each} is there twice")
            found.append(str(path))
        except CharRNNError as error:
            problems.append(f"teacher.from: {error}")
    return tuple(found)


def _place(path, folder):
    return user_path(folder / user_path(path))
