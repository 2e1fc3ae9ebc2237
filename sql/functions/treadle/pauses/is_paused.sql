-- Whether a step of this task for this handler must not be claimed now.
create or replace function treadle.is_paused(p_task_id bigint, p_handler text) returns boolean
language sql stable
as $$
  select exists (select from treadle.pauses_of(p_task_id, p_handler))
$$;
