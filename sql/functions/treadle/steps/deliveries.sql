-- The documents (see delivery) that bring claimed steps to their worker: one for all, or one for each when the results of
-- their parents are large; without the results that the worker has (p_known_ids, p_known_tasks). A step whose parents' results are beyond 256 MB comes without them, and its worker fails it.
create or replace function treadle.deliveries(
  p_step_ids bigint[],
  p_claim_ids bigint[],
  p_known_ids bigint[] default '{}',
  p_known_tasks jsonb default '{}'
) returns setof json
language plpgsql stable
as $$
declare
  c_together constant bigint := 32 * 1024 * 1024;
  c_alone constant bigint := 256 * 1024 * 1024;
  v_document json;
begin
  if coalesce(cardinality(p_step_ids), 0) = 0 then
    return;
  end if;
  v_document := treadle.delivery(p_step_ids, p_claim_ids, c_together, p_known_ids, p_known_tasks);
  if v_document is not null then
    return next v_document;
    return;
  end if;
  for place in 1..cardinality(p_step_ids) loop
    return next coalesce(
      treadle.delivery(array[p_step_ids[place]], array[p_claim_ids[place]], c_alone, p_known_ids, p_known_tasks),
      treadle.delivery(array[p_step_ids[place]], array[p_claim_ids[place]], c_alone, p_known_ids, p_known_tasks, false)
    );
  end loop;
end
$$;
