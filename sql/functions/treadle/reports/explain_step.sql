-- Why a step is where it is, in words, for people and for `treadle status`.
create or replace function treadle.explain_step(p_step_id bigint) returns text
language plpgsql
as $$
declare
  v_now timestamp := treadle.utc_now();
  v_step record;
  v_detail text;
  v_claimed timestamp; -- its in_progress row may follow later
begin
  select v.*, s.attempts, coalesce(s.retry_limit, 3) as retry_limit, s.retryable, s.results,
    c.metadata, c.created_at as since, r.handler as ready_handler, r.workflow_step_id is not null as is_ready,
    coalesce(t.to_state, 'pending') as task_state
  into v_step
  from treadle.step_verdicts(array[p_step_id], v_now) v
  join public.tasker_workflow_steps s on s.workflow_step_id = v.workflow_step_id
  left join public.tasker_workflow_step_transitions c on c.workflow_step_id = v.workflow_step_id and c.most_recent
  left join public.tasker_task_transitions t on t.task_id = v.task_id and t.most_recent
  left join treadle.ready_steps r on r.workflow_step_id = v.workflow_step_id;
  if not found then
    raise exception 'there is no workflow step %', p_step_id using errcode = 'TR006';
  end if;

  case v_step.verdict
    when 'done' then
      return case
        when v_step.metadata ->> 'resolved_by' = 'bypass' then 'bypassed when the task was created'
        when v_step.state = 'resolved_manually' then
          'resolved by ' || coalesce(v_step.metadata ->> 'resolved_by', 'hand')
            || coalesce(': ' || (v_step.metadata ->> 'reason'), '')
        else 'complete after ' || v_step.attempts || case v_step.attempts when 1 then ' attempt' else ' attempts' end
      end;
    when 'running' then
      select ' on worker ' || coalesce(w.name, k.worker_id::text), k.claimed_at at time zone 'UTC'
      into v_detail, v_claimed
      from treadle.claims k
      left join treadle.workers w on w.worker_id = k.worker_id
      where k.workflow_step_id = p_step_id;
      return 'running' || coalesce(v_detail, ', but no worker of Treadle holds it') || ' since '
        || to_char(coalesce(v_claimed, v_step.since), 'HH24:MI:SS') || ' UTC, attempt ' || coalesce(v_step.attempts, 0) + 1;
    when 'cancelled' then
      return 'cancelled' || coalesce(' by ' || (v_step.metadata ->> 'by'), '')
        || coalesce(': ' || (v_step.metadata ->> 'reason'), '');
    when 'failed' then
      -- a permanent failure uses up all attempts, so that Rails readers see it blocked; the audit row knows how many there were
      return 'failed for good at attempt ' || coalesce(v_step.metadata ->> 'attempt_number', v_step.attempts::text)
        || ' of ' || v_step.retry_limit || ': '
        || coalesce(v_step.results ->> 'error', 'no error was kept');
    when 'stuck' then
      return 'can never run: ' || case
        when v_step.attempts >= v_step.retry_limit then 'its retry limit of ' || v_step.retry_limit || ' leaves no attempt'
        else 'somebody else has flagged it as processed or in process'
      end;
    when 'blocked' then
      select string_agg(n.name || ' (' || coalesce(c.to_state, 'pending') || ')', ', ' order by n.name) into v_detail
      from public.tasker_workflow_step_edges e
      join public.tasker_workflow_steps s on s.workflow_step_id = e.from_step_id
      join public.tasker_named_steps n on n.named_step_id = s.named_step_id
      left join public.tasker_workflow_step_transitions c on c.workflow_step_id = s.workflow_step_id and c.most_recent
      where e.to_step_id = p_step_id and coalesce(c.to_state, 'pending') not in ('complete', 'resolved_manually');
      return 'waits for ' || v_detail;
    when 'waiting' then
      return 'attempt ' || coalesce(v_step.attempts, 0) + 1 || ' of ' || v_step.retry_limit || ' at '
        || to_char(v_step.ready_at, 'HH24:MI:SS') || ' UTC, after: '
        || coalesce(v_step.results ->> 'error', 'no error was kept');
    else
      select string_agg(
        'its ' || p.scope || ' is paused by ' || p.paused_by || ' since '
          || to_char(p.paused_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC' || coalesce(': ' || p.reason, ''),
        '; '
      ) into v_detail
      from treadle.pauses_of(v_step.task_id, v_step.ready_handler) p;
      return case
        when treadle.runs_in_rails(v_step.task_id) then 'ready, for the Rails engine, which was chosen for its task'
        when v_step.is_ready and v_detail is not null then 'ready, but ' || v_detail
        when v_step.is_ready and v_step.ready_handler is null then 'ready, but no template says which handler runs it'
        when v_step.is_ready and not exists (
          select from treadle.workers w where v_step.ready_handler = any (w.handlers) and w.expires_at > treadle.now()
        ) then 'ready, but no live worker serves its handler "' || v_step.ready_handler || '"'
          || coalesce(
            (select min(', which runs as ' || h.runtime) from treadle.handler_runtimes() h where h.handler = v_step.ready_handler),
            ''
          )
        when v_step.is_ready then 'ready, ' || coalesce(treadle.explain_limits(p_step_id), 'waits for a free worker')
        when v_step.task_state = 'in_progress' then 'ready, but not offered yet: its task is about to be woken'
        else 'ready, waits for its task, which is ' || v_step.task_state
      end;
  end case;
end
$$;
