"""The rows of the contract's tables, each with the tests that hold it to its word.

A row is a method and a path; its tests are functions of `tests/contract` or `tests/e2e`. A row without a test names an
operation that is not there yet: once it is, `test_rows.py` wants a name here.
What the API serves beside the contract stands here as well.
"""

ROWS: dict[str, tuple[str, ...]] = {
    # Tenants and keys
    "POST /v1/tenants": ("test_a_tenant_has_the_limits_that_it_was_made_with",),
    "GET /v1/tenants": ("test_the_operators_list_of_tenants_has_cursors_of_its_own",),
    "GET /v1/tenants/{tenant}": ("test_a_tenant_that_is_not_there_is_not_found",),
    "PATCH /v1/tenants/{tenant}": ("test_a_tenant_is_changed_by_a_merge",),
    "DELETE /v1/tenants/{tenant}": (
        "test_the_keys_of_a_closed_tenant_die_at_once",
        "test_what_waits_for_a_closed_tenant_is_cancelled",
    ),
    "POST /v1/keys": (
        "test_a_key_is_shown_once_with_a_checksum",
        "test_a_key_is_kept_as_its_hash_alone",
        "test_a_key_never_grants_more_than_its_maker_holds",
    ),
    "GET /v1/keys": ("test_an_owner_lists_its_own_things", "test_a_use_is_noted_once_in_ten_minutes"),
    "DELETE /v1/keys/{key}": ("test_a_revoked_key_that_was_just_used_stops_working_within_five_seconds",),
    "GET /v1/secret": ("test_the_tenants_default_secret_is_one_that_the_reference_library_takes",),
    "POST /v1/secret/rotate": ("test_a_rotation_tells_the_new_secret", "test_the_overlap_is_a_day_unless_told"),
    # Tasks
    "GET /v1/task-types": ("test_the_task_types_are_described_by_json_schema",),
    "GET /v1/task-types/{name}": ("test_an_unknown_task_type_is_not_found",),
    "POST /v1/tasks": (
        "test_a_task_is_answered_with_where_to_poll_it",
        "test_a_client_may_prefer_202_to_being_sent_on",
        "test_submit_and_wait_answers_the_finished_task",
        "test_an_unknown_type_is_refused",
        "test_an_input_that_does_not_fit_is_told_where",
        "test_a_file_is_described_in_the_input_and_kept_beside_it",
    ),
    "GET /v1/tasks/{task}": (
        "test_a_task_under_way_is_answered_with_202",
        "test_an_ended_task_is_answered_with_200_well_or_badly",
        "test_a_poll_that_waits_answers_at_the_end",
        "test_an_unknown_task_is_not_found",
    ),
    "GET /v1/tasks/{task}/result": (
        "test_a_result_is_the_bare_json_that_the_task_returned",
        "test_there_is_no_result_yet_while_a_task_is_under_way",
        "test_the_result_of_a_failed_task_is_its_problem",
        "test_a_result_that_is_not_kept_is_gone",
    ),
    "GET /v1/tasks": ("test_tasks_are_listed_by_status_and_type", "test_lists_filter_by_metadata"),
    "POST /v1/tasks/{task}/cancel": (
        "test_a_waiting_task_that_is_cancelled_never_runs",
        "test_a_running_task_that_does_not_look_is_ended_all_the_same",
    ),
    "POST /v1/tasks/{task}/retry": (
        "test_an_ended_task_can_run_again_as_a_new_one",
        "test_a_task_that_has_not_ended_cannot_run_again",
    ),
    "DELETE /v1/tasks/{task}": (
        "test_an_erased_task_leaves_its_record_and_nothing_that_it_held",
        "test_a_running_task_that_is_erased_ends_and_keeps_nothing",
    ),
    "GET /v1/tasks/{task}/stream": (
        "test_a_stream_tells_each_state_until_the_end",
        "test_a_stream_that_resumes_does_not_repeat_what_is_known",
    ),
    "GET /v1/tasks/{task}/deliveries": ("test_the_deliveries_of_a_task_are_listed_beside_it",),
    # Endpoints
    "POST /v1/endpoints": (
        "test_an_endpoint_is_made_with_the_contracts_defaults",
        "test_a_secret_is_made_that_the_reference_library_takes",
        "test_a_forbidden_target_is_refused_without_telling_the_address",
    ),
    "GET /v1/endpoints": ("test_the_pages_are_the_list_without_a_gap_or_a_repeat",),
    "GET /v1/endpoints/{endpoint}": ("test_an_endpoint_is_read_where_it_was_said_to_be",),
    "PATCH /v1/endpoints/{endpoint}": (
        "test_what_is_named_changes",
        "test_null_means_the_default_again",
        "test_a_change_of_what_has_changed_is_refused",
    ),
    "DELETE /v1/endpoints/{endpoint}": ("test_a_deleted_endpoint_is_gone_and_makes_room",),
    "GET /v1/endpoints/{endpoint}/secret": ("test_a_secret_is_made_that_the_reference_library_takes",),
    "POST /v1/endpoints/{endpoint}/secret/rotate": (
        "test_a_new_secret_takes_the_place_of_the_old_one",
        "test_the_overlap_is_what_is_told",
    ),
    "POST /v1/endpoints/{endpoint}/test": (
        "test_a_test_goes_to_its_endpoint_alone_whatever_that_wants",
        "test_an_endpoint_that_is_disabled_or_deleted_is_not_tested",
    ),
    "POST /v1/endpoints/{endpoint}/enable": (
        "test_an_endpoint_is_paused_and_enabled",
        "test_enabling_forgets_why_it_was_disabled_and_since_when_it_failed",
    ),
    "POST /v1/endpoints/{endpoint}/pause": (
        "test_an_endpoint_is_paused_and_enabled",
        "test_a_disabled_endpoint_cannot_be_paused",
    ),
    "POST /v1/endpoints/{endpoint}/cancel": (
        "test_what_waits_is_cancelled",
        "test_only_the_types_that_are_named_are_cancelled",
        "test_only_what_was_made_before_is_cancelled",
    ),
    "POST /v1/endpoints/{endpoint}/recover": (
        "test_a_recover_is_a_task_with_its_place",
        "test_what_an_endpoint_has_missed_is_recovered",
    ),
    "POST /v1/endpoints/{endpoint}/pull": (
        "test_what_is_pulled_is_the_request_that_a_push_would_have_been",
        "test_a_pull_waits_for_what_comes",
        "test_a_pull_follows_the_order_of_its_endpoint",
    ),
    "POST /v1/endpoints/{endpoint}/ack": (
        "test_an_acknowledged_delivery_has_ended_as_a_pushed_one",
        "test_what_fails_follows_the_schedule",
        "test_a_claim_that_was_not_handed_out_is_refused_with_its_place",
    ),
    "POST /v1/endpoints/{endpoint}/check": (
        "test_a_check_is_a_task_with_its_messages",
        "test_a_receiver_that_is_wrong_is_told_how_to_mend_it",
    ),
    "GET /v1/endpoints/{endpoint}/stats": (
        "test_a_window_adds_up_its_buckets",
        "test_the_backlog_is_what_waits_with_the_age_of_the_oldest",
    ),
    # Events
    "POST /v1/events": (
        "test_an_event_is_answered_with_where_it_is_read",
        "test_the_data_keeps_its_bytes_all_the_way",
        "test_one_id_is_one_event_however_often_it_comes",
        "test_an_id_with_other_content_is_a_conflict",
    ),
    "POST /v1/events/batch": (
        "test_a_bad_line_does_not_spoil_the_others",
        "test_ndjson_is_read_line_by_line",
        "test_a_thousand_lines_are_taken_and_none_too",
    ),
    "GET /v1/events": (
        "test_events_are_listed_newest_first_and_by_page",
        "test_events_are_found_by_what_they_are",
        "test_events_are_found_by_their_time",
    ),
    "GET /v1/events/{event}": ("test_an_event_is_read_as_it_was_answered",),
    "GET /v1/events/{event}/deliveries": ("test_an_event_counts_the_deliveries_that_it_made",),
    "POST /v1/events/{event}/replay": (
        "test_a_replay_goes_to_what_matches_now",
        "test_a_replay_may_name_its_endpoint_subscribed_or_not",
    ),
    "DELETE /v1/events/{event}/payload": (
        "test_erasing_takes_the_data_and_leaves_the_record",
        "test_erasing_takes_response_bodies_and_may_come_again",
    ),
    "PUT /v1/event-types/{name}": (
        "test_a_type_is_described_and_described_anew",
        "test_a_bad_description_is_refused_with_its_place",
        "test_data_that_does_not_fit_is_refused_with_its_place",
    ),
    "GET /v1/event-types/{name}": ("test_a_type_is_read_as_it_was_described",),
    "DELETE /v1/event-types/{name}": ("test_a_type_that_is_forgotten_is_not_there",),
    "GET /v1/event-types": ("test_types_are_listed_by_name_and_by_page",),
    # Deliveries and attempts
    "GET /v1/deliveries": (
        "test_deliveries_are_listed_by_each_filter",
        "test_deliveries_are_listed_by_endpoint_event_and_task",
    ),
    "GET /v1/deliveries/{delivery}": (
        "test_a_delivery_is_read_with_its_whole_schedule",
        "test_why_a_delivery_waits_is_told",
    ),
    "GET /v1/deliveries/{delivery}/attempts": ("test_an_attempt_shows_what_was_sent_and_what_came_back",),
    "POST /v1/deliveries/{delivery}/resend": (
        "test_a_resend_answers_with_the_delivery_as_it_is_now",
        "test_a_delivery_is_sent_again_with_the_same_bytes",
    ),
    "POST /v1/deliveries/{delivery}/cancel": (
        "test_a_cancelled_delivery_says_who_cancelled_it",
        "test_an_ended_delivery_is_not_cancelled",
    ),
    "GET /v1/deliveries/export": (
        "test_an_export_holds_every_page_newest_first",
        "test_a_table_defuses_what_a_spreadsheet_would_run",
        "test_an_export_that_fails_in_the_middle_is_seen_to_be_broken_off",
    ),
    "GET /v1/stream": (
        "test_an_attempt_is_told_as_it_happens",
        "test_who_resumes_gets_what_was_missed_and_nothing_twice",
    ),
    # The dashboard
    "POST /v1/session": (
        "test_a_key_is_exchanged_for_a_cookie_that_no_script_reads",
        "test_a_portal_link_opens_once",
    ),
    "GET /v1/session": ("test_a_session_knows_who_it_is_and_what_changes_want",),
    "DELETE /v1/session": ("test_a_session_that_was_left_is_over",),
    "POST /v1/portal-links": (
        "test_a_portal_link_shows_an_owner_its_own_endpoints_alone",
        "test_a_link_grants_no_more_than_its_maker_holds",
    ),
    "GET /v1/portal-links": ("test_links_are_listed_without_their_tokens",),
    "DELETE /v1/portal-links/{link}": ("test_a_revoked_link_ends_with_its_session",),
    "GET /v1/stats": (
        "test_a_tenants_counts_are_those_of_its_lanes",
        "test_an_owner_reads_the_counts_of_its_own_endpoints",
    ),
    "GET /v1/endpoints/{endpoint}/recover": ("test_a_preview_counts_what_a_recover_would_reopen",),
    # Operations
    "GET /healthz": ("test_a_living_process_says_so_without_a_key",),
    "GET /readyz": ("test_a_process_that_can_work_names_every_store", "test_a_store_that_is_away_is_named"),
    "GET /metrics": ("test_a_waiting_task_is_counted_with_its_age", "test_every_metric_stands_in_the_documents"),
    "GET /openapi.json": ("test_the_served_document_is_valid", "test_the_document_describes_the_webhooks"),
    "GET /problems": ("test_the_index_names_every_type",),
    "GET /problems/{code}": ("test_a_problem_type_opens_a_page_without_a_key",),
    "GET /docs": ("test_the_pages_for_people_are_served",),
}
