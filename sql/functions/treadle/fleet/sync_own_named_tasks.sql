-- Brings own_named_tasks up to date for these named tasks. From the commit on nothing is started, offered or claimed of what no
-- longer runs here, and its tasks begin to move; what runs here from now on is brought here. p_move false: a template was
-- registered, and the sweep finds its tasks. Callers hold the lock of register_template. Returns how many named tasks move.
create or replace function treadle.sync_own_named_tasks(p_named_task_ids integer[], p_move boolean default true) returns integer
language plpgsql
as $$
declare
  v_own integer[];
  v_chosen boolean[];
  v_gone integer[];
  v_come integer[];
begin
  select array_agg(n.named_task_id), array_agg(c.engine is not null)
  into v_own, v_chosen
  from public.tasker_named_tasks n
  join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
  left join lateral treadle.fleet_choice_of(s.name, n.name) c on true
  where n.named_task_id = any (p_named_task_ids)
    and c.engine is distinct from 'rails'
    and exists (select from treadle.step_definitions d where d.named_task_id = n.named_task_id);

  with gone as (
    delete from treadle.own_named_tasks o
    where o.named_task_id = any (p_named_task_ids) and not o.named_task_id = any (coalesce(v_own, '{}'))
    returning o.named_task_id
  )
  select coalesce(array_agg(g.named_task_id), '{}') into v_gone from gone g;
  v_come := array(
    select id from unnest(v_own) id where not exists (select from treadle.own_named_tasks o where o.named_task_id = id)
  );
  insert into treadle.own_named_tasks (named_task_id, chosen)
  select id, chosen from unnest(v_own, v_chosen) as own (id, chosen)
  on conflict (named_task_id) do update set chosen = excluded.chosen;
  if not p_move then
    return 0;
  end if;

  perform treadle.begin_moves(v_gone, 'rails');
  perform treadle.begin_moves(v_come, 'treadle');
  return cardinality(v_gone) + cardinality(v_come);
end
$$;
