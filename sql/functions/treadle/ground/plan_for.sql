-- How the statements of the calling function are planned: for a few rows the cached plan (planning would cost more than
-- the work), for many a plan made for just these arrays and the tables as large as they are now. A cached plan may date from
-- a table that was nearly empty, and then reads all of it for every row of the batch. Ends with the calling function, which
-- needs a SET clause for plan_cache_mode of its own.
create or replace function treadle.plan_for(p_rows integer) returns void
language plpgsql
as $$
begin
  perform set_config('plan_cache_mode', case when p_rows > 32 then 'force_custom_plan' else 'force_generic_plan' end, true);
end
$$;
