-- Looks at the groups that had no room and may have some by now. Where all lanes that wait for a group have room they are
-- open again; of the others up to p_spread times as many lanes may be tried as there is room. Returns those, and what room
-- each group has (as JSON, by its id). Callers hold the locks of lock_limits.
create or replace function treadle.look_at_full_groups(
  p_handlers text[],
  p_wanted integer,
  p_spread integer,
  p_rooms jsonb,
  p_at timestamptz,
  out rooms jsonb,
  out handlers text[],
  out group_ids bigint[],
  out most integer[]
)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
declare
  v_full record;
  v_room record;
  v_waiting integer;
begin
  rooms := p_rooms;
  handlers := '{}';
  group_ids := '{}';
  most := '{}';
  for v_full in
    select f.handler, f.group_id
    from unnest(p_handlers) as h (handler)
    cross join lateral (
      select f.handler, f.group_id from treadle.full_groups f where f.handler = h.handler and f.opens_at <= p_at offset 0
    ) f
  loop
    if not rooms ? v_full.group_id::text then
      v_room := treadle.group_room(v_full.group_id, p_wanted, p_at);
      rooms := rooms || jsonb_build_object(v_full.group_id, v_room.room);
      if v_room.room = 0 then
        update treadle.full_groups f
        set opens_at = v_room.opens_at
        where f.group_id = v_full.group_id and f.opens_at <> v_room.opens_at;
      end if;
    end if;
    if (rooms ->> v_full.group_id::text)::integer > 0 then
      v_waiting := treadle.open_group(v_full.handler, v_full.group_id, (rooms ->> v_full.group_id::text)::integer);
      if v_waiting > 0 then
        handlers := handlers || v_full.handler;
        group_ids := group_ids || v_full.group_id;
        most := most || v_waiting * p_spread;
      end if;
    end if;
  end loop;
end
$$;
