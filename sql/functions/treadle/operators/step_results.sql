-- What an operation answers for each step that was asked for: its move, or why there was none.
create or replace function treadle.step_results(p_step_ids bigint[], p_moves jsonb, p_expected text[]) returns jsonb
language sql
as $$
  select coalesce(jsonb_agg(
    jsonb_build_object('workflow_step_id', wanted.id, 'done', m.move is not null)
      || coalesce(m.move, treadle.step_refusal(wanted.id, p_expected))
    order by wanted.position
  ), '[]')
  from unnest(p_step_ids) with ordinality as wanted (id, position)
  left join jsonb_array_elements(p_moves) as m (move) on (m.move ->> 'workflow_step_id')::bigint = wanted.id
$$;
