-- The one question that an engine asks every few seconds: it says that it lives, and hears what there is to do. Everything
-- but the heartbeat is only read, so that nothing can make the heartbeat wait, and most of it from the end of an index;
-- whoever hears of something to do calls the function for it. One row, explained in sql/rounds.ts.
-- p_late: a wake-up that the queue was given and that is due for so long is lost. p_handlers null: do not look for steps.
create or replace function treadle.look_around(
  p_worker_id bigint,
  p_epoch integer,
  p_lease interval,
  p_claim_ids bigint[],
  p_handlers text[],
  p_late interval
) returns table (
  alive boolean,
  lost_claim_ids jsonb,
  deaths boolean,
  ready boolean,
  changed boolean,
  unhanded boolean,
  late boolean,
  overdue boolean,
  next_wakeup_in_ms double precision,
  next_deadline_in_ms double precision,
  next_schedule_in_ms double precision
)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
declare
  v_now timestamptz := treadle.now();
begin
  alive := treadle.heartbeat(p_worker_id, p_epoch, p_lease);
  lost_claim_ids := case when cardinality(p_claim_ids) = 0 then '[]' else (
    select coalesce(jsonb_agg(believed.claim_id), '[]')
    from (
      select unnest(p_claim_ids)
      except all
      select h from treadle.held_claims(p_worker_id, p_epoch, p_claim_ids) h
    ) as believed (claim_id)
  ) end;
  deaths := exists (
    select from treadle.workers w where w.expires_at <= v_now and treadle.may_judge(w.heartbeat_at)
  ) or exists (select from treadle.lost_claims());
  ready := exists (
    select from unnest(p_handlers) as wanted (handler)
    cross join lateral (
      select from treadle.ready_steps r where r.handler = wanted.handler and not r.held and r.lane_id is null limit 1
    ) one
  ) or exists (
    select from treadle.limited_handlers l
    where l.handler = any (p_handlers) and treadle.has_lanes(l.handler)
  );
  changed := exists (select from treadle.changed_tasks);
  unhanded := exists (select from treadle.wakeups w where w.handed_at is null);
  late := exists (
    select from treadle.wakeups w
    where w.handed_at is not null and w.run_at < v_now - p_late and treadle.is_lost(w.run_at, w.handed_at, v_now, p_late)
  );
  overdue := exists (select from treadle.wakeups w where w.handed_at is not null and w.run_at <= v_now);
  next_wakeup_in_ms := (
    select extract(epoch from w.run_at - v_now) * 1000
    from treadle.wakeups w
    where w.handed_at is not null and w.run_at > v_now
    order by w.run_at
    limit 1
  );
  next_deadline_in_ms := (
    select extract(epoch from min(d.deadline_at) - v_now) * 1000 from treadle.deadlines d
  );
  next_schedule_in_ms := treadle.next_schedule_in_ms();
  return next;
end
$$;
