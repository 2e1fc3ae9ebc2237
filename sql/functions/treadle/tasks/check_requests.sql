-- Refuses requests that create_tasks could not carry out: nothing is written when one of them is bad.
create or replace function treadle.check_requests(p_named_task_id integer, p_requests jsonb) returns void
language plpgsql stable
as $$
declare
  v_bad record;
begin
  if not exists (select from treadle.step_definitions d where d.named_task_id = p_named_task_id and d.in_template) then
    raise exception 'no template is registered for named task %', p_named_task_id using errcode = 'TR005';
  end if;

  select r.ordinal, jsonb_typeof(r.context) as kind into v_bad
  from treadle.task_requests(p_requests) r
  where jsonb_typeof(r.context) is distinct from 'object' or r.context = '{}'
  limit 1;
  if found then
    raise exception 'the context of request % must be a JSON object with at least one key, but is %',
      v_bad.ordinal, case when v_bad.kind = 'object' then 'empty' else coalesce(v_bad.kind, 'missing') end
      using errcode = 'TR008';
  end if;

  select b.name, d.named_step_id is not null as known into v_bad
  from treadle.task_requests(p_requests) r
  cross join lateral json_array_elements_text(coalesce(r.bypass_steps, '[]')) as b (name)
  left join treadle.step_definitions d
    on d.named_task_id = p_named_task_id and d.in_template and d.step_name = b.name
  left join public.tasker_named_tasks_named_steps n
    on n.named_task_id = p_named_task_id and n.named_step_id = d.named_step_id
  where n.skippable is not true
  limit 1;
  if found and v_bad.known then
    raise exception 'step "%" cannot be bypassed: its template does not say skippable', v_bad.name
      using errcode = 'TR007';
  elsif found then
    raise exception 'step "%" cannot be bypassed: the template has no such step', v_bad.name using errcode = 'TR006';
  end if;
end
$$;
