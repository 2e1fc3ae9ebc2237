-- From the commit on the tasks of this subject (`payments`, or `payments/checkout` for all versions) run in this engine, also those
-- that a template or a task brings later. Nothing of what leaves is claimed any more, running steps end where they run, and
-- move_tasks moves the tasks. `done` is false when that was chosen already; `moving` is how many named tasks begin to move. p_again:
-- what waits in Rails is handed to it again, which may have lost the jobs; a job too many does no harm there.
-- Raises TR007 for an unknown engine or subject (p_new: it is to come), or when nobody is named.
create or replace function treadle.choose_engine(
  p_subject text,
  p_engine text,
  p_by text,
  p_reason text default null,
  p_new boolean default false,
  p_again boolean default false
) returns table (done boolean, moving integer)
language plpgsql
as $$
declare
  v_scope text := treadle.fleet_scope(p_subject, p_new);
  v_named_task_ids integer[] := treadle.fleet_named_tasks(v_scope, p_subject);
begin
  perform treadle.operator_metadata(p_by, p_reason);
  if p_engine is null or p_engine not in ('rails', 'treadle') then
    raise exception 'expected the engine rails or treadle, got "%"', p_engine using errcode = 'TR007';
  end if;
  perform pg_advisory_xact_lock(hashtext('treadle.register_template'));
  insert into treadle.fleet_choices as c (scope, subject, engine, chosen_by, reason, chosen_at)
  values (v_scope, p_subject, p_engine, p_by, p_reason, treadle.now())
  on conflict (scope, subject) do update
    set engine = excluded.engine, chosen_by = excluded.chosen_by, reason = excluded.reason, chosen_at = excluded.chosen_at
    where c.engine <> excluded.engine;
  done := found;
  moving := treadle.sync_own_named_tasks(v_named_task_ids);
  if p_again and p_engine = 'rails' then
    v_named_task_ids := array(
      select id from unnest(v_named_task_ids) id
      where not exists (select from treadle.own_named_tasks o where o.named_task_id = id)
    );
    perform treadle.begin_moves(v_named_task_ids, 'rails');
    moving := cardinality(v_named_task_ids);
  end if;
  return next;
end
$$;
