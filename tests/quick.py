"""How much of the longest tests the quick suite runs: those of all cells, places and kinds have a few of each there.

All of them are thorough tests too. The figures are what a machine of two cores can do in five minutes.
"""

# Of each test with parameters that takes long as a whole, how many of its cases are quick: evenly spaced ones.
CASES = {
    "test_outputs_and_gradients_are_finite_for_large_inputs_and_over_many_steps": 4,
    "test_outputs_and_states_are_those_of_a_numpy_loop_and_gradients_those_of_its_finite_differences": 9,
    "test_outputs_and_gradients_are_as_finite_in_the_layer": 1,
    "test_known_symbols_keep_their_logits_to_the_last_bit_beside_new_ones": 4,
    "test_outputs_and_gradients_equal_those_of_single_steps": 5,
    "test_a_row_that_starts_anew_within_a_window_is_a_row_of_its_own": 3,
    "test_bfloat16_is_near_float32": 2,
    "test_dropout_drops_its_share_at_its_place": 2,
    "test_the_loop_equals_single_steps_with_the_same_noise_and_so_do_the_gradients": 2,
    "test_a_window_changes_the_rows_that_it_has_read_as_adagrad_does": 1,
    "test_a_runtime_writes_the_models_200_greedy_characters_and_takes_any_number_of_rows": 1,
    "test_every_cell_can_be_exported": 2,
    "test_the_units_of_every_cell_are_those_nearest_in_parameters": 2,
    "test_the_loop_of_a_users_cell_equals_its_steps_and_so_do_all_gradients": 2,
    "test_arguments_of_their_own_survive_a_saved_model": 4,
    "test_a_run_goes_on_exactly": 1,
    "test_with_fresh_lines_every_line_is_read_alone": 1,
    "test_a_diverging_run_goes_back_with_a_smaller_rate": 1,
    "test_a_damaged_file_is_named_or_made_up_for": 4,
    "test_it_fits_and_is_accessible": 1,
    "test_colours_and_units_change_with_what_is_asked_for": 1,
    "test_the_keyboard_writes_stops_and_goes_back": 1,
    "test_a_mistake_is_a_sentence": 1,
    "test_the_file_writes_the_packages_200_greedy_characters": 3,
    "test_text_and_logarithms_are_those_of_the_package_for_a_seed": 3,
    "test_a_wrong_cell_is_caught_by_the_check_meant_for_it": 14,
}
# Those without parameters that others stand in for in the quick suite.
LATER = {
    "test_a_comparison_by_several_processes_finds_what_one_finds",
    "test_many_at_once_get_what_each_would_get_alone",
    "test_the_slstm_stays_within_one_for_any_gates_and_over_a_long_run",
    "test_one_file_is_enough_to_generate_in_a_fresh_process",
    "test_each_replica_draws_for_its_own_rows_and_everything_together_trains_and_is_repeated_by_a_seed",
    "test_ctrl_c_in_a_trial_keeps_all_and_the_search_goes_on_in_its_midst",
    "test_a_trial_that_fails_is_a_row_that_says_why_and_five_in_a_row_end_the_search",
    "test_tune_prints_a_table_and_how_to_go_on_and_goes_on",
    "test_cells_optimizers_grid_and_rates_are_trained_as_asked_for",
    "test_ctrl_c_keeps_what_is_done",
    "test_a_cell_that_fails_is_a_row_that_says_why_and_the_others_go_on",
    "test_a_run_that_time_or_patience_has_ended_goes_on_when_that_is_more",
    "test_ctrl_c_ends_a_continuation_and_ctrl_d_the_program",
    "test_an_installed_package_needs_no_plugins_and_a_model_without_it_names_it",
    "test_xla_does_without_the_library_that_ends_the_process_now_and_then",
    "test_a_failure_of_the_run_has_status_1_and_keeps_what_there_was",
    "test_output_into_a_closed_pipe_is_no_error",
    "test_the_text_is_found_from_the_folder_of_the_recipe_and_read_as_it_was_by_a_keras_without_muon",
    "test_a_signal_in_the_validation_keeps_the_epoch",
}
