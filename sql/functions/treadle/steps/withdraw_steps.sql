-- From here on nobody can claim these steps: a claim that was under way is visible to the next statement, a later one
-- finds nothing. What is claimed already is on record as in_progress from here on. Whoever calls this holds the locks of the tasks and rebuilds their derived rows in the end.
create or replace function treadle.withdraw_steps(p_step_ids bigint[]) returns void
language plpgsql
as $$
begin
  perform treadle.heed_pauses();
  delete from treadle.ready_steps where workflow_step_id = any (p_step_ids);
  perform treadle.write_starts(p_step_ids);
end
$$;
