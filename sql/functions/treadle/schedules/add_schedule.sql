-- Adds a schedule by hand. p_schedule holds the columns of treadle.schedules by name; without a name it gets that of its task,
-- with a number where that is taken. Tells the engines. Raises TR007 when the name that was asked for is taken.
create or replace function treadle.add_schedule(p_schedule jsonb) returns treadle.schedules
language plpgsql
as $$
declare
  v_new treadle.schedules := jsonb_populate_record(null::treadle.schedules, p_schedule);
begin
  perform pg_advisory_xact_lock(hashtext('treadle.add_schedule')); -- two of them must not choose the same name
  if v_new.name is null then
    v_new.name := treadle.free_schedule_name(v_new.task_name);
  elsif exists (select from treadle.schedules s where s.name = v_new.name) then
    raise exception 'there is a schedule named "%" already: choose another name, or remove that one first', v_new.name
      using errcode = 'TR007';
  end if;

  insert into treadle.schedules
    (name, namespace_name, task_name, version, cron, timezone, missed, backfill_limit, starts_at, ends_at, context, labels,
     next_at, created_by, created_at, updated_at)
  values (
    v_new.name, v_new.namespace_name, v_new.task_name, v_new.version, v_new.cron, v_new.timezone, v_new.missed,
    v_new.backfill_limit, v_new.starts_at, v_new.ends_at, v_new.context, v_new.labels, v_new.next_at,
    v_new.created_by, treadle.now(), treadle.now()
  )
  returning * into v_new;
  perform pg_notify('treadle', 'schedules');
  return v_new;
end
$$;
