-- What a subject of a choice is about: `payments` a namespace, `payments/checkout` all versions of a named task. Raises TR007 for
-- what is neither, and for what does not exist, unless it is to come (p_new): a misspelt choice would move nothing.
create or replace function treadle.fleet_scope(p_subject text, p_new boolean) returns text
language plpgsql stable
as $$
declare
  v_namespace text := split_part(p_subject, '/', 1);
  v_name text := substr(p_subject, length(v_namespace) + 2);
  v_is_namespace boolean := position('/' in p_subject) = 0;
begin
  if coalesce(v_namespace, '') = '' or not v_is_namespace and v_name = '' then
    raise exception 'expected a namespace or namespace/name, got "%"', p_subject using errcode = 'TR007';
  elsif length(v_namespace) > 64 or length(v_name) > 64 then
    raise exception 'expected names of at most 64 characters, got "%"', p_subject using errcode = 'TR007';
  elsif p_new then
    null;
  elsif not exists (select from public.tasker_task_namespaces n where n.name = v_namespace) then
    raise exception 'there is no namespace "%" yet: check the spelling, or say that it is to come (--new)', v_namespace
      using errcode = 'TR007';
  elsif not v_is_namespace and treadle.named_task_ids(v_namespace, v_name) = '{}' then
    raise exception 'there is no named task "%" yet: check the spelling, or say that it is to come (--new)', p_subject
      using errcode = 'TR007';
  end if;
  return case when v_is_namespace then 'namespace' else 'named_task' end;
end
$$;
