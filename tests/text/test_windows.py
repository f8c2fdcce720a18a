import numpy as np
import pytest

from keras_charrnn.errors import WindowsError
from keras_charrnn.text.windows import AT_ONCE, WARM_UP, evaluation_windows, split, training_windows


def epoch_of(windows, epoch=0):
    if windows.epoch is not None:
        windows.epoch.assign(epoch)
    inputs, targets = zip(*windows.dataset.as_numpy_iterator(), strict=True)
    return np.stack(inputs), np.stack(targets)


def start_of(windows, epoch):
    """Return the first id of an epoch, of which no more is read."""
    windows.epoch.assign(epoch)
    inputs, _ = next(windows.dataset.as_numpy_iterator())
    return inputs[0, 0]


@pytest.mark.parametrize("random_offset", [False, True])
@pytest.mark.parametrize("characters", [1003, 2 * AT_ONCE])
def test_rows_continue_from_window_to_window_and_targets_are_one_ahead(characters, random_offset):
    windows = training_windows(np.arange(characters, dtype=np.uint32), 4, 20, random_offset)
    inputs, targets = epoch_of(windows)
    assert inputs.shape == (windows.steps, 4, 20)
    assert inputs.dtype == targets.dtype == np.int32
    np.testing.assert_array_equal(targets, inputs + 1)
    np.testing.assert_array_equal(inputs[1:, :, 0], inputs[:-1, :, -1] + 1)
    # Row b + 1 begins where row b ends: nothing in between is left out, nothing is there twice.
    np.testing.assert_array_equal(inputs[0, 1:, 0], inputs[-1, :-1, -1] + 1)


def test_each_epoch_has_an_offset_of_its_own_below_the_length_and_the_same_again():
    windows = training_windows(np.arange(1003), 4, 20, random_offset=True, seed=3)
    starts = [start_of(windows, epoch) for epoch in range(60)]
    assert set(starts) <= set(range(20))
    assert len(set(starts)) > 12
    assert starts == [start_of(windows, epoch) for epoch in range(60)]
    other = training_windows(np.arange(1003), 4, 20, random_offset=True, seed=4)
    assert starts != [start_of(other, epoch) for epoch in range(60)]


def test_what_is_left_over_is_counted():
    windows = training_windows(np.arange(1003), 4, 20)
    assert (windows.steps, windows.characters, windows.left_over) == (12, 960, 1003 - 1 - 960)
    assert windows.shape == (4, 20)


@pytest.mark.parametrize("random_offset", [False, True])
@pytest.mark.parametrize(("characters", "batch_size", "length"), [(100, 64, 64), (30, 4, 20), (65, 4, 20), (3, 1, 5)])
def test_too_small_a_text_names_settings_that_fit(characters, batch_size, length, random_offset):
    with pytest.raises(WindowsError) as caught:
        training_windows(np.arange(characters), batch_size, length, random_offset)
    words = str(caught.value).replace(",", "").replace(";", "").split()
    assert str(characters) in words
    needed = int(words[words.index("need") + 1])
    assert training_windows(np.arange(needed), batch_size, length, random_offset).steps == 1
    advice = words[words.index("need") + 2 :]
    fitting = [int(advice[advice.index(key) + 1]) for key in ("windows.batch_size", "windows.length")]
    assert training_windows(np.arange(characters), *fitting, random_offset).steps >= 1


def test_a_text_that_no_setting_fits_says_so():
    with pytest.raises(WindowsError, match="no setting fits"):
        training_windows(np.arange(2), 1, 2, random_offset=True)


@pytest.mark.parametrize("characters", [2, 3, 129, 130, 2047, 2100, 5000, 20_000, 111_540])
def test_an_evaluation_counts_each_character_but_the_first_once_in_order(characters):
    windows = evaluation_windows(np.arange(characters))
    parts = zip(*windows.dataset.as_numpy_iterator(), strict=True)
    inputs, targets, weights = (np.concatenate(part, axis=1) for part in parts)
    counted = targets[weights > 0]
    np.testing.assert_array_equal(counted, np.arange(1, characters))
    np.testing.assert_array_equal(inputs[weights > 0], counted - 1)
    # Every row but the first has been warmed up by the characters before the first that it counts.
    for row in range(1, windows.shape[0]):
        assert (weights[row, :WARM_UP] == 0).all()
        assert weights[row, WARM_UP] == 1
    assert windows.left_over == 0


def test_an_evaluation_needs_two_characters():
    with pytest.raises(WindowsError, match="validation: an evaluation needs at least 2 characters; there are 1"):
        evaluation_windows(np.arange(1))


def test_a_split_is_contiguous_and_rounded_as_is_customary():
    parts = split(np.arange(1_115_394), (0.9, 0.1))
    assert [len(part) for part in parts] == [1_003_854, 111_540]
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(1_115_394))
    assert [part.tolist() for part in split(np.arange(10), (0.5, 0.2, 0.0))] == [[0, 1, 2, 3, 4], [5, 6], []]
