-- The level of each step of a task: 0 without parents, else one more than its highest parent; ordered by level, then id.
-- Kahn's algorithm over arrays, so every edge is walked once however many paths there are, and a cycle ends it: steps in
-- a cycle or after one have no level and are left out.
create or replace function public.calculate_dependency_levels(input_task_id bigint)
returns table (
  workflow_step_id bigint,
  dependency_level integer
)
language plpgsql
stable
as $$
#variable_conflict use_column
declare
  v_step_ids bigint[]; -- steps are numbered 1..n in the order of their ids; all arrays below go by that number
  v_open_parents integer[]; -- parents that have no level yet; null for a step that can never get one
  v_child_counts integer[];
  v_children integer[]; -- of the first step, then of the second, and so on
  v_first_child integer[]; -- where a step's children begin in v_children
  v_levels integer[];
  v_queue integer[]; -- steps that have got their level, lowest level first
  v_count integer;
  v_tail integer := 0;
  v_position integer;
  v_step integer;
  v_child integer;
begin
  with step as materialized (
    select s.workflow_step_id as id, row_number() over (order by s.workflow_step_id)::integer as number
    from public.tasker_workflow_steps s
    where s.task_id = input_task_id
  ),
  edge as materialized (
    select parent.number as parent, child.number as child
    from step child
    cross join lateral (
      -- offset 0 keeps this a probe of the index per step, however little the planner knows of the table
      select e.from_step_id
      from public.tasker_workflow_step_edges e
      where e.to_step_id = child.id
      offset 0
    ) e
    left join step parent on parent.id = e.from_step_id
  ),
  incoming as (
    -- a step with parents in other tasks only is no root, and nothing here leads to it
    select child, nullif(count(parent), 0)::integer as open_parents
    from edge
    group by child
  ),
  outgoing as (
    select parent, count(*)::integer as children
    from edge
    group by parent
  )
  select
    array_agg(step.id order by step.number),
    array_agg(case when i.child is null then 0 else i.open_parents end order by step.number),
    array_agg(coalesce(o.children, 0) order by step.number),
    (select array_agg(edge.child order by edge.parent) from edge where edge.parent is not null)
  into v_step_ids, v_open_parents, v_child_counts, v_children
  from step
  left join incoming i on i.child = step.number
  left join outgoing o on o.parent = step.number;

  v_count := coalesce(cardinality(v_step_ids), 0);
  v_levels := array_fill(0, array[v_count]);
  v_queue := v_levels;
  v_first_child := v_levels;
  v_position := 1;
  for v_step in 1 .. v_count loop
    v_first_child[v_step] := v_position;
    v_position := v_position + v_child_counts[v_step];
    if v_open_parents[v_step] = 0 then
      v_tail := v_tail + 1;
      v_queue[v_tail] := v_step;
    end if;
  end loop;

  for v_head in 1 .. v_count loop
    exit when v_head > v_tail;
    v_step := v_queue[v_head];
    for v_position in v_first_child[v_step] .. v_first_child[v_step] + v_child_counts[v_step] - 1 loop
      v_child := v_children[v_position];
      v_open_parents[v_child] := v_open_parents[v_child] - 1;
      if v_open_parents[v_child] = 0 then
        -- the queue ascends by level, so the last parent to come is the highest
        v_levels[v_child] := v_levels[v_step] + 1;
        v_tail := v_tail + 1;
        v_queue[v_tail] := v_child;
      end if;
    end loop;
  end loop;

  return query
  select v_step_ids[number], v_levels[number]
  from unnest(v_queue[:v_tail]) as number
  order by v_levels[number], v_step_ids[number];
end
$$;
