-- What the audit rows of an operation say of the operator. Raises TR007 when nobody is named.
create or replace function treadle.operator_metadata(p_by text, p_reason text) returns jsonb
language plpgsql
as $$
begin
  if coalesce(btrim(p_by), '') = '' then
    raise exception 'expected the name of whoever does it, got none' using errcode = 'TR007';
  end if;
  return jsonb_strip_nulls(jsonb_build_object('triggered_by', 'operator', 'by', p_by, 'reason', p_reason));
end
$$;
