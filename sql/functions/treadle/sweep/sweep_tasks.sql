-- Finds the tasks that nothing would ever move again and mends them, over all unfinished tasks in one statement. One sweep
-- at a time, and not before p_every has passed since the last: then `swept` is false and due_ms says when it is time.
-- `checked` is how many were looked at closely; p_limit of them means that there may be more, from last_task_id on.
create or replace function treadle.sweep_tasks(
  p_after bigint,
  p_every interval,
  p_grace interval,
  p_limit integer
) returns table (
  swept boolean,
  due_ms double precision,
  checked integer,
  last_task_id bigint,
  troubles jsonb,
  task_ids jsonb,
  failures jsonb,
  ready_handlers jsonb,
  finalized jsonb,
  wakeups integer
)
language plpgsql
as $$
#variable_conflict use_column
declare
  v_now timestamptz := treadle.now();
  v_swept_at timestamptz;
begin
  swept := false;
  due_ms := extract(epoch from p_every) * 1000;
  if not pg_try_advisory_xact_lock(hashtext('treadle.sweep')) then
    return next;
    return;
  end if;
  if p_after = 0 then
    select s.swept_at into v_swept_at from treadle.sweeps s;
    if v_swept_at + p_every > v_now then
      due_ms := extract(epoch from v_swept_at + p_every - v_now) * 1000;
      return next;
      return;
    end if;
    perform treadle.note_open_tasks();
    perform treadle.forget_groups(interval '1 hour', 5000);
    perform treadle.fold_state_counts();
    update treadle.sweeps set swept_at = v_now;
  end if;

  return query
  select true, due_ms, m.*
  from treadle.check_tasks(array(select * from treadle.suspect_tasks(p_after, p_grace, p_limit)), p_grace) m;
end
$$;
