-- Where the tasks of each version of a named task run, and by which rule (named_task, namespace, template; none: neither chosen nor
-- described), with its unfinished tasks: those that run in Treadle and in Rails (with the age of the oldest that Rails has
-- started), those that wait for their running steps before they move, and those in the outbox for Rails. Choices for what does
-- not exist yet are listed too.
create or replace function treadle.list_fleet()
returns table (
  namespace_name text,
  name text,
  version text,
  engine text,
  rule text,
  described boolean,
  chosen_by text,
  reason text,
  chosen_at timestamptz,
  moving boolean,
  in_treadle bigint,
  in_rails bigint,
  oldest_in_rails_seconds double precision,
  leaving bigint,
  for_rails bigint
)
language plpgsql
set plan_cache_mode = 'force_custom_plan'
as $$
#variable_conflict use_column
declare
  v_now timestamp := treadle.utc_now();
begin
  return query
  with unfinished as materialized (
    select t.named_task_id,
      count(*) filter (where u.ours and u.rails_since is null) as in_treadle,
      count(*) filter (where not u.ours or u.rails_since is not null) as in_rails,
      extract(epoch from v_now - min(u.rails_since))::double precision as oldest,
      count(*) filter (where u.leaving) as leaving,
      count(*) filter (where u.outbox) as for_rails
    from public.tasker_tasks t
    left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
    left join treadle.own_named_tasks o on o.named_task_id = t.named_task_id
    cross join lateral (
      select
        o.named_task_id is not null or coalesce(c.to_state = 'in_progress' and c.metadata ? 'event', false) as ours,
        case when c.to_state = 'in_progress' and not coalesce(c.metadata ? 'event', false) then c.created_at end as rails_since,
        exists (select from treadle.moving_tasks m where m.task_id = t.task_id) as leaving,
        exists (select from treadle.tasks_for_rails r where r.task_id = t.task_id) as outbox
    ) u
    where t.complete = false and coalesce(c.to_state, 'pending') in ('pending', 'in_progress')
    group by t.named_task_id
  ),
  known as (
    select s.name::text as namespace_name, n.name::text as name, n.version::text as version, n.named_task_id
    from public.tasker_named_tasks n
    join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
    union all
    select split_part(f.subject, '/', 1), nullif(substr(f.subject, length(split_part(f.subject, '/', 1)) + 2), ''), null, null
    from treadle.fleet_choices f
    where treadle.fleet_named_tasks(f.scope, f.subject) = '{}'
  ),
  rows as (
    select k.*, o.named_task_id is not null as own, f.scope, f.engine, f.chosen_by, f.reason, f.chosen_at,
      exists (select from treadle.step_definitions d where d.named_task_id = k.named_task_id) as described
    from known k
    left join treadle.own_named_tasks o on o.named_task_id = k.named_task_id
    left join lateral treadle.fleet_choice_of(k.namespace_name, coalesce(k.name, '')) f on true
  )
  select r.namespace_name, r.name, r.version,
    case when r.own then 'treadle' when r.named_task_id is null then r.engine else 'rails' end,
    coalesce(r.scope, case when r.described then 'template' else 'none' end),
    r.described, r.chosen_by, r.reason, r.chosen_at,
    exists (select from treadle.moving_named_tasks m where m.named_task_id = r.named_task_id),
    coalesce(u.in_treadle, 0), coalesce(u.in_rails, 0), u.oldest, coalesce(u.leaving, 0), coalesce(u.for_rails, 0)
  from rows r
  left join unfinished u on u.named_task_id = r.named_task_id
  order by r.namespace_name, r.name nulls first,
    case when r.version ~ '^\d+(\.\d+)*$' then string_to_array(r.version, '.')::integer[] end nulls last, r.version;
end
$$;
