-- The first of order, order-2, order-3 and so on that no schedule has.
create or replace function treadle.free_schedule_name(p_task_name text) returns text
language sql stable
as $$
  select c.name
  from generate_series(1, (select count(*) from treadle.schedules) + 1) as n
  cross join lateral (select case when n = 1 then p_task_name else p_task_name || '-' || n end) as c (name)
  where not exists (select from treadle.schedules s where s.name = c.name)
  order by n
  limit 1
$$;
