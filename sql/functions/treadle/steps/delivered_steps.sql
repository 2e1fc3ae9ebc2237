-- claimed_steps, where one step cannot spoil the claim of the others: when the results of its parents are together more
-- than jsonb can hold (256 MB), it comes without them (parent_results null) and its worker fails it. Gathered before they
-- are returned: rows that a failed statement has returned already would stay.
create or replace function treadle.delivered_steps(p_step_ids bigint[]) returns setof treadle.claimed_step
language plpgsql stable
as $$
declare
  v_step_id bigint;
  v_steps treadle.claimed_step[];
begin
  begin
    v_steps := array(select s from treadle.claimed_steps(p_step_ids) s);
  exception
    when program_limit_exceeded or statement_too_complex then
      foreach v_step_id in array p_step_ids loop
        begin
          v_steps := v_steps || array(select s from treadle.claimed_steps(array[v_step_id]) s);
        exception
          when program_limit_exceeded or statement_too_complex then
            v_steps := v_steps || array(select s from treadle.claimed_steps(array[v_step_id], false) s);
        end;
      end loop;
  end;
  return query select * from unnest(v_steps);
end
$$;
