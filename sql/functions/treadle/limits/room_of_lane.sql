-- The room of the fullest group of a lane, p_wanted at most, and the group when it has none. p_rooms: what is known of the
-- room of groups, and what was taken of it; comes back with what was asked.
create or replace function treadle.room_of_lane(
  p_group_ids bigint[],
  p_rooms jsonb,
  p_wanted integer,
  p_at timestamptz,
  out room integer,
  out full_group_id bigint,
  out opens_at timestamptz,
  out rooms jsonb
)
language plpgsql
as $$
declare
  v_group_id bigint;
  v_room record;
begin
  room := p_wanted;
  rooms := p_rooms;
  opens_at := '-infinity';
  foreach v_group_id in array p_group_ids loop
    if not rooms ? v_group_id::text then
      v_room := treadle.group_room(v_group_id, p_wanted, p_at);
      rooms := rooms || jsonb_build_object(v_group_id, v_room.room);
      opens_at := v_room.opens_at;
    end if;
    room := least(room, (rooms ->> v_group_id::text)::integer);
    if room = 0 then
      full_group_id := v_group_id;
      return;
    end if;
    opens_at := '-infinity';
  end loop;
end
$$;
