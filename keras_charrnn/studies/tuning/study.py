"""The search itself, which is Optuna's: what to try next, and which trials to end early."""

import math
import random

from keras_charrnn.common.extras import require
from keras_charrnn.studies.tuning.results import DONE, FAILED, RUNNING

FACTOR = 2  # after 1, 2, 4, … epochs the better half goes on


def load_optuna():
    """Return the module of Optuna, silent.

    Raises:
        ExtraError: If it is not installed.
    """
    optuna = require("optuna", "a search needs Optuna; install it with", "tune")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


class Study:
    """Proposes trials with a tree-structured Parzen estimator, and halves them by successive halving.

    Optuna's study is made anew for each trial, from what came of those before it. So all that a search knows is in the
    list of its trials, and a search that was interrupted proposes what it would have proposed.

    Args:
        space: A `Space`.
        seed: Of the proposals.

    Raises:
        ExtraError: If Optuna is not installed.
    """

    def __init__(self, space, seed):
        self._optuna, self._space, self._seed = load_optuna(), space, seed
        self._distributions = space.distributions(self._optuna)

    def propose(self, trials):
        """Return the values to try next, a mapping from paths; None where all have been tried.

        Args:
            trials: Every `Trial` before it.
        """
        tried = [each.values for each in trials]
        left = None
        if self._space.grid is not None:
            left = [each for each in self._space.grid if each not in tried]
            if not left:
                return None
        seed = (self._seed + len(trials)) % 2**32
        values = self._space.to_values(self._replay(trials, seed).ask(self._distributions).params)
        return values if left is None or values in left else random.Random(seed).choice(left)

    def begin(self, trials, values):
        """Return Optuna's trial for values: it takes the loss of each epoch, and knows whether to go on.

        Args:
            trials: Every `Trial` before it.
            values: As `propose` returned them.
        """
        return self._ask(self._replay(trials), values)

    def _replay(self, trials, seed=None):
        """Return a study that has seen what the trials that have ended came to."""
        optuna = self._optuna
        pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=FACTOR)
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner)
        states = optuna.trial.TrialState
        for each in trials:
            if each.state == RUNNING:
                continue
            asked = self._ask(study, each.values)
            for epoch, loss in enumerate(each.losses, start=1):
                asked.report(math.nan if loss is None else loss, epoch)
                asked.should_prune()  # notes how far the trial got
            if each.state == FAILED or each.nats_per_character is None:
                study.tell(asked, state=states.FAIL)
            elif each.state == DONE:
                study.tell(asked, each.nats_per_character)
            else:
                study.tell(asked, state=states.PRUNED)
        return study

    def _ask(self, study, values):
        study.enqueue_trial(self._space.to_params(values))
        return study.ask(self._distributions)
