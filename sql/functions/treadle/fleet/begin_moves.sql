-- The unfinished tasks of these named tasks move to this engine from now on, page by page (move_tasks). Until they have left us
-- their ready steps are held, as in a pause; a move in the other direction ends that.
create or replace function treadle.begin_moves(p_named_task_ids integer[], p_engine text) returns void
language plpgsql
as $$
begin
  if coalesce(cardinality(p_named_task_ids), 0) = 0 then
    return;
  end if;
  insert into treadle.moving_named_tasks (named_task_id, engine)
  select id, p_engine from unnest(p_named_task_ids) id
  on conflict (named_task_id) do update set engine = excluded.engine, after_task_id = 0, looked_at = null;
  delete from treadle.moving_tasks where named_task_id = any (p_named_task_ids);
  if p_engine = 'rails' then
    insert into treadle.pauses (scope, subject, paused_by, reason, paused_at)
    select 'named_task', id::text, 'treadle fleet', 'it moves to the Rails engine', treadle.now()
    from unnest(p_named_task_ids) id
    on conflict do nothing;
  else
    perform treadle.resume('named_task', p.subject)
    from treadle.pauses p
    where p.scope = 'named_task' and p.subject = any (p_named_task_ids::text[]);
  end if;
  perform pg_notify('treadle', 'fleet');
end
$$;
