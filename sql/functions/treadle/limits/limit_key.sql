-- What a key comes to for a task: each {{ context.path }} in it replaced by what the context of the task has there, by
-- nothing when it has nothing there. A limit without a key has the key ''. What is long is cut, and told apart by its hash.
create or replace function treadle.limit_key(p_key text, p_context jsonb) returns text
language plpgsql immutable
as $$
declare
  v_part text[];
  v_key text := coalesce(p_key, '');
begin
  for v_part in select regexp_matches(p_key, '(\{\{\s*context\.([^{}\s]+)\s*\}\})', 'g') loop
    v_key := replace(v_key, v_part[1], coalesce(p_context #>> string_to_array(v_part[2], '.'), ''));
  end loop;
  return case when length(v_key) <= 255 then v_key else left(v_key, 200) || '...' || md5(v_key) end;
end
$$;
