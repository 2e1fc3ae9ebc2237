-- Whether a handler has lanes. Two questions, as there are two indexes.
create or replace function treadle.has_lanes(p_handler text) returns boolean
language sql stable
as $$
  select exists (select from treadle.lanes l where l.handler = p_handler and l.waits_for is null)
    or exists (select from treadle.lanes l where l.handler = p_handler and l.waits_for is not null)
$$;
