-- A process serves other handlers from now on: workers in other languages have connected to it, or left it. A
-- process that was declared dead says it when it comes back.
create or replace function treadle.change_worker(
  p_worker_id bigint,
  p_epoch integer,
  p_handlers text[],
  p_capacity integer
) returns void
language plpgsql
as $$
begin
  update treadle.workers
  set handlers = p_handlers, capacity = p_capacity
  where worker_id = p_worker_id and epoch = p_epoch;
end
$$;
