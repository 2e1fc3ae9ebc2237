-- The triggers that count what other hands write, whether each is there, and the statement that makes it: in a database that Treadle
-- made those of migration 0011, word for word (a test compares them). Where one is missing, what is kept means nothing.
create or replace function treadle.count_triggers()
returns table (table_name text, trigger_name text, is_there boolean, statement text)
language sql stable
set search_path = pg_catalog
as $$
  select
    t.table_name,
    w.trigger_name,
    exists (
      select
      from pg_trigger g
      where g.tgname = w.trigger_name
        and g.tgrelid = to_regclass('public.' || t.table_name)
    ),
    format(
      'create trigger %I after %s execute function treadle.%I(%s)',
      w.trigger_name, format(w.event, t.table_name), w.function_name, format(w.arguments, t.kind)
    )
  from (
    values
      ('task', 'tasker_tasks', 'rows'),
      ('task', 'tasker_task_transitions', 'states'),
      ('step', 'tasker_workflow_steps', 'rows'),
      ('step', 'tasker_workflow_step_transitions', 'states')
  ) t (kind, table_name, holds)
  join (
    values
      (
        'treadle_counts_new', 'rows', 'count_new_row', '%L',
        'insert on public.%I for each row when (current_setting(''treadle.writing'', true) is distinct from ''on'')'
      ),
      (
        'treadle_counts_states', 'states', 'count_moved_state', '%L',
        'insert or update on public.%I for each row when (current_setting(''treadle.writing'', true) is distinct from ''on'')'
      ),
      (
        'treadle_counts_removed', 'rows', 'count_removed_rows', '%L, ''total''',
        'delete on public.%I referencing old table as removed for each statement'
      ),
      (
        'treadle_counts_removed', 'states', 'count_removed_rows', '%L, ''state''',
        'delete on public.%I referencing old table as removed for each statement'
      ),
      ('treadle_counts_emptied', 'rows', 'count_anew', '%L', 'truncate on public.%I for each statement'),
      ('treadle_counts_emptied', 'states', 'count_anew', '%L', 'truncate on public.%I for each statement')
  ) w (trigger_name, holds, function_name, arguments, event) on w.holds = t.holds
$$;
